//! A million jobs of a hundred accounts: every query of a tick, a dispatch and a plan reads a range of an index.

use super::{Store, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use storage::lanes::dispatch::work_statement;
use storage::lanes::ready_statement;
use storage::ledger::backlog_statement;

/// Jobs per account. Of ten, seven are scheduled re-checks, two are open and one was never tried.
const JOBS: i64 = 10_000;
const ACCOUNTS: i64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn no_query_reads_all_jobs() {
    check_plans(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_reads_all_jobs_on_sqlite() {
    check_plans(Engine::Sqlite).await;
}

async fn check_plans(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    fill(&store, now).await;
    assert_eq!(store.count("jobs").await, JOBS * ACCOUNTS);
    let backend = store.db().connection().get_database_backend();
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("a{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, statement) in [
        ("work", work_statement(backend, &names)),
        ("ready", ready_statement(backend, "a7", now)),
        ("backlog", backlog_statement(backend, &stream("a7"))),
    ] {
        let plan = explain(&store, statement).await;
        let full = plan.iter().filter(|line| is_full_scan(line)).collect::<Vec<_>>();
        assert!(full.is_empty() && plan.iter().any(|line| line.contains("jobs_")), "{name}: {full:?} in {plan:#?}");
    }
    // The check can fail.
    let reads_all = Statement::from_string(backend, "SELECT * FROM jobs WHERE attempt = 7");
    assert!(explain(&store, reads_all).await.iter().any(|line| is_full_scan(line)));
}

fn is_full_scan(line: &str) -> bool {
    // SQLite's `SCAN j`, PostgreSQL's `Seq Scan on jobs`. The list of accounts and the candidates are read in full.
    let line = line.trim_start_matches(['-', '>', ' ']);
    line.contains("Seq Scan on jobs") || line.starts_with("SCAN jobs") || line == "SCAN j"
}

async fn explain(store: &Store, statement: Statement) -> Vec<String> {
    let on = store.db().connection();
    let explain = match statement.db_backend {
        DbBackend::Postgres => "EXPLAIN",
        _ => "EXPLAIN QUERY PLAN",
    };
    let column = if statement.db_backend == DbBackend::Postgres { "QUERY PLAN" } else { "detail" };
    let statement = Statement { sql: format!("{explain} {}", statement.sql), ..statement };
    let rows = on.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get::<String>("", column).unwrap()).collect()
}

/// Inserts the jobs by one statement.
async fn fill(store: &Store, now: DateTime<Utc>) {
    let on = store.db().connection();
    let backend = on.get_database_backend();
    let (numbers, time) = match backend {
        DbBackend::Postgres => {
            ("SELECT generate_series(0, $1) AS n".to_owned(), "$2 - make_interval(secs => n / 100 * 60)")
        }
        _ => (
            "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) SELECT n FROM numbers"
                .to_owned(),
            "strftime('%Y-%m-%dT%H:%M:%S+00:00', $2, '-' || (n / 100 * 60) || ' seconds')",
        ),
    };
    let sql = format!(
        "INSERT INTO jobs (account, stream, purpose, state, slice_key, from_at, to_at, missing_from_at, missing_to_at, due_at, \
         expected_ms, attempt, lost_attempts, failures, rechecks, has_ended, refetch) \
         SELECT 'a' || (n % {ACCOUNTS}), 'chat_8', 'item', 'waiting', 'item ' || n, at, at, at, at, \
         CASE WHEN kind < 9 THEN $3 ELSE at END, 1000, 0, 0, 0, CASE WHEN kind IN (7, 8) THEN 1 ELSE 0 END, false, false \
         FROM (SELECT n, n / {ACCOUNTS} % 10 AS kind, CASE WHEN n / {ACCOUNTS} % 10 >= 7 THEN {time} END AS at \
         FROM ({numbers}) AS numbers) AS jobs"
    );
    let later = now + TimeDelta::days(7);
    let values = [(JOBS * ACCOUNTS - 1).into(), now.into(), later.into()];
    on.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.unwrap();
    store.made.run("ANALYZE jobs").await;
}
