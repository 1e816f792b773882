//! An installation with SQLite and tickets in process stores the same rows as one with PostgreSQL and Redis.

use crate::harness::{AccountSettings, Engine, Process, RedisServer, TestDatabase, WolkvoxVendor, history, until};
use chrono::{DateTime, Utc};
use entities::wolkvox_chats::{Column, Entity, Model};
use sea_orm::{EntityTrait, QueryOrder};
use simulator::wolkvox::{CodeStyle, Config};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_postgres_store_the_same_chats() {
    let vendor = WolkvoxVendor::start(Config {
        tokens: vec!["one".to_owned(), "two".to_owned()],
        code: CodeStyle::Mixed,
        blank_ids: 0.05,
        duplicates: 0.05,
        odd_columns: true,
        live_every: Some(Duration::from_secs(1)),
        closes_after: Duration::from_secs(10),
        row_cap: 300,
        ..history(10, 200.0)
    })
    .await;
    let redis = RedisServer::start().await;
    let (small, large) = (TestDatabase::fresh(Engine::Sqlite).await, TestDatabase::fresh(Engine::Postgres).await);
    let since = vendor.days().0;
    let account = |token| AccountSettings::new("a", &vendor.base, token).with("since", &since).with("row_cap", "300");
    let first = Process::run(&account("one").file(&small.url, "memory:"), &[]);
    let second = Process::run(&account("two").file(&large.url, &redis.url()), &[]);
    for database in [&small, &large] {
        until("the backlog", async || {
            database.number("SELECT COUNT(*) FROM coverage WHERE state = 'final'").await == 1
                && database.number("SELECT COUNT(*) FROM jobs WHERE purpose <> 'live'").await == 0
        })
        .await;
    }
    vendor.freeze_and_catch_up(&small.database, "a").await;
    vendor.freeze_and_catch_up(&large.database, "a").await;
    let (one, two) = (rows(&small).await, rows(&large).await);
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one, two);
    }
    for database in [&small, &large] {
        let compared = vendor.compare(&database.database, "a").await;
        assert!(compared.is_equal() && compared.vendor > 1_500, "{compared:?}");
    }
    vendor.assert_no_breach();
    drop((first, second));
}

/// All rows, without the time at which they were stored.
async fn rows(database: &TestDatabase) -> Vec<Model> {
    let mut rows = Entity::find().order_by_asc(Column::ConnId).all(database.database.connection()).await.unwrap();
    rows.sort_by(|one, two| one.conn_id.cmp(&two.conn_id));
    for row in &mut rows {
        row.synced_at = DateTime::<Utc>::UNIX_EPOCH;
    }
    rows
}
