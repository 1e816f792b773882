//! The doctor reports each contradiction in the database, and nothing else.

use super::{Store, chat, full_answer, no_refusal, old_hour, stream};
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::fault::Fault;
use domain::job::{Job, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::lane::LaneClosure;
use domain::live_slot::slot_at;
use domain::slice::Slice;
use domain::source::{Reject, ResponseSummary};
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{coverage, wolkvox_chats};
use sea_orm::{ActiveModelTrait, Set};
use serde_json::json;
use std::time::Duration;
use storage::deliveries::{Delivery, DeliveryIngest, DeliveryProof, DeliveryState, record_refusal};
use storage::lanes::claim::Claim;
use storage::lanes::set_closed;
use storage::ledger::backfills::start;
use storage::ledger::commit::{ExchangeRecord, commit};
use storage::ledger::intake::Intake;
use storage::reports::doctor::{CHECKS, examine};

async fn failed_checks(store: &Store) -> Vec<&'static str> {
    let findings = examine(store.db(), &store.accounts).await.unwrap();
    for finding in &findings {
        assert!(
            CHECKS.contains(&finding.check) && !finding.wrong.is_empty() && !finding.remedy.is_empty(),
            "{finding:?}"
        );
    }
    findings.iter().map(|finding| finding.check).collect()
}

/// Commits an answer with one row, or a fault.
async fn commit_result(store: &Store, claimed: &Claim, result: Result<ResponseSummary, Fault>, verdict: Verdict) {
    let start = claimed.job.slice.window().unwrap().from();
    let rows = result.is_ok().then(|| RowBatch::of::<wolkvox_chats::Entity>(&[chat("a", "1", Some(start), "x")]));
    let judgement = Judgement { verdict, closure: None };
    let exchange = ExchangeRecord { result, judgement, ..full_answer(store, claimed, 0) };
    let mut intake = Intake::new(store.db(), store.lane(), claimed);
    if let Some(rows) = rows {
        intake.take(rows).await.unwrap();
    }
    commit(intake, exchange, no_refusal).await.unwrap();
    store.expire().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_nothing_on_a_healthy_database() {
    check_healthy(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_nothing_on_a_healthy_database_on_sqlite() {
    check_healthy(Engine::Sqlite).await;
}

async fn check_healthy(engine: Engine) {
    let store = Store::fresh(engine).await;
    assert_eq!(failed_checks(&store).await, [""; 0], "a fresh database");
    // Two adjacent hours, one of which was fetched twice, and a third whose first attempt failed.
    for hour in [0, 1, 0] {
        store.job("a", hour).await;
        let claimed = store.claim_next("worker").await;
        commit_result(&store, &claimed, Ok(ResponseSummary { rows: 1, ..ResponseSummary::default() }), Verdict::Commit)
            .await;
    }
    store.job("a", 2).await;
    let claimed = store.claim_next("worker").await;
    commit_result(&store, &claimed, Err(Fault::Unreachable("gone".to_owned())), Verdict::Retry(claimed.now)).await;
    let until = claimed.now + TimeDelta::hours(1);
    let closure = LaneClosure { until: Some(until), reason: "quota".to_owned() };
    set_closed(store.db().connection(), &store.lane().key, Some(&closure), claimed.now).await.unwrap();
    assert_eq!(failed_checks(&store).await, [""; 0], "a database at work");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_coverage_without_evidence_and_overlaps() {
    check_coverage_findings(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_coverage_without_evidence_and_overlaps_on_sqlite() {
    check_coverage_findings(Engine::Sqlite).await;
}

async fn check_coverage_findings(engine: Engine) {
    let store = Store::fresh(engine).await;
    store.job("a", 0).await;
    let claimed = store.claim_next("worker").await;
    let fault = Err(Fault::Unreachable("gone".to_owned()));
    commit_result(&store, &claimed, fault, Verdict::Retry(claimed.now + TimeDelta::hours(1))).await;
    let ledger = store.change("a", |ledger| ledger.coverage.settle(old_hour(claimed.now, 0))).await;
    assert_eq!(failed_checks(&store).await, ["evidence"], "a request that failed is no evidence");
    let findings = examine(store.db(), &store.accounts).await.unwrap();
    assert!(findings[0].wrong.contains(&ledger.coverage.held().windows()[0].to_string()), "{findings:?}");
    store.job("a", 0).await;
    let claimed = store.claim_next("worker").await;
    commit_result(&store, &claimed, Ok(ResponseSummary { rows: 1, ..ResponseSummary::default() }), Verdict::Commit)
        .await;
    assert_eq!(failed_checks(&store).await, [""; 0], "a further answer is evidence");
    let hour = old_hour(claimed.now, 0);
    let twice = coverage::ActiveModel {
        account: Set("a".to_owned()),
        stream: Set("chat_8".to_owned()),
        from_at: Set(hour.from() + TimeDelta::minutes(30)),
        to_at: Set(hour.to()),
        state: Set("provisional".to_owned()),
    };
    twice.insert(store.db().connection()).await.unwrap();
    assert_eq!(failed_checks(&store).await, ["overlap"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_accepts_committed_mails_and_files_as_evidence() {
    check_deliveries(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_accepts_committed_mails_and_files_as_evidence_on_sqlite() {
    check_deliveries(Engine::Sqlite).await;
}

/// Commits a delivery with one row of `hour`, and with these rejected rows.
async fn deliver(store: &Store, identity: &str, proof: DeliveryProof, hour: Window, rejects: Vec<Reject>) {
    let (account, id) = (store.account(), stream("a"));
    let stream = &account.source.streams()[0];
    let mut ingest = DeliveryIngest::open(store.db(), account, stream, &id).await.unwrap();
    ingest
        .take(&RowBatch::of::<wolkvox_chats::Entity>(&[chat("a", &hour.to_string(), Some(hour.from()), "x")]))
        .await
        .unwrap();
    let delivery = Delivery { origin: "file".to_owned(), identity: identity.to_owned(), kind: "file" };
    let summary = ResponseSummary { rows: 1, rejects, ..ResponseSummary::default() };
    let result = ingest.finish(&delivery, proof, &summary).await.unwrap();
    assert_eq!(result.state, DeliveryState::Committed);
}

async fn check_deliveries(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let hour = |number| old_hour(now, number);
    // A file that an operator imports, and a mail that answers an export.
    deliver(&store, "one", DeliveryProof::Window(hour(0), now), hour(0), Vec::new()).await;
    let export = Job::new(Purpose::Settle, Slice::Export(hour(1)), now, Duration::ZERO);
    let ledger = store.change("a", |ledger| ledger.jobs.push(export)).await;
    deliver(&store, "two", DeliveryProof::Job(ledger.jobs[0].id), hour(1), Vec::new()).await;
    let both = Window::new(hour(0).from(), hour(1).to()).unwrap();
    assert_eq!(store.ledger("a").await.coverage.held().windows(), [both]);
    assert_eq!(failed_checks(&store).await, [""; 0]);

    // A refused delivery and one with unreadable rows prove nothing.
    let refused = Delivery { origin: "file".to_owned(), identity: "three".to_owned(), kind: "file" };
    record_refusal(store.db(), &refused, Some(&stream("a")), DeliveryState::Short, "fewer rows").await.unwrap();
    let reject = Reject { reason: "no date".to_owned(), raw: "1;2".to_owned(), digest: 1 };
    deliver(&store, "four", DeliveryProof::Window(hour(2), now), hour(2), vec![reject]).await;
    let ledger = store.change("a", |ledger| ledger.coverage.settle(hour(2))).await;
    assert_eq!(failed_checks(&store).await, ["evidence"], "{ledger:?}");
    let findings = examine(store.db(), &store.accounts).await.unwrap();
    assert!(findings[0].wrong.contains(&hour(2).to_string()), "{findings:?}");
    deliver(&store, "five", DeliveryProof::Window(hour(2), now), hour(2), Vec::new()).await;
    assert_eq!(failed_checks(&store).await, [""; 0], "a later file without such rows is evidence");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_a_backfill_that_stands_still() {
    check_stalled_backfill(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_a_backfill_that_stands_still_on_sqlite() {
    check_stalled_backfill(Engine::Sqlite).await;
}

async fn check_stalled_backfill(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let days = Window::new(old_hour(now, 0).from(), old_hour(now, 23).to()).unwrap();
    let id = start(store.db(), "a", &["chat_8".to_owned()], days, Mode::Missing).await.unwrap();
    assert_eq!(failed_checks(&store).await, [""; 0], "the scheduler adds its jobs at the next tick");
    // While the rows per day are unknown the planner opens one job at a time. This one is due a little later than any refresh
    // or retry would be, and not so late that only a wrong clock explains it.
    let rules = &store.lane().rules;
    let longest = rules.interval.max(rules.refresh).max(rules.retry_max).max(Duration::from_hours(1));
    let due = now + TimeDelta::from_std(longest).unwrap() + TimeDelta::seconds(50);
    let other = Window::new(now - TimeDelta::days(1), now - TimeDelta::hours(20)).unwrap();
    let late = Job::new(Purpose::Settle, Slice::Window(other), due, Duration::ZERO);
    store
        .change("a", |ledger| {
            ledger.slot = Some(slot_at(now, rules));
            ledger.jobs.push(late);
        })
        .await;
    assert_eq!(failed_checks(&store).await, ["backfills"]);
    let findings = examine(store.db(), &store.accounts).await.unwrap();
    assert!(findings[0].wrong.contains(&format!("backfill {id} is running")), "{findings:?}");
    let own = Job::new(Purpose::Backfill(id), Slice::Window(days), now, Duration::ZERO);
    store.change("a", |ledger| ledger.jobs.push(own)).await;
    assert_eq!(failed_checks(&store).await, [""; 0], "a job of it waits");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_orphaned_jobs_and_parked_lanes() {
    check_orphans(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reports_orphaned_jobs_and_parked_lanes_on_sqlite() {
    check_orphans(Engine::Sqlite).await;
}

async fn check_orphans(engine: Engine) {
    let store = Store::with(engine, &[("a", json!({})), ("b", json!({}))]).await;
    store.job("a", 0).await;
    assert_eq!(failed_checks(&store).await, [""; 0]);
    store.job("gone", 0).await;
    store.job("gone", 1).await;
    assert_eq!(failed_checks(&store).await, ["orphans"]);
    let findings = examine(store.db(), &store.accounts).await.unwrap();
    assert!(findings[0].wrong.starts_with("2 jobs"), "{findings:?}");
    let (on, now) = (store.db().connection(), store.now().await);
    let closure = LaneClosure { until: None, reason: "the token was refused".to_owned() };
    set_closed(on, &store.accounts.lane("b").unwrap().key, Some(&closure), now).await.unwrap();
    assert_eq!(failed_checks(&store).await, ["orphans", "lanes"]);
    let findings = examine(store.db(), &store.accounts).await.unwrap();
    assert!(
        findings[1].wrong.contains("the token was refused") && findings[1].remedy.ends_with("open b"),
        "{findings:?}"
    );
}
