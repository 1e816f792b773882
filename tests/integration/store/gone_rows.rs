//! Rows that the vendor has deleted: an answer for their window lacks them.

use super::{Store, chat, no_refusal, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::job::{Job, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::source::ResponseSummary;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::wolkvox_chats::Entity;
use std::time::Duration;
use storage::ledger::commit::{ExchangeRecord, commit};
use storage::ledger::intake::Intake;
use storage::upsert::Effect;

/// A window of two hours three days ago, which has settled.
fn window(now: DateTime<Utc>) -> Window {
    let from = now - TimeDelta::days(3);
    Window::new(from, from + TimeDelta::hours(2)).unwrap()
}

/// Fetches the window once; the answer names the chats `ids`.
async fn fetch(store: &Store, window: Window, ids: &[String]) -> Effect {
    fetch_judged(store, window, ids, no_refusal).await
}

async fn fetch_judged(
    store: &Store,
    window: Window,
    ids: &[String],
    judge_again: fn(Result<&ResponseSummary, &Fault>) -> Judgement,
) -> Effect {
    let job = Job::new(Purpose::Settle, Slice::Window(window), store.now().await, Duration::ZERO);
    store.change("a", |ledger| ledger.jobs = vec![job]).await;
    let claim = store.claim_next("worker").await;
    let (start, digest) = (window.from() + TimeDelta::minutes(1), window.from().timestamp().to_string());
    let rows: Vec<_> = ids.iter().map(|id| chat("a", id, Some(start), &digest)).collect();
    let stream = store.account().source.streams().pop();
    let mut intake = Intake::new(store.db(), store.lane(), &claim).comparing(stream);
    intake.take(RowBatch::of::<Entity>(&rows)).await.unwrap();
    let record = ExchangeRecord {
        rules: store.lane().rules.clone(),
        sent_at: claim.now,
        elapsed: Duration::from_millis(20),
        result: Ok(ResponseSummary { rows: ids.len() as u64, ..ResponseSummary::default() }),
        judgement: Judgement { verdict: Verdict::Commit, closure: None },
        idle: true,
        vendor_clock: None,
    };
    let effect = commit(intake, record, judge_again).await.unwrap();
    store.expire().await;
    effect
}

fn ids(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

fn is_final(ledger: &Ledger, window: Window) -> bool {
    ledger.coverage.settled().covers(window)
}

const GONE: &str = "SELECT conn_id FROM wolkvox_chats WHERE gone_at IS NOT NULL ORDER BY conn_id";

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_two_answers_lack_leaves_the_final_rows() {
    check_gone(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_two_answers_lack_leaves_the_final_rows_on_sqlite() {
    check_gone(Engine::Sqlite).await;
}

async fn check_gone(engine: Engine) {
    let store = Store::fresh(engine).await;
    let window = window(store.now().await);
    assert_eq!(fetch(&store, window, &ids(0..5)).await.gone, 0);
    assert!(is_final(&store.ledger("a").await, window));
    // One row is missing: the window is no longer final until a further answer agrees.
    store.change("a", |ledger| ledger.coverage.unsettle(window)).await;
    assert_eq!(fetch(&store, window, &ids(1..5)).await.gone, 1);
    assert_eq!(store.made.texts(GONE).await, ["0"]);
    assert!(!is_final(&store.ledger("a").await, window), "one answer is not enough");
    assert_eq!(fetch(&store, window, &ids(1..5)).await.gone, 0);
    assert!(is_final(&store.ledger("a").await, window), "two answers agree");
    assert_eq!((store.count("wolkvox_chats").await, store.count("wolkvox_chats_final").await), (5, 4));
    // The row comes back.
    assert_eq!(fetch(&store, window, &ids(0..5)).await.gone, 0);
    assert_eq!(store.made.texts(GONE).await, [""; 0]);
    assert!(!is_final(&store.ledger("a").await, window), "the day is reopened");
    fetch(&store, window, &ids(0..5)).await;
    assert_eq!(store.count("wolkvox_chats_final").await, 5);
    // An answer for another window says nothing about these rows.
    let hour =
        |hours| Window::new(window.to() + TimeDelta::hours(hours), window.to() + TimeDelta::hours(hours + 1)).unwrap();
    assert_eq!(fetch(&store, hour(0), &[]).await.gone, 0);
    assert_eq!(store.made.texts(GONE).await, [""; 0]);
    // A row that has moved to a window that was never held is not gone.
    assert_eq!(fetch(&store, window, &ids(1..5)).await.gone, 1);
    fetch(&store, hour(5), &ids(0..1)).await;
    assert_eq!(store.made.texts(GONE).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_most_rows_is_not_believed() {
    check_doubt(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_most_rows_is_not_believed_on_sqlite() {
    check_doubt(Engine::Sqlite).await;
}

async fn check_doubt(engine: Engine) {
    let store = Store::fresh(engine).await;
    let window = window(store.now().await);
    fetch(&store, window, &ids(0..30)).await;
    store.change("a", |ledger| ledger.coverage.unsettle(window)).await;
    let retry = |result: Result<&ResponseSummary, &Fault>| {
        let fault = result.unwrap_err().to_string();
        assert!(fault.contains("lacks 20 of 30 rows"), "{fault}");
        Judgement { verdict: Verdict::Retry(DateTime::UNIX_EPOCH), closure: None }
    };
    for _ in 0..2 {
        assert_eq!(fetch_judged(&store, window, &ids(0..10), retry).await.gone, 0);
        assert_eq!(store.made.texts(GONE).await, [""; 0]);
        assert!(!is_final(&store.ledger("a").await, window));
    }
    let failing = storage::ledger::held(store.db().connection(), &stream("a")).await.unwrap();
    assert!(failing.covers(window), "the stored rows stay held");
}
