//! What a database clock that was ahead has stored holds no work back once the clock was set back, and an answer proves nothing
//! beyond the vendor's own time.

use super::{Store, chat, full_answer, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock_skew::VendorClock;
use domain::coverage::Completeness;
use domain::job::{Job, JobState, Purpose};
use domain::lane::LaneClosure;
use domain::slice::Slice;
use domain::ticket::Ticket;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{jobs, lanes, streams, wolkvox_chats};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, Set};
use std::time::Duration;
use storage::lanes::claim::Claim;
use storage::lanes::dispatch::{Dispatch, dispatch, next_work};
use storage::lanes::set_closed;
use storage::ledger::commit::ExchangeRecord;
use storage::ledger::intake::Intake;
use storage::ledger::planning::replan;
use storage::reports::coverage::coverage;
use storage::reports::status::status;

/// Moves what the stream of `a` has planned ahead by `step`, as if the clock had been ahead at the time of the plan.
async fn postpone_plan(store: &Store, step: TimeDelta) {
    let on = store.db().connection();
    let row = streams::Entity::find().one(on).await.unwrap().unwrap();
    let (slot, refreshed) = (row.slot_at.map(|at| at + step), row.refreshed_at.map(|at| at + step));
    let mut row = row.into_active_model();
    (row.slot_at, row.refreshed_at) = (Set(slot), Set(refreshed));
    row.update(on).await.unwrap();
    for job in jobs::Entity::find().filter(jobs::Column::SliceKey.is_null()).all(on).await.unwrap() {
        let (to, due) = (job.to_at.map(|to| to + step), job.due_at + step);
        let mut job = job.into_active_model();
        (job.to_at, job.due_at) = (Set(to), Set(due));
        job.update(on).await.unwrap();
    }
}

async fn plan(store: &Store) -> Vec<Job> {
    replan(store.db(), store.account(), &stream("a")).await.unwrap();
    store.ledger("a").await.jobs
}

fn live(jobs: &[Job]) -> Vec<&Job> {
    jobs.iter().filter(|job| job.purpose == Purpose::Live).collect()
}

async fn answer(store: &Store, claimed: &Claim, clock: Option<VendorClock>, chats: Vec<wolkvox_chats::Model>) {
    let record = ExchangeRecord { vendor_clock: clock, ..full_answer(store, claimed, chats.len()) };
    let mut intake = Intake::new(store.db(), store.lane(), claimed);
    intake.take(RowBatch::of::<wolkvox_chats::Entity>(&chats)).await.unwrap();
    storage::ledger::commit::commit(intake, record, super::no_refusal).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_from_the_future_is_replaced_by_one_for_now() {
    check_plan(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_from_the_future_is_replaced_by_one_for_now_on_sqlite() {
    check_plan(Engine::Sqlite).await;
}

async fn check_plan(engine: Engine) {
    for step in [TimeDelta::minutes(10), TimeDelta::days(1), TimeDelta::days(10)] {
        let store = Store::fresh(engine).await;
        let before = live(&plan(&store).await)[0].clone();
        postpone_plan(&store, step).await;
        let after = plan(&store).await;
        let [job] = live(&after)[..] else { panic!("{after:?}") };
        assert_eq!((&job.slice, job.due), (&before.slice, before.due), "the job of the future is replaced");
        assert_eq!(plan(&store).await, after, "a second plan adds nothing");
        let Dispatch::Ticket(ticket) = dispatch(store.db(), store.lane()).await.unwrap() else { panic!("no ticket") };
        assert_eq!(ticket, Ticket { job: job.id, attempt: 1 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_lease_from_the_future_is_taken_up() {
    check_lease(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_lease_from_the_future_is_taken_up_on_sqlite() {
    check_lease(Engine::Sqlite).await;
}

async fn check_lease(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let stale = store.claimed().await;
    let has_work = async |now| next_work(db, &store.accounts, now).await.unwrap().get("a").is_some_and(|at| *at <= now);
    assert!(!has_work(store.now().await).await);
    store.postpone_leases(TimeDelta::days(1)).await;
    let before = store.now().await;
    assert!(has_work(before).await);
    let next = dispatch(db, lane).await.unwrap();
    let longest = TimeDelta::from_std(2 * lane.rules.lease + lane.rules.spacing).unwrap();
    let Dispatch::At(at) = next else { panic!("the holder may still wait for an answer: {next:?}") };
    assert!(at >= before + longest && at <= store.now().await + longest, "{at}");
    store.expire().await;
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(Ticket { attempt: 2, ..stale.ticket }));
    // The ticket is lost as well, and was pushed by a clock that was ahead.
    let row = jobs::Entity::find_by_id(stale.job.id).one(db.connection()).await.unwrap().unwrap();
    let until = row.until_at.map(|until| until + TimeDelta::days(1));
    let mut row = row.into_active_model();
    row.until_at = Set(until);
    row.update(db.connection()).await.unwrap();
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(Ticket { attempt: 3, ..stale.ticket }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_from_the_future_keeps_its_length() {
    check_closure(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closure_from_the_future_keeps_its_length_on_sqlite() {
    check_closure(Engine::Sqlite).await;
}

async fn check_closure(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    store.job("a", 0).await;
    let ahead = store.now().await + TimeDelta::days(1);
    let closure = LaneClosure { until: Some(ahead + TimeDelta::minutes(5)), reason: "too many".to_owned() };
    set_closed(db.connection(), &lane.key, Some(&closure), ahead).await.unwrap();
    let before = store.now().await;
    let Dispatch::Closed(Some(at)) = dispatch(db, lane).await.unwrap() else { panic!("the lane is open") };
    assert!(at >= before + TimeDelta::minutes(5) && at <= store.now().await + TimeDelta::minutes(5), "{at}");
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Closed(Some(at)), "the closure moves once");
    let row = lanes::Entity::find().one(db.connection()).await.unwrap().unwrap();
    assert_eq!((row.closed_until, row.closed_reason.as_deref()), (Some(at), Some("too many")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_covers_nothing_beyond_the_vendors_time() {
    check_vendor_time(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_covers_nothing_beyond_the_vendors_time_on_sqlite() {
    check_vendor_time(Engine::Sqlite).await;
}

async fn check_vendor_time(engine: Engine) {
    let store = Store::fresh(engine).await;
    plan(&store).await;
    let claimed = store.claim_next("worker").await;
    let window = claimed.job.slice.window().unwrap();
    // The vendor's clock is an hour behind, and not on a whole minute.
    let vendor_at = DateTime::from_timestamp(claimed.now.timestamp() - 3_601, 0).unwrap();
    let clock = VendorClock::new(vendor_at, claimed.now);
    let row = chat("a", "1", Some(window.from() + TimeDelta::minutes(1)), "x");
    answer(&store, &claimed, Some(clock), vec![row]).await;
    let ledger = store.ledger("a").await;
    let held = ledger.coverage.held().windows().last().copied().unwrap();
    assert_eq!(held, Window::new(window.from(), vendor_at).unwrap());
    let shown = status(&store.snapshot().await, &store.accounts).await.unwrap();
    let warning = "the vendor's clock is 3600 s behind the database's clock in the last answer of stream chat_8";
    assert!(shown.accounts[0].warnings.iter().any(|found| found.starts_with(warning)), "{:?}", shown.accounts[0]);
    // The next live job asks for the rest; no other job does so at once.
    let after = plan(&store).await;
    let asks_the_rest = |job: &&Job| job.slice.window().is_some_and(|asked| asked.to() > vendor_at);
    assert_eq!(after.iter().filter(asks_the_rest).count(), 0, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_left_in_the_future_is_removed_and_never_final() {
    check_future_coverage(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_left_in_the_future_is_removed_and_never_final_on_sqlite() {
    check_future_coverage(Engine::Sqlite).await;
}

async fn check_future_coverage(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let today = now.date_naive();
    let ahead = Window::new(now - TimeDelta::days(5), now + TimeDelta::days(10)).unwrap();
    store.change("a", |ledger| ledger.coverage.settle(ahead)).await;
    let states = async || -> Vec<Completeness> {
        let days = coverage(&store.snapshot().await, store.account(), today, today + chrono::Days::new(3)).await;
        days.unwrap().iter().map(|day| day.state).collect()
    };
    let found = states().await;
    assert_eq!(found[0], Completeness::Provisional, "today is not over");
    assert_eq!(found[1..], [Completeness::Missing; 3]);
    plan(&store).await;
    let end = |ledger: domain::ledger::Ledger| ledger.coverage.held().windows().last().map(Window::to);
    assert!(end(store.ledger("a").await).unwrap() <= now, "a plan removes what no vendor's clock has confirmed");

    // With the vendor's time in its answers, the database's clock may be the one that is behind.
    store.change("a", |ledger| ledger.coverage.settle(ahead)).await;
    let row = streams::Entity::find().one(store.db().connection()).await.unwrap().unwrap();
    let mut row = row.into_active_model();
    row.clock_skew_seconds = Set(Some(864_000));
    row.update(store.db().connection()).await.unwrap();
    plan(&store).await;
    assert_eq!(end(store.ledger("a").await), Some(ahead.to()));
    let confirm = async |skew: TimeDelta| {
        let now = store.now().await;
        let window = Window::new(now - TimeDelta::days(20), now - TimeDelta::days(19)).unwrap();
        let job = Job::new(Purpose::Settle, Slice::Window(window), now - TimeDelta::days(1), Duration::ZERO);
        store.change("a", |ledger| ledger.jobs = vec![job]).await;
        store.expire().await;
        let claimed = store.claim_next("worker").await;
        let date: DateTime<Utc> = DateTime::from_timestamp((claimed.now + skew).timestamp(), 0).unwrap();
        answer(&store, &claimed, Some(VendorClock::new(date, claimed.now)), Vec::new()).await;
    };
    confirm(TimeDelta::days(10)).await;
    assert_eq!(end(store.ledger("a").await), Some(ahead.to()), "the vendor's clock contradicts the database's");
    confirm(TimeDelta::zero()).await;
    assert!(end(store.ledger("a").await).unwrap() <= store.now().await, "the vendor's clock confirms the database's");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_a_clock_which_was_ahead_has_added_are_due_again() {
    check_items(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_a_clock_which_was_ahead_has_added_are_due_again_on_sqlite() {
    check_items(Engine::Sqlite).await;
}

async fn check_items(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (now, day) = (store.now().await, TimeDelta::days(1));
    let scope = Window::new(now - day, now - day + TimeDelta::seconds(1));
    let item =
        |key: &str, due: DateTime<Utc>| Job::new(Purpose::Item, Slice::Item(key.to_owned()), due, Duration::ZERO);
    plan(&store).await;
    store
        .change("a", |ledger| {
            ledger.jobs.push(Job { scope, ..item("first", now + day) });
            ledger.jobs.push(Job { scope, ..item("soon", now + TimeDelta::minutes(30)) });
            ledger.jobs.push(item("last look", now + TimeDelta::days(7)));
        })
        .await;
    postpone_plan(&store, day).await;
    let jobs = plan(&store).await;
    let due = |key: &str| jobs.iter().find(|job| job.slice == Slice::Item(key.to_owned())).unwrap().due;
    assert!(due("first") <= store.now().await);
    assert_eq!((due("soon"), due("last look")), (now + TimeDelta::minutes(30), now + TimeDelta::days(7)));
    assert!(jobs.iter().all(|job| job.state == JobState::Waiting));
}
