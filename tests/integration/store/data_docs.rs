//! `docs/data.md`: the tables and views with their columns, generated from the entities' doc comments and from a migrated
//! SQLite database.

use crate::harness::{Engine, TestDatabase};
use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable};
use sources::vendor::CONVERSATIONS_COLUMNS;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const HEADER: &str = "\
<!-- Generated from the doc comments of `entities/src` and from the migrations. Do not edit: change the comments, then run
UPDATE_DOCS=1 cargo test -p tests --test integration data_docs -->

# The data

This file lists every table and view that convosync creates, with every column.

- **Type** is the type in PostgreSQL. SQLite has the same columns; it stores instants and JSON as text.
- **NULL**: \"yes\" where the column accepts NULL.
- Instants are in UTC, to the microsecond.
- Vendor tables hold a vendor's rows. Read them and the views; only convosync writes.
- Ledger tables hold the state of the synchronization: covered windows, jobs, backfills, lanes and requests.
";

/// A table or view.
struct Relation {
    name: String,
    description: String,
    key: Vec<String>,
    columns: Vec<Column>,
}

/// A column, as a line of the file shows it.
#[derive(Clone)]
struct Column {
    name: String,
    sql_type: &'static str,
    is_nullable: bool,
    text: String,
}

/// A view: its name, its description, and the tables whose columns it shows. An earlier table's column wins.
type View = (&'static str, &'static str, &'static [&'static str]);

const VIEWS: [View; 9] = [
    (
        "conversations",
        "One row per conversation of any vendor, final or not. The registration of each vendor adds its part.",
        &[],
    ),
    (
        "wolkvox_chats_final",
        "The rows of `wolkvox_chats` whose `start_at` lies in a window of final coverage.",
        &["wolkvox_chats"],
    ),
    (
        "certainly_messages_final",
        "The rows of `certainly_messages` whose `timestamp` lies in a window of final coverage of their bot.",
        &["certainly_messages"],
    ),
    (
        "ultimate_conversations_final",
        "The rows of `ultimate_conversations` whose `conversation_start_time` lies in a window of final coverage of their \
         bot that ends more than a day later. So the file of the next day, which may hold the end of the conversation, is \
         final too.",
        &["ultimate_conversations"],
    ),
    (
        "truora_processes_final",
        "The rows of `truora_processes` that have ended, whose `creation_date` lies in a window of final coverage, and \
         that no job is going to fetch again.",
        &["truora_processes"],
    ),
    (
        "truora_responses_final",
        "The rows of `truora_responses` that belong to the stored state of a process in `truora_processes_final`.",
        &["truora_responses"],
    ),
    (
        "treble_sessions_final",
        "The rows of `treble_sessions` whose `created_at` lies in a window of final coverage, and whose history no job \
         is going to fetch.",
        &["treble_sessions"],
    ),
    (
        "treble_messages_final",
        "The rows of `treble_messages` whose `session_created_at` lies in a window of final coverage, and whose history \
         no job is going to fetch.",
        &["treble_messages"],
    ),
    (
        "treble_session_events",
        "One row per event of `treble_events` and session that it is about. An event without an external id belongs to \
         the latest earlier session of the same phone. Events about templates have no row.",
        &["treble_events", "treble_sessions", "treble_messages"],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_data_docs_list_every_table_view_and_column() {
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let (vendors, ledger) = (vendor_tables(), ledger_tables());
    let mut documented: Vec<&str> = vendors.iter().chain(&ledger).map(|table| table.name.as_str()).collect();
    documented.sort_unstable();
    assert_eq!(documented, stored(&made, "table").await, "list every entity in vendor_tables or ledger_tables");
    for table in vendors.iter().chain(&ledger) {
        check_columns(&made, table).await;
    }
    let mut names = VIEWS.map(|(name, ..)| name);
    names.sort_unstable();
    assert_eq!(names.as_slice(), stored(&made, "view").await, "describe every view in VIEWS");
    let mut views = Vec::new();
    for view in &VIEWS {
        views.push(describe_view(&made, view, &vendors).await);
    }

    let mut expected = HEADER.to_owned();
    for (title, relations) in [("Vendor tables", &vendors), ("Views", &views), ("Ledger tables", &ledger)] {
        write!(expected, "\n## {title}\n").unwrap();
        for relation in relations {
            print(&mut expected, relation);
        }
    }
    let path = root().join("docs/data.md");
    if is_update_requested() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = written.lines().zip(expected.lines()).find(|(written, expected)| written != expected);
    assert!(
        written == expected,
        "docs/data.md differs from the tables and their doc comments (first difference: {difference:?}); write it anew \
         with: UPDATE_DOCS=1 cargo test -p tests --test integration data_docs"
    );
}

fn vendor_tables() -> Vec<Relation> {
    vec![
        table::<entities::wolkvox_chats::Entity>(),
        table::<entities::certainly_messages::Entity>(),
        table::<entities::ultimate_conversations::Entity>(),
        table::<entities::truora_processes::Entity>(),
        table::<entities::truora_responses::Entity>(),
        table::<entities::treble_polls::Entity>(),
        table::<entities::treble_sessions::Entity>(),
        table::<entities::treble_messages::Entity>(),
        table::<entities::treble_events::Entity>(),
    ]
}

fn ledger_tables() -> Vec<Relation> {
    vec![
        table::<entities::streams::Entity>(),
        table::<entities::coverage::Entity>(),
        table::<entities::reopened_days::Entity>(),
        table::<entities::jobs::Entity>(),
        table::<entities::items::Entity>(),
        table::<entities::lanes::Entity>(),
        table::<entities::lane_slots::Entity>(),
        table::<entities::processes::Entity>(),
        table::<entities::prunings::Entity>(),
        table::<entities::installation::Entity>(),
        table::<entities::backfills::Entity>(),
        table::<entities::backfill_streams::Entity>(),
        table::<entities::backfill_windows::Entity>(),
        table::<entities::requests::Entity>(),
        table::<entities::rejects::Entity>(),
        table::<entities::deliveries::Entity>(),
    ]
}

/// The table of `E`, described by the doc comments in the file of the same name.
fn table<E: EntityTrait>() -> Relation {
    let name = E::default().table_name().to_owned();
    let source = std::fs::read_to_string(root().join(format!("entities/src/{name}.rs"))).unwrap();
    assert!(source.contains(&format!("table_name = \"{name}\"")), "entities/src/{name}.rs has another table");
    let (description, fields) = parse_model(&source);
    let columns: Vec<E::Column> = E::Column::iter().collect();
    assert_eq!(fields.len(), columns.len(), "{name}: the parser found another number of fields");
    let describe = |(column, (field, text)): (&E::Column, (String, String))| {
        assert!(!text.is_empty(), "{name}.{field} has no doc comment");
        let definition = column.def();
        Column {
            name: column.as_str().to_owned(),
            sql_type: postgres_type(definition.get_column_type()),
            is_nullable: definition.is_null(),
            text,
        }
    };
    let columns = columns.iter().zip(fields).map(describe).collect();
    let key = E::PrimaryKey::iter().map(|column| column.as_str().to_owned()).collect();
    Relation { name, description, key, columns }
}

/// The doc comment of `pub struct Model`, and the name and doc comment of each of its fields.
fn parse_model(source: &str) -> (String, Vec<(String, String)>) {
    let (mut docs, mut fields, mut description) = (Vec::new(), Vec::new(), None);
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            docs.push(text);
        } else if line == "pub struct Model {" {
            description = Some(std::mem::take(&mut docs).join(" "));
        } else if description.is_some() && line == "}" {
            break;
        } else if let (Some(_), Some((name, _))) =
            (&description, line.strip_prefix("pub ").and_then(|field| field.split_once(": ")))
        {
            fields.push((name.to_owned(), std::mem::take(&mut docs).join(" ")));
        } else if !line.starts_with("#[") {
            docs.clear();
        }
    }
    (description.unwrap(), fields)
}

fn postgres_type(column_type: &ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "text",
        ColumnType::BigInteger => "bigint",
        ColumnType::Integer => "integer",
        ColumnType::Boolean => "boolean",
        ColumnType::Double => "double precision",
        ColumnType::TimestampWithTimeZone => "timestamp with time zone",
        ColumnType::JsonBinary => "jsonb",
        ColumnType::Blob => "bytea",
        other => panic!("add PostgreSQL's name of {other:?} to this list"),
    }
}

/// The tables or views of the database, by name, without those of the database and of the migrator.
async fn stored(made: &TestDatabase, kind: &str) -> Vec<String> {
    let sql = format!(
        "SELECT name FROM sqlite_master WHERE type = '{kind}' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'seaql_%' \
         ORDER BY name"
    );
    made.texts(&sql).await
}

/// The columns of the entity are those of the migrated table, and accept NULL alike.
async fn check_columns(made: &TestDatabase, table: &Relation) {
    let sql = format!(
        "SELECT name || CASE WHEN \"notnull\" OR pk THEN '' ELSE '?' END FROM pragma_table_info('{}') ORDER BY 1",
        table.name
    );
    let mark = |column: &Column| format!("{}{}", column.name, if column.is_nullable { "?" } else { "" });
    let mut columns: Vec<String> = table.columns.iter().map(mark).collect();
    columns.sort_unstable();
    assert_eq!(columns, made.texts(&sql).await, "{}: the entity differs from the migrated table", table.name);
}

async fn describe_view(made: &TestDatabase, (name, description, origins): &View, tables: &[Relation]) -> Relation {
    let names = made.texts(&format!("SELECT name FROM pragma_table_info('{name}') ORDER BY cid")).await;
    let origins: Vec<&Relation> =
        origins.iter().map(|origin| tables.iter().find(|table| table.name == *origin).unwrap()).collect();
    let find = |column: &str| {
        let found = origins.iter().flat_map(|table| &table.columns).find(|candidate| candidate.name == column);
        found.cloned().unwrap_or_else(|| own_column(name, column))
    };
    let columns: Vec<Column> = names.iter().map(|column| find(column)).collect();
    if *name == "conversations" {
        assert_eq!(names, CONVERSATIONS_COLUMNS.map(|(column, _)| column));
    }
    Relation { name: (*name).to_owned(), description: (*description).to_owned(), key: Vec::new(), columns }
}

/// A column that no table has.
fn own_column(view: &str, column: &str) -> Column {
    let own = |sql_type, is_nullable, text: &str| Column {
        name: column.to_owned(),
        sql_type,
        is_nullable,
        text: format!("{}{}.", text[..1].to_uppercase(), &text[1..]),
    };
    if (view, column) == ("treble_session_events", "matched_by") {
        return own("text", false, "the column that matched the two: `external_id` or `phone_tail`");
    }
    let text = CONVERSATIONS_COLUMNS.iter().find(|(name, _)| *name == column && view == "conversations");
    let (_, text) = text.unwrap_or_else(|| panic!("describe {view}.{column} in own_column"));
    let sql_type = match column {
        "started_at" | "ended_at" | "synced_at" => "timestamp with time zone",
        "reached_agent" => "boolean",
        "messages" => "bigint",
        _ => "text",
    };
    own(sql_type, !["source", "account", "conversation_id", "synced_at"].contains(&column), text)
}

fn print(into: &mut String, relation: &Relation) {
    let cell = |text: &str| text.replace('|', "\\|");
    write!(into, "\n### `{}`\n\n{}\n", relation.name, relation.description).unwrap();
    if !relation.key.is_empty() {
        writeln!(into, "\nPrimary key: `{}`.", relation.key.join("`, `")).unwrap();
    }
    into.push_str("\n| column | type | NULL | content |\n|---|---|---|---|\n");
    for column in &relation.columns {
        let null = if column.is_nullable { "yes" } else { "no" };
        writeln!(into, "| `{}` | {} | {null} | {} |", column.name, column.sql_type, cell(&column.text)).unwrap();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[expect(clippy::disallowed_methods, reason = "a developer asks this test to write the file")]
fn is_update_requested() -> bool {
    std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1")
}
