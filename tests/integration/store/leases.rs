//! Leases of a lane: a claim assumes that its worker dies, a worker renews its lease, and two workers never hold one slot.

use super::Store;
use crate::harness::Engine;
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::rules::Export;
use domain::ticket::Ticket;
use entities::jobs;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use storage::lanes::adhoc::acquire_adhoc;
use storage::lanes::adhoc::release_adhoc;
use storage::lanes::claim::claim;
use storage::lanes::claim::renew;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::load;
use storage::ledger::CommitError;
use storage::ledger::commit::abandon;
use tokio::task::JoinSet;

async fn slot(store: &Store) -> domain::lane::Slot {
    load(store.db().connection(), &store.lane().key).await.unwrap().unwrap().1.slots[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_assumes_that_its_worker_dies() {
    check_claim(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_assumes_that_its_worker_dies_on_sqlite() {
    check_claim(Engine::Sqlite).await;
}

async fn check_claim(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (lease, spacing) = (TimeDelta::seconds(90), TimeDelta::seconds(1));
    let claimed = store.claimed().await;
    store.job("a", 1).await;
    let held = slot(&store).await;
    assert_eq!((held.fence, held.until, held.not_before), (1, claimed.now + lease, claimed.now + lease + spacing));
    assert_eq!(claimed.lease.until, held.until);
    assert_eq!(dispatch(store.db(), store.lane()).await.unwrap(), Dispatch::At(held.not_before));
    // A worker that ends its job releases the lane, and the lane is free after the spacing.
    abandon(store.db(), store.lane(), &claimed).await.unwrap();
    let (free, now) = (slot(&store).await, store.now().await);
    assert!(
        free.until <= now && free.not_before <= now + spacing && free.not_before == free.until + spacing,
        "{free:?}"
    );
    assert_eq!(free.fence, 1, "the next claim raises the fence");
    assert!(matches!(abandon(store.db(), store.lane(), &claimed).await, Err(CommitError::Fenced)));
    let borrowed = async || {
        store.expire().await;
        acquire_adhoc(store.db(), store.lane(), "check").await.unwrap().unwrap()
    };
    let lease = borrowed().await;
    release_adhoc(store.db(), store.lane(), &lease, false).await.unwrap();
    assert_eq!(slot(&store).await.not_before, lease.until + spacing, "the vendor may still work on the request");
    let lease = borrowed().await;
    release_adhoc(store.db(), store.lane(), &lease, true).await.unwrap();
    assert!(slot(&store).await.not_before < lease.until);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_can_be_renewed_until_it_is_lost() {
    check_renewal(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_can_be_renewed_until_it_is_lost_on_sqlite() {
    check_renewal(Engine::Sqlite).await;
}

async fn check_renewal(engine: Engine) {
    let store = Store::fresh(engine).await;
    let claimed = store.claimed().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let longer = renew(store.db(), store.lane(), &claimed).await.unwrap().unwrap();
    assert!(longer.until > claimed.lease.until && longer.fence == claimed.lease.fence);
    assert_eq!(
        (slot(&store).await.until, slot(&store).await.not_before),
        (longer.until, longer.until + TimeDelta::seconds(1))
    );
    let job = jobs::Entity::find_by_id(claimed.job.id).one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!((job.state.as_str(), job.until_at), ("running", Some(longer.until)), "the renewal extends the job, too");
    store.expire().await;
    assert_eq!(renew(store.db(), store.lane(), &claimed).await.unwrap(), None, "a lost lease cannot be renewed");
    let next = store.claim_next("second").await;
    assert_eq!(next.lease.fence, claimed.lease.fence + 1);
    assert_eq!(renew(store.db(), store.lane(), &claimed).await.unwrap(), None, "another worker holds the lane");
    assert!(renew(store.db(), store.lane(), &next).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_claim_one_lane_at_once() {
    check_concurrent_claims(Engine::Postgres, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_claim_one_lane_at_once_on_sqlite() {
    check_concurrent_claims(Engine::Sqlite, 20).await;
}

async fn check_concurrent_claims(engine: Engine, rounds: i32) {
    let store = Store::fresh(engine).await;
    let ids = [store.job("a", 0).await, store.job("a", 1).await];
    let mut own = Vec::new();
    for _ in ids {
        own.push(Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap());
    }
    for round in 0..rounds {
        // In even rounds both tickets are for one job, in odd rounds for two jobs.
        let jobs = if round % 2 == 0 { [ids[0], ids[0]] } else { ids }.map(|job| Ticket { job, attempt: round });
        for id in ids {
            let handed = jobs::Entity::update_many()
                .col_expr(jobs::Column::State, Expr::value("dispatched"))
                .col_expr(jobs::Column::Attempt, Expr::value(round))
                .filter(jobs::Column::Id.eq(id));
            handed.exec(store.db().connection()).await.unwrap();
        }
        store.expire().await;
        let fence = slot(&store).await.fence;
        let mut claiming = JoinSet::new();
        for (db, ticket) in own.iter().cloned().zip(jobs) {
            let lane = store.lane().clone();
            claiming.spawn(async move { claim(&db, &lane, ticket, "one of two").await.unwrap() });
        }
        let got = claiming.join_all().await.into_iter().flatten().count();
        assert_eq!((got, slot(&store).await.fence), (1, fence + 1), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_ticket_starts_no_second_export() {
    check_late_ticket(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_ticket_starts_no_second_export_on_sqlite() {
    check_late_ticket(Engine::Sqlite).await;
}

async fn check_late_ticket(engine: Engine) {
    let store = Store::fresh(engine).await;
    let export = Export { busy_retry: Duration::from_mins(10), patience: Duration::from_hours(6) };
    let mut lane = store.lane().clone();
    lane.rules.export = Some(export);
    for hour in [0, 1] {
        store.job("a", hour).await;
    }
    let all = jobs::Entity::update_many().col_expr(jobs::Column::SliceKey, Expr::value("export"));
    all.exec(store.db().connection()).await.unwrap();
    let Dispatch::Ticket(late) = dispatch(store.db(), &lane).await.unwrap() else {
        panic!("the lane dispatched no ticket")
    };
    // The ticket was so late that the lane dispatched the other job, whose mail is awaited.
    let other = async |hours| {
        let until = store.now().await + TimeDelta::hours(hours);
        let awaited = jobs::Entity::update_many()
            .col_expr(jobs::Column::State, Expr::value("awaiting"))
            .col_expr(jobs::Column::UntilAt, Expr::value(Some(until)))
            .filter(jobs::Column::Id.ne(late.job));
        awaited.exec(store.db().connection()).await.unwrap();
    };
    other(1).await;
    assert!(claim(store.db(), &lane, late, "late").await.unwrap().is_none());
    let undispatch = jobs::Entity::find_by_id(late.job).one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!(undispatch.state, "waiting");
    assert_eq!(dispatch(store.db(), &lane).await.unwrap(), Dispatch::Nothing, "one export is running");
    other(-1).await;
    let Dispatch::Ticket(next) = dispatch(store.db(), &lane).await.unwrap() else {
        panic!("the lane dispatched no ticket")
    };
    assert!(claim(store.db(), &lane, next, "next").await.unwrap().is_some());
}

/// A scheduler that finds the lane locked tries again soon; it does not take the lane for idle.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_lane_is_tried_again() {
    let store = Store::fresh(Engine::Postgres).await;
    let job = store.job("a", 0).await;
    let tx = store.db().begin().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&tx, "SELECT 1 FROM lanes FOR UPDATE").await.unwrap();
    let Dispatch::At(turn) = dispatch(store.db(), store.lane()).await.unwrap() else { panic!("not locked") };
    assert!((turn - store.now().await).abs() < TimeDelta::seconds(1), "{turn}");
    tx.rollback().await.unwrap();
    let next = dispatch(store.db(), store.lane()).await.unwrap();
    assert_eq!(next, Dispatch::Ticket(Ticket { job, attempt: 1 }));
}
