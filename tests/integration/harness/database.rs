//! Each test creates a database of its own.

use convosync::clock::SystemClock;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use storage::database::{Database, Pool};
use tempfile::TempDir;

/// The database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// An SQLite file.
    Sqlite,
    /// A database on the PostgreSQL server that `scripts/test` starts.
    Postgres,
}

/// A database that only one test uses.
pub struct TestDatabase {
    /// The URL for the settings.
    pub url: String,
    /// The connected database.
    pub database: Database,
    _folder: TempDir,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// Creates a database with all tables.
    pub async fn fresh(engine: Engine) -> Self {
        let made = Self::empty(engine).await;
        made.database.migrate(&sources::conversations_view()).await.unwrap();
        made
    }

    /// Creates a database without tables.
    pub async fn empty(engine: Engine) -> Self {
        let folder = TempDir::new().unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}/convosync.db", folder.path().display()),
            Engine::Postgres => postgres().await,
        };
        // A test may insert a million rows with one statement, on a busy machine.
        let pool = Pool { timeout: Duration::from_mins(10), ..Pool::default() };
        let database = Database::connect_pool(&url, Arc::new(SystemClock::start()), pool).await.unwrap();
        Self { url, database, _folder: folder }
    }

    /// The number that the query `sql` returns.
    pub async fn number(&self, sql: &str) -> i64 {
        let on = self.database.connection();
        let row = on.query_one_raw(Statement::from_string(on.get_database_backend(), sql)).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    }

    /// Executes the statement `sql`.
    pub async fn run(&self, sql: &str) {
        let on = self.database.connection();
        on.execute_raw(Statement::from_string(on.get_database_backend(), sql)).await.unwrap();
    }

    /// Ends each closure of a lane that ends by itself, as if its time had passed. The jobs that wait for it are due, also those
    /// of a closure that an earlier call has ended: a worker may close the lane between the two statements.
    pub async fn end_closures(&self) {
        let closed = "(SELECT MAX(closed_at) FROM lanes WHERE closed_until >= closed_at)";
        self.run(&format!("UPDATE jobs SET due_at = {closed} WHERE state = 'waiting' AND due_at > {closed}")).await;
        self.run("UPDATE lanes SET closed_until = closed_at WHERE closed_until > closed_at").await;
    }

    /// The texts that the query `sql` returns.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let on = self.database.connection();
        let rows = on.query_all_raw(Statement::from_string(on.get_database_backend(), sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).collect()
    }
}

async fn postgres() -> String {
    let server = setting("CONVOSYNC_TEST_POSTGRES");
    let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let admin = sea_orm::Database::connect(&server).await.expect("the PostgreSQL server that scripts/test starts");
    admin.execute_raw(Statement::from_string(DbBackend::Postgres, format!("CREATE DATABASE {name}"))).await.unwrap();
    admin.close().await.unwrap();
    let (start, _) = server.rsplit_once('/').unwrap();
    format!("{start}/{name}")
}

/// A variable that `scripts/test` sets.
#[expect(clippy::disallowed_methods, reason = "the test's own surroundings, not the product's")]
pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run scripts/test integration"))
}
