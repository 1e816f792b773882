//! Processes report themselves, and the status says when none is at work.

use super::Store;
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::health::Health;
use domain::process::Role;
use entities::processes;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use storage::processes::{ProcessIdentity, list, register, remove, report};
use storage::reports::status::status;

fn process(name: &str, roles: &[Role]) -> ProcessIdentity {
    ProcessIdentity {
        name: name.to_owned(),
        roles: roles.to_vec(),
        host: "host".to_owned(),
        version: "1.2.3".to_owned(),
    }
}

/// Sets when a process last reported itself.
async fn set_seen(store: &Store, name: &str, at: DateTime<Utc>) {
    let row = processes::Entity::update_many()
        .col_expr(processes::Column::LastSeenAt, Expr::value(at))
        .filter(processes::Column::Name.eq(name));
    row.exec(store.db().connection()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_reports_itself_and_leaves_no_row_when_it_stops() {
    check_reports(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_reports_itself_and_leaves_no_row_when_it_stops_on_sqlite() {
    check_reports(Engine::Sqlite).await;
}

async fn check_reports(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, start) = (store.db(), store.now().await);
    let (one, two) = (process("one", &[Role::Scheduler, Role::Server]), process("two", &[Role::Worker]));
    register(db, &one).await.unwrap();
    register(db, &two).await.unwrap();
    set_seen(&store, "one", start - TimeDelta::minutes(5)).await;
    let listed = list(db.connection()).await.unwrap();
    assert_eq!(listed.iter().map(|process| process.name.as_str()).collect::<Vec<_>>(), ["two", "one"]);
    assert_eq!((listed[1].roles.clone(), listed[1].is_seen(start)), (vec![Role::Scheduler, Role::Server], false));
    let started_at = listed[1].started_at;
    assert!(started_at >= start);
    report(db, &one).await.unwrap();
    let listed = list(db.connection()).await.unwrap();
    let first = listed.iter().find(|process| process.name == "one").unwrap();
    assert!(first.is_seen(store.now().await) && first.started_at == started_at, "{first:?}");

    remove(db, &one).await.unwrap();
    assert_eq!(list(db.connection()).await.unwrap().len(), 1);
    report(db, &one).await.unwrap();
    assert_eq!(list(db.connection()).await.unwrap().len(), 2, "a deleted row comes back");
    set_seen(&store, "one", start - TimeDelta::hours(25)).await;
    set_seen(&store, "two", start - TimeDelta::hours(23)).await;
    register(db, &process("three", &[Role::Server])).await.unwrap();
    let listed = list(db.connection()).await.unwrap();
    let names: Vec<_> = listed.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["three", "two"], "a process that starts deletes rows older than a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_that_nobody_works() {
    check_absence(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_that_nobody_works_on_sqlite() {
    check_absence(Engine::Sqlite).await;
}

async fn check_absence(engine: Engine) {
    let store = Store::fresh(engine).await;
    let shown = async || status(&store.snapshot().await, &store.accounts).await.unwrap();
    let found = shown().await;
    assert_eq!((found.health.state, found.accounts[0].state), (Health::Down, Health::Down));
    assert_eq!(found.health.headline, "No scheduler and no worker is running");
    let reason = &found.health.reasons[0];
    assert_eq!((reason.reason, reason.next_step.as_str()), ("nobody_working", "start `convosync run`"));
    assert_eq!(found.accounts[0].reasons[0], *reason);

    register(store.db(), &process("planner", &[Role::Scheduler, Role::Server])).await.unwrap();
    assert_eq!(shown().await.health.headline, "No worker is running");
    register(store.db(), &process("worker", &[Role::Worker])).await.unwrap();
    assert_ne!(shown().await.health.state, Health::Down);
    let now = store.now().await;
    set_seen(&store, "worker", now - TimeDelta::seconds(41)).await;
    let found = shown().await;
    assert_eq!(found.accounts[0].state, Health::Down);
    assert!(found.health.headline.starts_with("No worker has been seen for 4"), "{}", found.health.headline);
    // What a clock that was set back leaves behind is no proof of work.
    set_seen(&store, "worker", now + TimeDelta::days(1)).await;
    assert_eq!(shown().await.accounts[0].state, Health::Down);
    let worker = shown().await.processes.into_iter().find(|process| process.name == "worker").unwrap();
    assert_eq!((worker.last_seen_seconds, worker.is_seen, worker.roles), (0, false, vec!["worker"]));
}
