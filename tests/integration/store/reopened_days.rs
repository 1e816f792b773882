//! An answer that changes rows of a day that was final reopens the day, until the worker has read it again.

use super::{Store, chat, full_answer, old_hour, stream};
use crate::harness::{Engine, TestDatabase};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::coverage::Completeness;
use domain::job::{Job, Purpose};
use domain::live_slot::slot_at;
use domain::planner::plan;
use domain::slice::Slice;
use domain::window::Window;
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::VendorTable;
use entities::{ultimate_conversations, wolkvox_chats};
use serde_json::json;
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::lanes::claim::Claim;
use storage::lanes::ensure;
use storage::ledger::intake::Intake;
use storage::ledger::{StreamId, lock};
use storage::reports::coverage::{CoverageDay, coverage};
use storage::upsert::Effect;

/// Fetches `window` with these chats, as a worker does.
async fn fetch(store: &Store, window: Window, chats: Vec<wolkvox_chats::Model>) -> Effect {
    fetch_rows(store, &stream("a"), window, RowBatch::of::<wolkvox_chats::Entity>(&chats)).await
}

async fn fetch_rows(store: &Store, id: &StreamId, window: Window, batch: RowBatch) -> Effect {
    let claimed = claimed(store, id, window).await;
    let rows = batch.len();
    let record = full_answer(store, &claimed, rows);
    let mut intake = Intake::new(store.db(), store.lane(), &claimed);
    intake.take(batch).await.unwrap();
    storage::ledger::commit::commit(intake, record, super::no_refusal).await.unwrap()
}

/// A claimed job for `window`.
async fn claimed(store: &Store, id: &StreamId, window: Window) -> Claim {
    let now = store.now().await;
    let job = Job::new(Purpose::Settle, Slice::Window(window), now - TimeDelta::seconds(1), Duration::ZERO);
    let tx = store.db().begin().await.unwrap();
    let before = lock(&tx, id).await.unwrap();
    let mut after = before.clone();
    after.jobs.push(job);
    storage::ledger::store(&tx, id, &before, &after, now).await.unwrap();
    tx.commit().await.unwrap();
    store.expire().await;
    let claimed = store.claim_next("worker").await;
    assert_eq!(claimed.job.slice, Slice::Window(window));
    claimed
}

async fn days(store: &Store, first: NaiveDate, last: NaiveDate) -> Vec<CoverageDay> {
    coverage(&store.snapshot().await, store.account(), first, last).await.unwrap()
}

fn states(days: &[CoverageDay]) -> Vec<Completeness> {
    days.iter().map(|day| day.state).collect()
}

/// The day ten days ago, its window, and chats of the hours 1 and 20 of it.
struct OldDay {
    day: NaiveDate,
    window: Window,
    chats: Vec<wolkvox_chats::Model>,
}

async fn old_day(store: &Store) -> OldDay {
    let now = store.now().await;
    let start = |hour: i64| old_hour(now, hour).from();
    let chats = vec![chat("a", "1", Some(start(1)), "x"), chat("a", "2", Some(start(20)), "x")];
    OldDay { day: start(0).date_naive(), window: Window::new(start(0), start(24)).unwrap(), chats }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_answer_reopens_the_day_that_it_changes_and_a_read_settles_it_again() {
    check_reopened_day(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_answer_reopens_the_day_that_it_changes_and_a_read_settles_it_again_on_sqlite() {
    check_reopened_day(Engine::Sqlite).await;
}

async fn check_reopened_day(engine: Engine) {
    let store = Store::fresh(engine).await;
    let OldDay { day, window, mut chats } = old_day(&store).await;
    let three = Window::new(window.from() - TimeDelta::days(1), window.to() + TimeDelta::days(1)).unwrap();
    let (first, last) = (day - Days::new(1), day + Days::new(1));
    assert_eq!(fetch(&store, three, chats.clone()).await.reopened_days, 0, "the first answer reopens nothing");
    assert_eq!(states(&days(&store, first, last).await), [Completeness::Final; 3]);
    assert_eq!(fetch(&store, three, chats.clone()).await.reopened_days, 0, "an equal answer reopens nothing");
    assert_eq!(store.made.texts("SELECT conn_id FROM wolkvox_chats_final ORDER BY 1").await, ["1", "2"]);

    // The answer for another window holds a changed and a new chat of the final day.
    let elsewhere = Window::new(three.to(), three.to() + TimeDelta::hours(1)).unwrap();
    "y".clone_into(&mut chats[0].digest);
    let added = chat("a", "3", chats[0].start_at.map(|at| at + TimeDelta::hours(2)), "x");
    chats.push(added);
    let effect = fetch(&store, elsewhere, vec![chats[0].clone(), chats[2].clone()]).await;
    assert_eq!(effect.reopened_days, 1);
    let found = days(&store, first, last).await;
    assert_eq!(states(&found), [Completeness::Final, Completeness::Provisional, Completeness::Final]);
    let reason = found[1].reason.clone().unwrap();
    assert!(reason.starts_with("reopened on ") && reason.contains("a later answer changed 2 rows"), "{reason}");
    assert_eq!(store.made.texts("SELECT conn_id FROM wolkvox_chats_final").await, Vec::<String>::new());
    assert_eq!(store.made.texts("SELECT day FROM reopened_days").await, [day.to_string()]);

    assert_eq!(fetch(&store, window, chats.clone()).await.reopened_days, 0);
    assert_eq!(states(&days(&store, first, last).await), [Completeness::Final; 3], "an equal read settles the day");
    assert_eq!(store.made.texts("SELECT conn_id FROM wolkvox_chats_final ORDER BY 1").await, ["1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_answers_that_contradict_each_other_reopen_a_day_visibly_and_wait_for_the_refresh() {
    check_flapping(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_answers_that_contradict_each_other_reopen_a_day_visibly_and_wait_for_the_refresh_on_sqlite() {
    check_flapping(Engine::Sqlite).await;
}

async fn check_flapping(engine: Engine) {
    let store = Store::fresh(engine).await;
    let OldDay { day, window, chats } = old_day(&store).await;
    let elsewhere = Window::new(window.to(), window.to() + TimeDelta::hours(1)).unwrap();
    let other = vec![chat("a", "1", chats[0].start_at, "y")];
    fetch(&store, window, chats.clone()).await;
    for round in 1..=3 {
        assert_eq!(fetch(&store, elsewhere, other.clone()).await.reopened_days, 1);
        let found = days(&store, day, day).await.remove(0);
        let times = format!("(reopened {round} times)");
        assert_eq!(found.reason.unwrap().contains(&times), round > 1);
        assert_eq!(planned(&store, window, TimeDelta::seconds(1)).await, 0, "the refresh is not due yet");
        assert!(planned(&store, window, TimeDelta::hours(2)).await > 0, "the refresh reads the day again");
        // The first answer again, which changes the row back, and once more, which changes nothing.
        assert_eq!(fetch(&store, window, chats.clone()).await.reopened_days, 0);
        assert_eq!(states(&days(&store, day, day).await), [Completeness::Provisional]);
        fetch(&store, window, chats.clone()).await;
        assert_eq!(states(&days(&store, day, day).await), [Completeness::Final]);
    }
    assert_eq!(store.made.number("SELECT times FROM reopened_days").await, 3);
}

/// The number of planned jobs in `window` when the last refresh was `ago`.
async fn planned(store: &Store, window: Window, ago: TimeDelta) -> usize {
    let (now, account) = (store.now().await, store.account());
    let rules = account.source.rules();
    let mut ledger = store.ledger_with_sums("a").await;
    ledger.refreshed = Some(slot_at(now - ago, rules));
    let plan = plan(now, window.from(), rules, &ledger);
    let within = |job: &&Job| job.slice.window().is_some_and(|planned| planned.intersect(&window).is_some());
    plan.jobs.iter().filter(within).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_of_an_answer_reopens_the_day_even_if_its_worker_then_dies() {
    check_slice(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_of_an_answer_reopens_the_day_even_if_its_worker_then_dies_on_sqlite() {
    check_slice(Engine::Sqlite).await;
}

async fn check_slice(engine: Engine) {
    let store = Store::fresh(engine).await;
    let OldDay { day, window, chats } = old_day(&store).await;
    fetch(&store, window, chats.clone()).await;
    let claimed = claimed(&store, &stream("a"), window).await;
    let mut intake = Intake::new(store.db(), store.lane(), &claimed);
    // More than the size from which an intake writes.
    let large = |number: usize| wolkvox_chats::Model {
        customer_name: "x".repeat(200_000),
        ..chat("a", &format!("large {number}"), chats[0].start_at, "x")
    };
    for number in 0..24 {
        intake.take(RowBatch::of::<wolkvox_chats::Entity>(&[large(number)])).await.unwrap();
    }
    drop(intake);
    assert!(store.count("wolkvox_chats").await > 2, "a slice is stored");
    assert_eq!(states(&days(&store, day, day).await), [Completeness::Provisional]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_ends_again_days_later_reopens_the_day_on_which_it_began() {
    check_late_end(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_ends_again_days_later_reopens_the_day_on_which_it_began_on_sqlite() {
    check_late_end(Engine::Sqlite).await;
}

/// Ultimate files a conversation under the day of its end. A file read later than the two that a day needs may therefore hold
/// a newer state of a conversation of that day.
async fn check_late_end(engine: Engine) {
    let made = TestDatabase::fresh(engine).await;
    let bot = "6a41cee6fbfda88b1060d654";
    let settings = json!({
        "source": "ultimate", "base_url": "https://api.ultimate.ai", "token": "t",
        "organization_id": "6a41cee6fbfda88b1060d653", "bot_ids": [bot],
    });
    let opened = sources::open("a", settings.as_object().unwrap()).unwrap();
    let accounts = Accounts::new(vec![Account::new(opened.source, opened.since)]);
    let store = Store { made, accounts };
    ensure(store.db(), store.lane()).await.unwrap();
    let id = store.account().streams().remove(0);
    let midnight = old_hour(store.now().await, 0).from();
    let file = |day: i64| Window::new(midnight + TimeDelta::days(day), midnight + TimeDelta::days(day + 1)).unwrap();
    let conversation = |name: &str, began: DateTime<Utc>, ended: DateTime<Utc>| {
        let mut rows = RowBatch::new(ultimate_conversations::Entity::schema());
        let mut row = Row::new(rows.schema());
        row.set_named("account", Cell::Text("a".into()));
        row.set_named("bot_id", Cell::Text(bot.into()));
        row.set_named("conversation_id", Cell::Text(name.to_owned().into()));
        row.set_named("conversation_start_time", Cell::Time(began));
        row.set_named("conversation_end_time", Cell::Time(ended));
        row.set_named("extra", Cell::Json("{}".into()));
        rows.push(&row).unwrap();
        rows
    };
    let began = file(1).from() + TimeDelta::hours(5);
    let first = conversation("1", began, began + TimeDelta::hours(1));
    let none = || RowBatch::new(ultimate_conversations::Entity::schema());
    for (day, rows) in [(0, none()), (1, first.clone()), (2, none())] {
        assert_eq!(fetch_rows(&store, &id, file(day), rows).await.reopened_days, 0);
    }
    let day = began.date_naive();
    assert_eq!(states(&days(&store, day, day).await), [Completeness::Final]);
    let again = conversation("1", began, file(4).from() + TimeDelta::hours(1));
    assert_eq!(fetch_rows(&store, &id, file(4), again).await.reopened_days, 1);
    let found = days(&store, day, day).await.remove(0);
    assert_eq!(found.state, Completeness::Provisional);
    assert!(found.reason.unwrap().contains("a later answer changed 1 row;"));
    let shown = "SELECT COUNT(*) FROM ultimate_conversations_final";
    assert_eq!(store.made.number(shown).await, 0);
    // The day's own file again: its older state of the conversation changes nothing.
    assert_eq!(fetch_rows(&store, &id, file(1), first).await.reopened_days, 0);
    assert_eq!(states(&days(&store, day, day).await), [Completeness::Final]);
    assert_eq!(store.made.number(shown).await, 1);
}
