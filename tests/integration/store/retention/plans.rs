//! A look for old rows, and a deletion, read a range of an index, however many rows a table has.

use super::Store;
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::retention::HistoryTable;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use storage::retention::{KeyValue, Position, delete_statement, old_rows_statement};

/// Rows per table.
const ROWS: i64 = 50_000;

#[tokio::test(flavor = "multi_thread")]
async fn no_deletion_reads_a_whole_table() {
    check_plans(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_deletion_reads_a_whole_table_on_sqlite() {
    check_plans(Engine::Sqlite).await;
}

async fn check_plans(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let backend = store.db().connection().get_database_backend();
    let horizon = now - TimeDelta::seconds(ROWS - ROWS / 50);
    for table in HistoryTable::ALL {
        fill(&store, table, now).await;
        let key = key(table);
        let last = Position::new(horizon - TimeDelta::seconds(100), key.clone());
        let (name, prefix) = key.split_last().unwrap();
        let keys = vec![name.clone(); 50];
        for statement in [
            old_rows_statement(backend, table, horizon, None),
            old_rows_statement(backend, table, horizon, Some(&last)),
            delete_statement(backend, table, prefix, &keys),
        ] {
            let plan = explain(&store, statement).await;
            assert!(!plan.iter().any(|line| is_full_scan(line, table)), "{}: {plan:#?}", table.as_str());
        }
        // The check can fail.
        let all = Statement::from_string(backend, format!("SELECT * FROM {}", table.as_str()));
        assert!(explain(&store, all).await.iter().any(|line| is_full_scan(line, table)));
    }
}

/// The key of a row of `table`.
fn key(table: HistoryTable) -> Vec<KeyValue> {
    let text = |text: &str| KeyValue::Text(text.to_owned());
    match table {
        HistoryTable::Items | HistoryTable::ReopenedDays => vec![text("a"), text("chat_8"), text("7")],
        HistoryTable::Processes => vec![text("7")],
        _ => vec![KeyValue::Number(7)],
    }
}

fn is_full_scan(line: &str, table: HistoryTable) -> bool {
    let (line, name) = (line.trim_start_matches(['-', '>', ' ']), table.as_str());
    // SQLite's `SCAN t` and PostgreSQL's `Seq Scan on requests t`. `SCAN t USING INDEX` without a range reads all rows too.
    line.contains(&format!("Seq Scan on {name}")) || line.starts_with("SCAN t") || line == format!("SCAN {name}")
}

async fn explain(store: &Store, statement: Statement) -> Vec<String> {
    let (explain, column) = match statement.db_backend {
        DbBackend::Postgres => ("EXPLAIN", "QUERY PLAN"),
        _ => ("EXPLAIN QUERY PLAN", "detail"),
    };
    let statement = Statement { sql: format!("{explain} {}", statement.sql), ..statement };
    let rows = store.db().connection().query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get::<String>("", column).unwrap()).collect()
}

/// Inserts rows, each a second older than the one before.
async fn fill(store: &Store, table: HistoryTable, now: DateTime<Utc>) {
    let (columns, values) = match table {
        HistoryTable::Requests => (
            "account, stream, purpose, outcome, verdict, elapsed_ms, rows, inserted, updated, unchanged, rejected, sent_at",
            "'a', 'chat_8', 'live', 'answer', 'commit', 0, 0, 0, 0, 0, 0, {at}",
        ),
        HistoryTable::Deliveries => {
            ("origin, identity, kind, state, rows, received_at", "'file', {n}, 'file', 'committed', 0, {at}")
        }
        HistoryTable::Rejects => {
            ("account, stream, digest, reason, raw, rejected_at", "'a', 'chat_8', {n}, 'no date', '', {at}")
        }
        HistoryTable::Items => ("account, stream, slice_key, ended_at", "'a', 'chat_8', {n}, {at}"),
        HistoryTable::Backfills => (
            "account, mode, state, from_at, to_at, created_at, finished_at",
            "'a', 'all', 'done', {at}, {at}, {at}, {at}",
        ),
        HistoryTable::ReopenedDays => {
            ("account, stream, day, rows, items, times, reopened_at", "'a', 'chat_8', {n}, 0, 0, 1, {at}")
        }
        HistoryTable::Processes => {
            ("name, roles, host, version, started_at, last_seen_at", "{n}, 'worker', 'host', '1', {at}, {at}")
        }
    };
    let on = store.db().connection();
    let backend = on.get_database_backend();
    let (numbers, number, at) = match backend {
        DbBackend::Postgres => (
            "SELECT generate_series(0, $1) AS n",
            "CAST(n AS text)",
            "CAST($2 AS timestamptz) - make_interval(secs => n)",
        ),
        _ => (
            "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) SELECT n FROM numbers",
            "CAST(n AS text)",
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', $2, '-' || n || ' seconds')",
        ),
    };
    let values = values.replace("{n}", number).replace("{at}", at);
    let sql = format!("INSERT INTO {} ({columns}) SELECT {values} FROM ({numbers}) AS numbers", table.as_str());
    let parameters = [(ROWS - 1).into(), now.into()];
    on.execute_raw(Statement::from_sql_and_values(backend, sql, parameters)).await.unwrap();
    store.made.run(&format!("ANALYZE {}", table.as_str())).await;
}
