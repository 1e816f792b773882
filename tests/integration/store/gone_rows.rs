//! Rows that the vendor has deleted: an answer for their window lacks them.

use super::{Store, chat, full_answer, no_refusal, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::job::{Job, Purpose};
use domain::judge::{Judgement, Verdict};
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::source::ResponseSummary;
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::wolkvox_chats::Entity;
use std::time::Duration;
use storage::ledger::commit::commit;
use storage::ledger::intake::Intake;
use storage::reports::coverage::coverage;
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
    let stream = store.account().source.streams().pop();
    let mut intake = Intake::new(store.db(), store.lane(), &claim).comparing(stream);
    intake.take(chats(window, ids)).await.unwrap();
    let record = full_answer(store, &claim, ids.len());
    let effect = commit(intake, record, judge_again).await.unwrap();
    store.expire().await;
    effect
}

/// The chats `ids`, which began in `window`.
fn chats(window: Window, ids: &[String]) -> RowBatch {
    let (start, digest) = (window.from() + TimeDelta::minutes(1), window.from().timestamp().to_string());
    RowBatch::of::<Entity>(&ids.iter().map(|id| chat("a", id, Some(start), &digest)).collect::<Vec<_>>())
}

/// The rows that `coverage` reports for the days of `window`.
async fn counted_rows(store: &Store, window: Window) -> u64 {
    let (first, last) = (window.from().date_naive() - TimeDelta::days(1), window.to().date_naive());
    let days = coverage(&store.snapshot().await, store.account(), first, last).await.unwrap();
    days.iter().map(|day| day.rows).sum()
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
    assert_eq!(counted_rows(&store, window).await, 4, "the vendor holds four rows");
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
    // An import, which compares nothing, names a row that was gone: it is back, although its columns are the same.
    fetch(&store, window, &ids(1..5)).await;
    let named = chats(window, &ids(0..1));
    let tx = store.db().begin().await.unwrap();
    let held = storage::ledger::held(&tx, &stream("a")).await.unwrap();
    let effect = storage::upsert::upsert(&tx, &named, &held, store.now().await).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((effect.updated, effect.earliest_change.is_some()), (1, true), "a row that is back is a change");
    assert_eq!(store.made.texts(GONE).await, [""; 0]);
    // A row that has moved to a window that was never held is not gone.
    assert_eq!(fetch(&store, window, &ids(1..5)).await.gone, 1);
    fetch(&store, hour(5), &ids(0..1)).await;
    assert_eq!(store.made.texts(GONE).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_cut_answer_can_be_gone() {
    check_cut_answer(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_cut_answer_can_be_gone_on_sqlite() {
    check_cut_answer(Engine::Sqlite).await;
}

/// An answer that is cut stores its rows and holds nothing. The vendor deletes one of them before the window is held.
async fn check_cut_answer(engine: Engine) {
    let store = Store::fresh(engine).await;
    let window = window(store.now().await);
    let tx = store.db().begin().await.unwrap();
    storage::upsert::upsert(&tx, &chats(window, &ids(0..5)), &Spans::default(), store.now().await).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(fetch(&store, window, &ids(1..5)).await.gone, 1);
    assert_eq!(store.made.texts(GONE).await, ["0"]);
    assert!(!is_final(&store.ledger("a").await, window), "one answer is not enough");
    fetch(&store, window, &ids(1..5)).await;
    assert!(is_final(&store.ledger("a").await, window), "two answers agree");
    assert_eq!(store.count("wolkvox_chats_final").await, 4);
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
