//! A turn on a lane: it assumes the worst, can be held longer, and is never had by two.

use super::Store;
use crate::stage::Engine;
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::job::Job;
use domain::rules::Export;
use entities::commit::{CommitError, give_up};
use entities::database::Database;
use entities::lanes::{Next, borrow, claim, hand_back, hand_out, load, renew};
use entities::tables::wants;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

async fn slot(store: &Store) -> domain::lane::Slot {
    load(store.db().connection(), &store.lane().key).await.unwrap().unwrap().1.slots[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_assumes_that_its_holder_dies() {
    worst(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_assumes_that_its_holder_dies_on_sqlite() {
    worst(Engine::Sqlite).await;
}

async fn worst(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (lease, spacing) = (TimeDelta::seconds(90), TimeDelta::seconds(1));
    let claimed = store.claimed().await;
    store.want("a", 1).await;
    let held = slot(&store).await;
    assert_eq!((held.fence, held.until, held.not_before), (1, claimed.now + lease, claimed.now + lease + spacing));
    assert_eq!(claimed.lease.until, held.until);
    assert_eq!(hand_out(store.db(), store.lane()).await.unwrap(), Next::At(held.not_before));
    // A holder that ends its work says so, and the lane is free after the spacing.
    give_up(store.db(), store.lane(), &claimed).await.unwrap();
    let (free, now) = (slot(&store).await, store.now().await);
    assert!(
        free.until <= now && free.not_before <= now + spacing && free.not_before == free.until + spacing,
        "{free:?}"
    );
    assert_eq!(free.fence, 1, "the fence is raised by the next turn");
    assert!(matches!(give_up(store.db(), store.lane(), &claimed).await, Err(CommitError::Fenced)));
    let borrowed = async || {
        store.expire().await;
        borrow(store.db(), store.lane(), "check").await.unwrap().unwrap()
    };
    let lease = borrowed().await;
    hand_back(store.db(), store.lane(), &lease, false).await.unwrap();
    assert_eq!(slot(&store).await.not_before, lease.until + spacing, "nobody knows whether the vendor is through");
    let lease = borrowed().await;
    hand_back(store.db(), store.lane(), &lease, true).await.unwrap();
    assert!(slot(&store).await.not_before < lease.until);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_can_be_held_longer_until_it_is_lost() {
    held_longer(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_can_be_held_longer_until_it_is_lost_on_sqlite() {
    held_longer(Engine::Sqlite).await;
}

async fn held_longer(engine: Engine) {
    let store = Store::fresh(engine).await;
    let claimed = store.claimed().await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let longer = renew(store.db(), store.lane(), &claimed).await.unwrap().unwrap();
    assert!(longer.until > claimed.lease.until && longer.fence == claimed.lease.fence);
    assert_eq!(
        (slot(&store).await.until, slot(&store).await.not_before),
        (longer.until, longer.until + TimeDelta::seconds(1))
    );
    let want = wants::Entity::find_by_id(claimed.want.id).one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!((want.standing.as_str(), want.until_at), ("running", Some(longer.until)), "nor is its want handed out");
    store.expire().await;
    assert_eq!(renew(store.db(), store.lane(), &claimed).await.unwrap(), None, "over is over");
    let next = store.claim_next("second").await;
    assert_eq!(next.lease.fence, claimed.lease.fence + 1);
    assert_eq!(renew(store.db(), store.lane(), &claimed).await.unwrap(), None, "it is somebody else's");
    assert!(renew(store.db(), store.lane(), &next).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_never_claimed_by_two_at_once() {
    never_two(Engine::Postgres, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_never_claimed_by_two_at_once_on_sqlite() {
    never_two(Engine::Sqlite, 20).await;
}

async fn never_two(engine: Engine, rounds: i32) {
    let store = Store::fresh(engine).await;
    let ids = [store.want("a", 0).await, store.want("a", 1).await];
    let mut own = Vec::new();
    for _ in ids {
        own.push(Database::connect(&store.made.url, Arc::new(SystemClock::start())).await.unwrap());
    }
    for round in 0..rounds {
        // By turns both have a ticket for one want, and each a ticket for a want of its own.
        let jobs = if round % 2 == 0 { [ids[0], ids[0]] } else { ids }.map(|want| Job { want, attempt: round });
        for id in ids {
            let handed = wants::Entity::update_many()
                .col_expr(wants::Column::Standing, Expr::value("handed"))
                .col_expr(wants::Column::Attempt, Expr::value(round))
                .filter(wants::Column::Id.eq(id));
            handed.exec(store.db().connection()).await.unwrap();
        }
        store.expire().await;
        let fence = slot(&store).await.fence;
        let mut claiming = JoinSet::new();
        for (db, job) in own.iter().cloned().zip(jobs) {
            let lane = store.lane().clone();
            claiming.spawn(async move { claim(&db, &lane, job, "one of two").await.unwrap() });
        }
        let got = claiming.join_all().await.into_iter().flatten().count();
        assert_eq!((got, slot(&store).await.fence), (1, fence + 1), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_ticket_asks_for_no_second_export() {
    one_export(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_ticket_asks_for_no_second_export_on_sqlite() {
    one_export(Engine::Sqlite).await;
}

async fn one_export(engine: Engine) {
    let store = Store::fresh(engine).await;
    let export = Export { busy_retry: Duration::from_mins(10), patience: Duration::from_hours(6) };
    let mut lane = store.lane().clone();
    lane.rules.export = Some(export);
    for hour in [0, 1] {
        store.want("a", hour).await;
    }
    let all = wants::Entity::update_many().col_expr(wants::Column::SliceKey, Expr::value("export"));
    all.exec(store.db().connection()).await.unwrap();
    let Next::Job(late) = hand_out(store.db(), &lane).await.unwrap() else { panic!("nothing was handed out") };
    // Its ticket took so long that the other was handed out, and its mail is awaited.
    let other = async |hours| {
        let until = store.now().await + TimeDelta::hours(hours);
        let awaited = wants::Entity::update_many()
            .col_expr(wants::Column::Standing, Expr::value("awaiting"))
            .col_expr(wants::Column::UntilAt, Expr::value(Some(until)))
            .filter(wants::Column::Id.ne(late.want));
        awaited.exec(store.db().connection()).await.unwrap();
    };
    other(1).await;
    assert!(claim(store.db(), &lane, late, "late").await.unwrap().is_none());
    let put_back = wants::Entity::find_by_id(late.want).one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!(put_back.standing, "waiting");
    assert_eq!(hand_out(store.db(), &lane).await.unwrap(), Next::Nothing, "one is out");
    other(-1).await;
    let Next::Job(next) = hand_out(store.db(), &lane).await.unwrap() else { panic!("nothing was handed out") };
    assert!(claim(store.db(), &lane, next, "next").await.unwrap().is_some());
}

/// Who finds the lane locked comes again in a moment: he does not take it for idle.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_locked_is_looked_at_again() {
    let store = Store::fresh(Engine::Postgres).await;
    let want = store.want("a", 0).await;
    let tx = store.db().begin().await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&tx, "SELECT 1 FROM lanes FOR UPDATE").await.unwrap();
    let Next::At(turn) = hand_out(store.db(), store.lane()).await.unwrap() else { panic!("not locked") };
    assert!((turn - store.now().await).abs() < TimeDelta::seconds(1), "{turn}");
    tx.rollback().await.unwrap();
    let next = hand_out(store.db(), store.lane()).await.unwrap();
    assert_eq!(next, Next::Job(Job { want, attempt: 1 }));
}
