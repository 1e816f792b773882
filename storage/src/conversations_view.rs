//! The view `conversations` over all vendors. It is replaced whenever the database is migrated, from one SELECT per vendor,
//! so that a new vendor brings its part along without a migration of the shared view.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use xxhash_rust::xxh3::xxh3_128;

/// The view's columns, in order, and their types. Each vendor's SELECT yields these.
const COLUMNS: [(&str, &str); 12] = [
    ("source", "TEXT"),
    ("account", "TEXT"),
    ("conversation_id", "TEXT"),
    ("started_at", "TIMESTAMPTZ"),
    ("ended_at", "TIMESTAMPTZ"),
    ("channel", "TEXT"),
    ("customer_phone", "TEXT"),
    ("customer_name", "TEXT"),
    ("reached_agent", "BOOLEAN"),
    ("agent_name", "TEXT"),
    ("messages", "BIGINT"),
    ("synced_at", "TIMESTAMPTZ"),
];

/// Whether the view is the union of `selects` already, so that nothing has to be written.
pub(crate) async fn is_current(on: &impl ConnectionTrait, selects: &[&str]) -> Result<bool, DbErr> {
    let engine = on.get_database_backend();
    let (stored, current) = match engine {
        DbBackend::Postgres => {
            ("SELECT obj_description(to_regclass('conversations'), 'pg_class') AS stored", fingerprint(selects))
        }
        _ => ("SELECT sql AS stored FROM sqlite_master WHERE name = 'conversations'", create(&body(engine, selects))),
    };
    let row = on.query_one_raw(Statement::from_string(engine, stored)).await?;
    let stored = row.map_or(Ok(None), |row| row.try_get::<Option<String>>("", "stored"))?;
    Ok(stored.is_some_and(|stored| stored == current))
}

/// Replaces the view by the union of `selects`. PostgreSQL keeps what users built upon the view.
pub(crate) async fn replace(on: &impl ConnectionTrait, selects: &[&str]) -> Result<(), DbErr> {
    let body = body(on.get_database_backend(), selects);
    if on.get_database_backend() == DbBackend::Postgres {
        let statements = format!(
            "CREATE OR REPLACE VIEW conversations AS {body}; COMMENT ON VIEW conversations IS '{}'",
            fingerprint(selects)
        );
        return on.execute_unprepared(&statements).await.map(|_| ());
    }
    drop(on).await?;
    on.execute_unprepared(&create(&body)).await.map(|_| ())
}

/// Drops the view: the tables under it cannot go before it.
pub(crate) async fn drop(on: &impl ConnectionTrait) -> Result<(), DbErr> {
    on.execute_unprepared("DROP VIEW IF EXISTS conversations").await.map(|_| ())
}

/// A SELECT without rows that gives the columns their names and types, whichever vendors follow.
fn no_rows(engine: DbBackend) -> String {
    let column = |(name, sql_type): &(&str, &str)| match engine {
        DbBackend::Postgres => format!("CAST(NULL AS {sql_type}) AS {name}"),
        _ => format!("NULL AS {name}"),
    };
    format!("SELECT {} WHERE 1 = 0", COLUMNS.iter().map(column).collect::<Vec<_>>().join(", "))
}

fn body(engine: DbBackend, selects: &[&str]) -> String {
    let selects = selects.iter().map(|select| (*select).to_owned());
    std::iter::once(no_rows(engine)).chain(selects).collect::<Vec<_>>().join(" UNION ALL ")
}

fn create(body: &str) -> String {
    format!("CREATE VIEW conversations AS {body}")
}

/// PostgreSQL rewrites the text of a view, so a comment on the view says which text made it.
fn fingerprint(selects: &[&str]) -> String {
    format!("convosync {:032x}", xxh3_128(body(DbBackend::Postgres, selects).as_bytes()))
}
