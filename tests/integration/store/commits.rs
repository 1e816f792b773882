//! A commit stores everything or nothing, and only the worker that holds the lane can commit.

use super::{Store, chat, full_answer, no_refusal, old_hour};
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::item::Item;
use domain::job::{JobState, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::lane::LaneClosure;
use domain::slice::Slice;
use domain::source::{Reject, ResponseSummary};
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::{ColumnType, TableSchema, VendorTable};
use entities::{requests, streams, wolkvox_chats};
use sea_orm::EntityTrait;
use std::sync::LazyLock;
use storage::database::Database;
use storage::lanes::claim::Claim;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::{LaneSpec, load, set_closed};
use storage::ledger::CommitError;
use storage::ledger::commit::ExchangeRecord;
use storage::ledger::intake::Intake;
use storage::upsert::Effect;

/// An answer with these rows and this verdict.
fn exchange(store: &Store, claimed: &Claim, batches: Vec<RowBatch>, verdict: Verdict) -> ExchangeOutcome {
    let rows = batches.iter().map(RowBatch::len).sum();
    let judgement = Judgement { verdict, closure: None };
    let exchange = ExchangeRecord { judgement, ..full_answer(store, claimed, rows) };
    ExchangeOutcome { exchange, batches }
}

/// An exchange and the rows that it fetched.
struct ExchangeOutcome {
    exchange: ExchangeRecord,
    batches: Vec<RowBatch>,
}

async fn commit(
    db: &Database,
    lane: &LaneSpec,
    claimed: &Claim,
    outcome: ExchangeOutcome,
) -> Result<Effect, CommitError> {
    let mut intake = Intake::new(db, lane, claimed);
    for batch in outcome.batches {
        intake.take(batch).await?;
    }
    storage::ledger::commit::commit(intake, outcome.exchange, no_refusal).await
}

/// One chat of the hour that [`Store::claimed`] asks for.
fn one_chat(claimed: &Claim, id: &str) -> RowBatch {
    let start = claimed.job.slice.window().unwrap().from() + TimeDelta::minutes(1);
    RowBatch::of::<wolkvox_chats::Entity>(&[chat("a", id, Some(start), "x")])
}

/// The number of rows in each table that a commit writes.
async fn stored_counts(store: &Store) -> [i64; 4] {
    let mut found = [0; 4];
    for (count, table) in found.iter_mut().zip(["wolkvox_chats", "coverage", "requests", "rejects"]) {
        *count = store.count(table).await;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_worker_cannot_write() {
    check_stale_worker(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_worker_cannot_write_on_sqlite() {
    check_stale_worker(Engine::Sqlite).await;
}

async fn check_stale_worker(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let late = store.claimed().await;
    let lates = || {
        let mut exchange = exchange(&store, &late, vec![one_chat(&late, "late")], Verdict::Commit);
        let rejects = vec![Reject { reason: "odd".to_owned(), raw: "{".to_owned(), digest: 1 }];
        exchange.exchange.result = Ok(ResponseSummary { rows: 2, rejects, ..ResponseSummary::default() });
        exchange.exchange.judgement.closure = Some(LaneClosure { until: None, reason: "late".to_owned() });
        exchange
    };
    store.expire().await;
    assert!(matches!(commit(db, lane, &late, lates()).await, Err(CommitError::Fenced)), "the lease has ended");
    let next = store.claim_next("next").await;
    assert_eq!((next.job.id, next.job.attempt, next.lease.fence), (late.job.id, 2, 2));
    let before = load(db.connection(), &lane.key).await.unwrap();
    assert!(
        matches!(commit(db, lane, &late, lates()).await, Err(CommitError::Fenced)),
        "another worker holds the lane"
    );
    assert_eq!(stored_counts(&store).await, [0, 0, 0, 0], "the stale commit stores nothing");
    assert_eq!(load(db.connection(), &lane.key).await.unwrap(), before, "the stale commit leaves the lane unchanged");
    let works = exchange(&store, &next, vec![one_chat(&next, "next")], Verdict::Commit);
    commit(db, lane, &next, works).await.unwrap();
    assert_eq!(stored_counts(&store).await, [1, 1, 1, 0]);
    assert!(matches!(commit(db, lane, &late, lates()).await, Err(CommitError::Fenced)), "the commit is still stale");
    let again = exchange(&store, &next, vec![one_chat(&next, "again")], Verdict::Commit);
    assert!(matches!(commit(db, lane, &next, again).await, Err(CommitError::Fenced)), "a lease permits one commit");
    assert_eq!(store.made.texts("SELECT conn_id FROM wolkvox_chats").await, ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_stores_rows_coverage_evidence_and_lane_at_once() {
    check_commit(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_stores_rows_coverage_evidence_and_lane_at_once_on_sqlite() {
    check_commit(Engine::Sqlite).await;
}

async fn check_commit(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let claimed = store.claimed().await;
    let mut exchange =
        exchange(&store, &claimed, vec![one_chat(&claimed, "1"), one_chat(&claimed, "2")], Verdict::Commit);
    let slice = Slice::Item("session".to_owned());
    let of = claimed.job.slice.window().unwrap();
    let item = Item { slice: slice.clone(), scope: Some(of), seen_version: None, has_ended: false };
    exchange.exchange.result = Ok(ResponseSummary { rows: 2, items: vec![item.clone()], ..ResponseSummary::default() });
    let effect = commit(db, lane, &claimed, exchange).await.unwrap();
    assert_eq!((effect.inserted, effect.updated, effect.unchanged), (2, 0, 0));
    let ledger = store.ledger("a").await;
    let window = claimed.job.slice.window().unwrap();
    assert_eq!(ledger.coverage.settled().windows(), [window], "the hour has settled, so it is final at once");
    assert_eq!(
        ledger.jobs.iter().map(|job| (job.purpose, &job.slice, job.scope)).collect::<Vec<_>>(),
        [(Purpose::Item, &slice, Some(of))]
    );
    assert!(ledger.pace.rows_per_day.is_some());
    let request = requests::Entity::find().one(db.connection()).await.unwrap().unwrap();
    let expected = requests::Model {
        id: request.id,
        account: "a".to_owned(),
        stream: "chat_8".to_owned(),
        purpose: "settle".to_owned(),
        backfill_id: None,
        from_at: Some(window.from()),
        to_at: Some(window.to()),
        sent_at: claimed.now,
        elapsed_ms: 250,
        outcome: "answer".to_owned(),
        verdict: "commit".to_owned(),
        rows: 2,
        inserted: 2,
        updated: 0,
        unchanged: 0,
        rejected: 0,
        error: None,
        slice_key: None,
    };
    assert_eq!(request, expected);
    let (slot, now) = (load(db.connection(), &lane.key).await.unwrap().unwrap().1.slots[0], store.now().await);
    assert!(
        slot.until <= now && slot.not_before == slot.until + TimeDelta::seconds(1),
        "the lane is free again: {slot:?}"
    );
    assert!(slot.until >= claimed.now);
}

/// Rows for a table that does not exist.
fn batch_of_missing_table(claimed: &Claim) -> RowBatch {
    static MISSING_TABLE: LazyLock<TableSchema> =
        LazyLock::new(|| TableSchema { table: "nowhere".to_owned(), ..wolkvox_chats::Entity::schema().clone() });
    let mut row = Row::new(&MISSING_TABLE);
    for column in &MISSING_TABLE.columns {
        row.set_named(
            column.name,
            match column.column_type {
                ColumnType::Text => Cell::Text("x".into()),
                ColumnType::Json => Cell::Json("{}".into()),
                ColumnType::Time => Cell::Time(claimed.now),
                _ => Cell::Null,
            },
        );
    }
    let mut rows = RowBatch::new(&MISSING_TABLE);
    rows.push(&row).unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_stores_nothing() {
    check_failed_commit(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_stores_nothing_on_sqlite() {
    check_failed_commit(Engine::Sqlite).await;
}

async fn check_failed_commit(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let claimed = store.claimed().await;
    let (ledger, turn) = (store.ledger("a").await, load(db.connection(), &lane.key).await.unwrap());
    let bad: Vec<Vec<RowBatch>> = vec![vec![one_chat(&claimed, "1"), batch_of_missing_table(&claimed)]];
    for batches in bad {
        let failed = commit(db, lane, &claimed, exchange(&store, &claimed, batches, Verdict::Commit)).await;
        assert!(matches!(failed, Err(CommitError::Database(_))), "{failed:?}");
        assert_eq!(stored_counts(&store).await, [0, 0, 0, 0]);
        assert_eq!(store.ledger("a").await, ledger);
        assert_eq!(load(db.connection(), &lane.key).await.unwrap(), turn, "the worker still holds the lane");
    }
    let good = exchange(&store, &claimed, vec![one_chat(&claimed, "1")], Verdict::Commit);
    commit(db, lane, &claimed, good).await.unwrap();
    assert_eq!(stored_counts(&store).await, [1, 1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_row_is_rejected_once() {
    check_unreadable_row(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_row_is_rejected_once_on_sqlite() {
    check_unreadable_row(Engine::Sqlite).await;
}

async fn check_unreadable_row(engine: Engine) {
    let store = Store::fresh(engine).await;
    store.job("a", 0).await;
    let reject =
        |number: u128| Reject { reason: "is no object".to_owned(), raw: format!("[{number}]"), digest: number };
    for round in 1..=2 {
        let claimed = store.claim_next("worker").await;
        let due = store.now().await;
        let mut exchange = exchange(&store, &claimed, vec![one_chat(&claimed, "1")], Verdict::Recheck(due));
        let rejects = vec![reject(1), reject(2), reject(1)];
        exchange.exchange.result = Ok(ResponseSummary { rows: 4, rejects, ..ResponseSummary::default() });
        commit(store.db(), store.lane(), &claimed, exchange).await.unwrap();
        assert_eq!(
            stored_counts(&store).await,
            [1, 0, round, 2],
            "the commit stores the rows and each reject once, and no coverage"
        );
        let job = &store.ledger("a").await.jobs[0];
        assert_eq!((i64::from(job.rechecks), &job.state), (round, &JobState::Waiting));
        store.expire().await;
    }
    assert_eq!(store.made.texts("SELECT raw FROM rejects ORDER BY raw").await, ["[1]", "[2]"]);
    assert_eq!(
        store.made.number("SELECT CAST(SUM(rejected) AS BIGINT) FROM requests WHERE verdict = 'recheck'").await,
        6
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_closes_a_lane_but_never_reopens_one_closed_by_an_operator() {
    check_throttle(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_closes_a_lane_but_never_reopens_one_closed_by_an_operator_on_sqlite() {
    check_throttle(Engine::Sqlite).await;
}

async fn check_throttle(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let until = store.now().await + TimeDelta::seconds(40);
    let throttled = |claimed: &Claim| {
        let mut exchange = exchange(&store, claimed, Vec::new(), Verdict::Snooze(until));
        exchange.exchange.result = Err(Fault::Throttled { retry_after: None, text: "too many".to_owned() });
        exchange.exchange.judgement.closure = Some(LaneClosure { until: Some(until), reason: "too many".to_owned() });
        exchange
    };
    let claimed = store.claimed().await;
    commit(db, lane, &claimed, throttled(&claimed)).await.unwrap();
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Closed(Some(until)));
    assert_eq!(stored_counts(&store).await, [0, 0, 1, 0], "the commit records a refused request too");
    let row = streams::Entity::find().one(db.connection()).await.unwrap().unwrap();
    assert_eq!(row.last_error.as_deref(), Some("throttled: too many"));
    assert!(row.failing_since.is_some() && row.answered_at.is_none());
    // Another attempt, during which an operator closes the lane.
    let now = store.now().await;
    set_closed(db.connection(), &lane.key, None, now).await.unwrap();
    store.expire().await;
    store.job("a", 1).await;
    let claimed = store.claim_next("second").await;
    let shut = LaneClosure { until: None, reason: "by an operator".to_owned() };
    set_closed(db.connection(), &lane.key, Some(&shut), now).await.unwrap();
    commit(db, lane, &claimed, throttled(&claimed)).await.unwrap();
    let (_, found) = load(db.connection(), &lane.key).await.unwrap().unwrap();
    assert_eq!(found.closed, Some(shut), "the vendor's pause does not reopen a lane that an operator closed");
    assert_eq!(streams::Entity::find().one(db.connection()).await.unwrap().unwrap().failing_since, row.failing_since);
    // After an answer the account is healthy.
    set_closed(db.connection(), &lane.key, None, now).await.unwrap();
    store.expire().await;
    store.job("a", 2).await;
    let claimed = store.claim_next("third").await;
    commit(db, lane, &claimed, exchange(&store, &claimed, Vec::new(), Verdict::Commit)).await.unwrap();
    let row = streams::Entity::find().one(db.connection()).await.unwrap().unwrap();
    assert_eq!((row.failing_since, row.last_error.as_deref()), (None, None));
    assert!(row.answered_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_answer_splits_the_job_and_an_interrupted_one_keeps_its_lane() {
    check_split(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_answer_splits_the_job_and_an_interrupted_one_keeps_its_lane_on_sqlite() {
    check_split(Engine::Sqlite).await;
}

async fn check_split(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let claimed = store.claimed().await;
    let mut full = exchange(&store, &claimed, vec![one_chat(&claimed, "1")], Verdict::Split);
    full.exchange.idle = false;
    commit(db, lane, &claimed, full).await.unwrap();
    let slot = load(db.connection(), &lane.key).await.unwrap().unwrap().1.slots[0];
    assert_eq!(slot.not_before, claimed.lease.until + TimeDelta::seconds(1), "the vendor may still be at work");
    assert!(slot.until < claimed.lease.until);
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::At(slot.not_before));
    let hour = old_hour(claimed.now, 0);
    let (older, newer) = hour.halves(TimeDelta::seconds(1)).unwrap();
    let mut found: Vec<_> = store.ledger("a").await.jobs.iter().map(|job| job.slice.window().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, [older, newer]);
    assert_eq!(stored_counts(&store).await, [1, 0, 1, 0], "what came is kept; held is nothing");
}
