//! The lane reserves one send time after another for the requests of all processes.

use super::Store;
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::lane::LaneClosure;
use entities::lanes;
use sea_orm::EntityTrait;
use serde_json::json;
use std::time::Duration;
use storage::lanes::pacing::{is_closed, reserve_send_time};
use storage::lanes::set_closed;

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_of_a_lane_never_share_a_send_time() {
    check_send_times(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_of_a_lane_never_share_a_send_time_on_sqlite() {
    check_send_times(Engine::Sqlite).await;
}

async fn check_send_times(engine: Engine) {
    let store = Store::with(engine, &[("a", json!({"requests_per_second": "0.5"}))]).await;
    let next = async || lanes::Entity::find().one(store.db().connection()).await.unwrap().unwrap().next_send_at;
    assert_eq!(next().await, None);
    let before = store.now().await;
    let one = || Box::pin(reserve_send_time(store.db(), store.lane()));
    let (first, second, third, fourth) = tokio::join!(one(), one(), one(), one());
    let mut waits = [first, second, third, fourth].map(|wait| wait.unwrap().unwrap());
    let (after, gap) = (store.now().await, TimeDelta::seconds(2));
    let next = next().await.unwrap();
    assert!(before + gap * 4 <= next && next <= after + gap * 4, "{before} {next} {after}");
    waits.sort();
    assert!(waits[0] < Duration::from_secs(1) && waits[3] > Duration::from_secs(5), "{waits:?}");
}

/// Without a rate no worker waits, and the database stores no send time.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_without_a_rate_reserves_no_send_time() {
    let store = Store::fresh(Engine::Sqlite).await;
    for _ in 0..2 {
        assert_eq!(reserve_send_time(store.db(), store.lane()).await.unwrap(), Some(Duration::ZERO));
    }
    let row = lanes::Entity::find().one(store.db().connection()).await.unwrap().unwrap();
    assert_eq!(row.next_send_at, None);
}

/// Two accounts with one credential send at the slower rate.
#[tokio::test(flavor = "multi_thread")]
async fn the_slower_of_two_rates_applies_to_a_shared_lane() {
    let rate = |rate: &str| json!({"token": "shared", "requests_per_second": rate});
    for rates in [["0.5", "0.1"], ["0.1", "0.5"]] {
        let store = Store::with(Engine::Sqlite, &[("a", rate(rates[0])), ("b", rate(rates[1]))]).await;
        assert_eq!(store.lane().rules.gap(), Some(Duration::from_secs(10)), "{rates:?}");
    }
    let store = Store::with(Engine::Sqlite, &[("a", json!({"token": "shared"})), ("b", rate("0.1"))]).await;
    assert_eq!(store.lane().rules.gap(), Some(Duration::from_secs(10)));
}

/// A worker that waits for its send time sends nothing once the vendor asks for a pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_lane_grants_no_send_time() {
    let store = Store::with(Engine::Postgres, &[("a", json!({"requests_per_second": "0.5"}))]).await;
    let (db, lane) = (store.db(), store.lane());
    assert!(reserve_send_time(db, lane).await.unwrap().is_some() && !is_closed(db, lane).await.unwrap());
    let now = store.now().await;
    let closure =
        |seconds: i64| LaneClosure { until: Some(now + TimeDelta::seconds(seconds)), reason: "429".to_owned() };
    set_closed(db.connection(), &lane.key, Some(&closure(60)), now).await.unwrap();
    assert!(reserve_send_time(db, lane).await.unwrap().is_none() && is_closed(db, lane).await.unwrap());
    set_closed(db.connection(), &lane.key, Some(&closure(-1)), now).await.unwrap();
    assert!(reserve_send_time(db, lane).await.unwrap().is_some() && !is_closed(db, lane).await.unwrap());
}
