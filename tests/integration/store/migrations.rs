//! The migrations create the tables that the entities describe.

use crate::harness::{Engine, TestDatabase};
use convosync::clock::SystemClock;
use entities::{
    backfill_streams, backfill_windows, backfills, certainly_messages, coverage, deliveries, installation, items, jobs,
    lane_slots, lanes, processes, prunings, rejects, reopened_days, requests, streams, treble_events, treble_messages,
    treble_polls, treble_sessions, truora_processes, truora_responses, ultimate_conversations, wolkvox_chats,
};
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, IdenStatic, Iterable};
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::database::Database;
use tokio::task::JoinSet;

/// For each table and column the type, which SQLite leaves empty, and whether the column accepts NULL.
type TableColumns = BTreeMap<String, BTreeMap<String, (String, bool)>>;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_down_and_up_again() {
    check_migrations(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_up_down_and_up_again_on_sqlite() {
    check_migrations(Engine::Sqlite).await;
}

async fn check_migrations(engine: Engine) {
    let made = TestDatabase::empty(engine).await;
    let all = made.database.pending().await.unwrap();
    assert_eq!(made.database.migrate(&sources::conversations_view()).await.unwrap(), all);
    let (tables, shapes, indexes) =
        (names(&made, engine).await, stored_columns(&made, engine).await, indexes(&made, engine).await);
    assert!(tables.iter().any(|table| table == "conversations") && indexes.len() > tables.len() / 2, "{indexes:?}");
    made.database.migrate_down(u32::try_from(all.len()).unwrap()).await.unwrap();
    assert_eq!(names(&made, engine).await, ["seaql_migrations"], "migrate down drops every table");
    assert_eq!(made.database.pending().await.unwrap(), all);
    assert_eq!(made.database.migrate(&sources::conversations_view()).await.unwrap(), all);
    assert_eq!(names(&made, engine).await, tables);
    assert_eq!(stored_columns(&made, engine).await, shapes);
    assert_eq!(self::indexes(&made, engine).await, indexes);
    assert_eq!(
        made.database.migrate(&sources::conversations_view()).await.unwrap(),
        Vec::<String>::new(),
        "a second migrate creates nothing"
    );
    made.database.migrate_down(1).await.unwrap();
    assert_eq!(made.database.pending().await.unwrap(), all[all.len() - 1..]);
    made.database.migrate(&sources::conversations_view()).await.unwrap();
    assert_eq!(names(&made, engine).await, tables);
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_and_tables_have_the_same_columns() {
    check_columns_of_entities(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_and_tables_have_the_same_columns_on_sqlite() {
    check_columns_of_entities(Engine::Sqlite).await;
}

async fn check_columns_of_entities(engine: Engine) {
    let made = TestDatabase::fresh(engine).await;
    let mut wanted = TableColumns::new();
    describe::<backfill_streams::Entity>(&mut wanted, engine);
    describe::<backfill_windows::Entity>(&mut wanted, engine);
    describe::<backfills::Entity>(&mut wanted, engine);
    describe::<certainly_messages::Entity>(&mut wanted, engine);
    describe::<coverage::Entity>(&mut wanted, engine);
    describe::<deliveries::Entity>(&mut wanted, engine);
    describe::<installation::Entity>(&mut wanted, engine);
    describe::<items::Entity>(&mut wanted, engine);
    describe::<lane_slots::Entity>(&mut wanted, engine);
    describe::<lanes::Entity>(&mut wanted, engine);
    describe::<processes::Entity>(&mut wanted, engine);
    describe::<prunings::Entity>(&mut wanted, engine);
    describe::<rejects::Entity>(&mut wanted, engine);
    describe::<reopened_days::Entity>(&mut wanted, engine);
    describe::<requests::Entity>(&mut wanted, engine);
    describe::<streams::Entity>(&mut wanted, engine);
    describe::<treble_events::Entity>(&mut wanted, engine);
    describe::<treble_messages::Entity>(&mut wanted, engine);
    describe::<treble_polls::Entity>(&mut wanted, engine);
    describe::<treble_sessions::Entity>(&mut wanted, engine);
    describe::<truora_processes::Entity>(&mut wanted, engine);
    describe::<truora_responses::Entity>(&mut wanted, engine);
    describe::<ultimate_conversations::Entity>(&mut wanted, engine);
    describe::<jobs::Entity>(&mut wanted, engine);
    describe::<wolkvox_chats::Entity>(&mut wanted, engine);
    let found = stored_columns(&made, engine).await;
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "every table has its entity");
    for (table, columns) in wanted {
        assert_eq!(found[&table], columns, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_processes_migrate_once() {
    migrate_concurrently(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_processes_migrate_once_on_sqlite() {
    migrate_concurrently(Engine::Sqlite).await;
}

async fn migrate_concurrently(engine: Engine) {
    for _ in 0..3 {
        let made = TestDatabase::empty(engine).await;
        let all = made.database.pending().await.unwrap();
        let mut starting = JoinSet::new();
        for _ in 0..6 {
            let url = made.url.clone();
            starting.spawn(async move {
                let own = Database::connect(&url, Arc::new(SystemClock::start())).await.unwrap();
                own.migrate(&sources::conversations_view()).await.unwrap()
            });
        }
        let mut done: Vec<_> = starting.join_all().await.into_iter().filter(|made| !made.is_empty()).collect();
        assert_eq!(done.pop(), Some(all), "one process applies all migrations");
        assert_eq!(done, Vec::<Vec<String>>::new(), "the other processes apply none");
    }
}

/// The queries of two vendors for the view: an older version of the program has the first, a newer one both.
const FIRST_PART: &str = "SELECT 'wolkvox', account, conn_id, start_at, end_at, channel, customer_phone, customer_name, \
                          go_to_agent = 'YES', agent_name, times_chatted, synced_at FROM wolkvox_chats";
const SECOND_PART: &str = "SELECT 'treble', account, session_id, created_at, finished_at, 'whatsapp', phone, NULL, false, \
                           NULL, NULL, synced_at FROM treble_sessions";

#[tokio::test(flavor = "multi_thread")]
async fn a_users_view_on_conversations_survives_a_second_migrate() {
    check_user_view(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_view_on_conversations_survives_a_second_migrate_on_sqlite() {
    check_user_view(Engine::Sqlite).await;
}

async fn check_user_view(engine: Engine) {
    let made = TestDatabase::empty(engine).await;
    made.database.migrate(&[FIRST_PART]).await.unwrap();
    made.run("CREATE VIEW my_report AS SELECT source, COUNT(*) AS conversations FROM conversations GROUP BY source")
        .await;
    made.run(
        "INSERT INTO treble_sessions (account, session_id, created_at, extra, digest, synced_at) VALUES ('a', 's1', \
              '2026-10-01T00:00:00Z', '{}', '', '2026-10-01T00:00:00Z')",
    )
    .await;
    let sources = async || made.texts("SELECT source FROM my_report ORDER BY source").await;
    assert_eq!(sources().await, Vec::<String>::new(), "the first version knows no sessions");

    let applied = made.database.migrate(&[FIRST_PART, SECOND_PART]).await.unwrap();
    assert_eq!(applied, Vec::<String>::new(), "a change of the view alone applies no migration");
    assert_eq!(sources().await, ["treble"], "the user's view reads the replaced view");

    made.database.migrate(&[FIRST_PART]).await.unwrap();
    assert_eq!(sources().await, Vec::<String>::new(), "an older version restores its own view");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_works_with_a_newer_schema() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let made = TestDatabase::empty(engine).await;
        made.database.migrate(&[FIRST_PART, SECOND_PART]).await.unwrap();
        made.run("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)").await;
        assert_eq!(made.database.pending().await.unwrap(), Vec::<String>::new());
        let view = async || made.number("SELECT COUNT(*) FROM conversations WHERE source = 'treble'").await;
        let insert = "INSERT INTO treble_sessions (account, session_id, created_at, extra, digest, synced_at) VALUES \
                      ('a', 's1', '2026-10-01T00:00:00Z', '{}', '', '2026-10-01T00:00:00Z')";
        made.run(insert).await;
        assert_eq!(made.database.migrate(&[FIRST_PART]).await.unwrap(), Vec::<String>::new(), "{engine:?}");
        assert_eq!(view().await, 1, "the older version keeps the newer one's view");
    }
}

fn describe<E: EntityTrait>(shapes: &mut TableColumns, engine: Engine) {
    let column = |column: E::Column| {
        let definition = column.def();
        let kind = if engine == Engine::Postgres { type_name(definition.get_column_type()) } else { "" };
        (column.as_str().to_owned(), (kind.to_owned(), definition.is_null()))
    };
    shapes.insert(E::default().table_name().to_owned(), E::Column::iter().map(column).collect());
}

/// The name of the type in PostgreSQL. SQLite has no strict types.
fn type_name(of: &ColumnType) -> &'static str {
    match of {
        ColumnType::Text => "text",
        ColumnType::BigInteger => "bigint",
        ColumnType::Integer => "integer",
        ColumnType::Boolean => "boolean",
        ColumnType::Double => "double precision",
        ColumnType::TimestampWithTimeZone => "timestamp with time zone",
        ColumnType::JsonBinary => "jsonb",
        ColumnType::Blob => "bytea",
        other => panic!("{other:?} is not used so far; say what PostgreSQL calls it"),
    }
}

async fn stored_columns(made: &TestDatabase, engine: Engine) -> TableColumns {
    let sql = match engine {
        Engine::Postgres => {
            "SELECT c.table_name || '|' || c.column_name || '|' || c.data_type || '|' || c.is_nullable FROM \
             information_schema.columns c JOIN information_schema.tables t ON t.table_name = c.table_name AND \
             t.table_schema = c.table_schema WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
        }
        Engine::Sqlite => {
            "SELECT t.name || '|' || c.name || '||' || CASE c.\"notnull\" WHEN 0 THEN 'YES' ELSE 'NO' END FROM \
             sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        }
    };
    let mut shapes = TableColumns::new();
    for line in made.texts(sql).await {
        let [table, column, kind, absent] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let shape = (kind.to_owned(), absent == "YES");
        shapes.entry(table.to_owned()).or_default().insert(column.to_owned(), shape);
    }
    shapes.remove("seaql_migrations");
    shapes
}

async fn names(made: &TestDatabase, engine: Engine) -> Vec<String> {
    made.texts(match engine {
        Engine::Postgres => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        }
        Engine::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
    })
    .await
}

async fn indexes(made: &TestDatabase, engine: Engine) -> Vec<String> {
    made.texts(match engine {
        Engine::Postgres => "SELECT indexdef::text FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
        Engine::Sqlite => "SELECT tbl_name || ' ' || name FROM sqlite_master WHERE type = 'index' ORDER BY 1",
    })
    .await
}
