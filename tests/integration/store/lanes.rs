//! A lane is created once, accounts with one credential share it, and it dispatches each job once.

use super::Store;
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::lane::{Freeing, LaneClosure};
use domain::ticket::Ticket;
use entities::jobs;
use sea_orm::EntityTrait;
use serde_json::json;
use std::time::Duration;
use storage::lanes::claim::account_of;
use storage::lanes::claim::claim;
use storage::lanes::claim::renew;
use storage::lanes::claim::undispatch;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::free::free;
use storage::lanes::{ensure, load, set_closed};
use storage::ledger::CommitError;
use storage::ledger::commit::abandon;

async fn state(store: &Store, id: i64) -> String {
    jobs::Entity::find_by_id(id).one(store.db().connection()).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_created_once_and_follows_its_settings() {
    check_creation(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_created_once_and_follows_its_settings_on_sqlite() {
    check_creation(Engine::Sqlite).await;
}

async fn check_creation(engine: Engine) {
    let store = Store::fresh(engine).await;
    store.claimed().await;
    let used = load(store.db().connection(), &store.lane().key).await.unwrap().unwrap();
    assert_eq!((used.1.slots.len(), used.1.slots[0].fence, used.0.quota_used), (1, 1, 1));
    let mut spec = store.lane().clone();
    ensure(store.db(), &spec).await.unwrap();
    assert_eq!(
        load(store.db().connection(), &spec.key).await.unwrap(),
        Some(used.clone()),
        "a second call leaves a lane in use unchanged"
    );
    (spec.rules.max_in_flight, spec.rules.spacing) = (3, Duration::from_secs(7));
    for _ in 0..2 {
        ensure(store.db(), &spec).await.unwrap();
        let (row, lane) = load(store.db().connection(), &spec.key).await.unwrap().unwrap();
        assert_eq!((row.max_in_flight, lane.spacing, lane.slots.len()), (3, Duration::from_secs(7), 3));
        assert_eq!((lane.slots[0], lane.slots[2].fence), (used.1.slots[0], 0));
    }
    spec.rules.max_in_flight = 1;
    ensure(store.db(), &spec).await.unwrap();
    let (row, lane) = load(store.db().connection(), &spec.key).await.unwrap().unwrap();
    assert_eq!((row.max_in_flight, lane.slots), (1, used.1.slots));
    assert_eq!(store.count("lanes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_dispatched_once_and_again_after_a_lost_ticket() {
    check_dispatch(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_dispatched_once_and_again_after_a_lost_ticket_on_sqlite() {
    check_dispatch(Engine::Sqlite).await;
}

async fn check_dispatch(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Nothing, "the lane has no job");
    let job = store.job("a", 0).await;
    store.job("a", 1).await;
    let first = Ticket { job: store.job("a", 2).await, attempt: 1 };
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(first), "the newest window of the three");
    for _ in 0..3 {
        assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Nothing, "one slot, one ticket");
    }
    store.expire().await;
    let second = Ticket { attempt: 2, ..first };
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(second));
    assert!(claim(db, lane, first, "late").await.unwrap().is_none(), "the old ticket claims nothing");
    assert_eq!(account_of(db, first).await.unwrap(), None);
    assert_eq!(account_of(db, second).await.unwrap().as_deref(), Some("a"));
    assert_eq!(state(&store, first.job).await, "dispatched", "the old ticket leaves the job unchanged");
    let claimed = claim(db, lane, second, "in time").await.unwrap().unwrap();
    assert_eq!((claimed.ticket, claimed.job.id, claimed.stream.account.as_str()), (second, first.job, "a"));
    assert!(claim(db, lane, second, "twice").await.unwrap().is_none(), "a ticket permits one claim");
    // The lane dispatches the job of a dead worker again in the same way.
    store.expire().await;
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(Ticket { attempt: 3, ..first }));
    undispatch(db, Ticket { attempt: 3, ..first }).await.unwrap();
    assert_eq!(state(&store, first.job).await, "waiting");
    undispatch(db, Ticket { attempt: 2, ..first }).await.unwrap();
    assert!(
        claim(db, lane, Ticket { job, attempt: 1 }, "forged").await.unwrap().is_none(),
        "the lane never dispatched this job"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_for_a_busy_or_closed_lane_is_returned() {
    check_returned_ticket(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_for_a_busy_or_closed_lane_is_returned_on_sqlite() {
    check_returned_ticket(Engine::Sqlite).await;
}

async fn check_returned_ticket(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let old = store.job("a", 0).await;
    let Dispatch::Ticket(ticket) = dispatch(db, lane).await.unwrap() else { panic!("the lane dispatched no ticket") };
    assert_eq!(ticket.job, old);
    // Another process acquires the lane in between, without a ticket.
    let lease = storage::lanes::adhoc::acquire_adhoc(db, lane, "check").await.unwrap().unwrap();
    assert!(storage::lanes::adhoc::acquire_adhoc(db, lane, "check").await.unwrap().is_none(), "the lane has one slot");
    assert!(claim(db, lane, ticket, "second").await.unwrap().is_none());
    assert_eq!(state(&store, old).await, "waiting");
    storage::lanes::adhoc::release_adhoc(db, lane, &lease, true).await.unwrap();
    store.expire().await;

    let Dispatch::Ticket(ticket) = dispatch(db, lane).await.unwrap() else { panic!("the lane dispatched no ticket") };
    assert_eq!(ticket, Ticket { job: old, attempt: 2 });
    let now = store.now().await;
    let until = now + TimeDelta::hours(1);
    let closure = LaneClosure { until: Some(until), reason: "quota".to_owned() };
    assert!(set_closed(db.connection(), &lane.key, Some(&closure), now).await.unwrap());
    assert!(claim(db, lane, ticket, "third").await.unwrap().is_none(), "a closed lane is not claimed");
    assert_eq!(state(&store, old).await, "waiting");
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Closed(Some(until)));
    let closure = LaneClosure { until: None, reason: "an operator".to_owned() };
    set_closed(db.connection(), &lane.key, Some(&closure), now).await.unwrap();
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Closed(None));
    set_closed(db.connection(), &lane.key, None, now).await.unwrap();
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(Ticket { job: old, attempt: 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_a_clock_step_left_in_the_future_is_freed() {
    check_stranded_slot(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_a_clock_step_left_in_the_future_is_freed_on_sqlite() {
    check_stranded_slot(Engine::Sqlite).await;
}

async fn check_stranded_slot(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let stale = store.claimed().await;
    store.postpone_leases(TimeDelta::days(1)).await;
    let before = store.now().await;
    let result = free(db, lane, Freeing::Stranded).await.unwrap();
    assert_eq!((result.freed.len(), result.kept.len()), (1, 0), "{result:?}");
    let longest = TimeDelta::from_std(lane.rules.lease + lane.rules.spacing).unwrap();
    assert!(result.freed[0].free_at >= before + longest && result.freed[0].free_at <= store.now().await + longest);
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::At(result.freed[0].free_at), "the holder may be waiting");
    assert!(renew(db, lane, &stale).await.unwrap().is_none());
    assert!(matches!(abandon(db, lane, &stale).await, Err(CommitError::Fenced)), "a stale worker cannot write");
    store.expire().await;
    let again = Ticket { attempt: 2, ..stale.ticket };
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(again), "the job of the lost slot goes on");
    // The lane has a ticket that no worker claims, and the clock is set back again.
    store.postpone_leases(TimeDelta::days(1)).await;
    free(db, lane, Freeing::Stranded).await.unwrap();
    store.expire().await;
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(Ticket { attempt: 3, ..again }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_in_use_is_freed_by_force_only() {
    check_forced_slot(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_in_use_is_freed_by_force_only_on_sqlite() {
    check_forced_slot(Engine::Sqlite).await;
}

async fn check_forced_slot(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let stale = store.claimed().await;
    let loaded = async || load(db.connection(), &lane.key).await.unwrap().unwrap();
    let before = loaded().await;
    let kept = free(db, lane, Freeing::Stranded).await.unwrap();
    assert_eq!((kept.freed.len(), kept.kept[0].holder.as_deref()), (0, Some("first")), "{kept:?}");
    assert_eq!(loaded().await, before, "a lease that may be live stays");
    let forced = free(db, lane, Freeing::All).await.unwrap();
    assert_eq!((forced.freed.len(), forced.kept.len()), (1, 0), "{forced:?}");
    assert!(renew(db, lane, &stale).await.unwrap().is_none());
    assert!(matches!(abandon(db, lane, &stale).await, Err(CommitError::Fenced)), "a stale worker cannot write");
    let again = Ticket { attempt: 2, ..stale.ticket };
    assert_eq!(dispatch(db, lane).await.unwrap(), Dispatch::Ticket(again));
    assert!(claim(db, lane, again, "second").await.unwrap().is_some(), "the slot is free at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_one_token_share_one_lane() {
    check_shared_lane(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_with_one_token_share_one_lane_on_sqlite() {
    check_shared_lane(Engine::Sqlite).await;
}

async fn check_shared_lane(engine: Engine) {
    let both = |spacing: &str| json!({"token": "one", "spacing": spacing});
    let accounts = [("a", both("1s")), ("b", both("3s")), ("c", json!({"token": "two"}))];
    let store = Store::with(engine, &accounts).await;
    assert_eq!((store.accounts.lanes().len(), store.count("lanes").await), (2, 2));
    assert_eq!(store.lane().accounts, ["a", "b"]);
    assert_eq!(store.lane().rules.spacing, Duration::from_secs(3), "the stricter rule holds for both");
    store.job("b", 0).await;
    let claimed = store.claim_next("first").await;
    assert_eq!(claimed.stream.account, "b");
    store.job("a", 1).await;
    let turn = claimed.lease.until + TimeDelta::seconds(3);
    assert_eq!(
        dispatch(store.db(), store.lane()).await.unwrap(),
        Dispatch::At(turn),
        "the other account waits for the shared lane"
    );
    let alone = store.job("c", 0).await;
    let next = dispatch(store.db(), store.accounts.lane("c").unwrap()).await.unwrap();
    assert_eq!(next, Dispatch::Ticket(Ticket { job: alone, attempt: 1 }), "another token has another lane");
}
