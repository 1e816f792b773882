//! Which rows are there already, and in what state.

use crate::transaction::{Transaction, db_err};
use crate::upsert::sql::quoted;
use chrono::{DateTime, Utc};
use entities::rows::RowBatch;
use entities::schema::{ColumnType, TableSchema};
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{self, AssertSqlSafe, Row as _};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use std::collections::BTreeMap;

/// What is known of a row whose digest is not the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not stored.
    New,
    /// It is, in another state, of this version.
    Stored(Option<DateTime<Utc>>),
}

/// How PostgreSQL is asked for the row of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For an equal one: quick, where the plan goes by the key's index.
    Equal,
    /// For the first from there on, in the order of the key, which is that of the key's index and of no other.
    Ordered,
}

/// The form that goes by the key's index now. A plan that is made while a table is believed to be empty goes by any index
/// that begins as the key does; and then each look-up would read all rows of its account.
///
/// # Errors
/// Returns the database error.
pub async fn form(tx: &Transaction, schema: &TableSchema) -> Result<Form, DbErr> {
    let mut sql = question(schema, Form::Equal);
    for place in (1..=schema.key.len() + 1).rev() {
        sql = sql.replace(&format!("${place}::"), "NULL::");
    }
    let explain = Statement::from_string(DbBackend::Postgres, format!("EXPLAIN {sql}"));
    let plan = tx.query_all_raw(explain).await?;
    let lines: Result<Vec<String>, DbErr> = plan.iter().map(|line| line.try_get("", "QUERY PLAN")).collect();
    let lines = lines?;
    let goes_by_key = lines.iter().any(|line| line.contains(&format!("using {}_pkey on", schema.table)));
    let key = schema.key.iter().filter_map(|place| schema.columns.get(*place));
    let is_whole = |line: &&String| key.clone().all(|column| line.contains(&format!("({} =", column.name)));
    let goes_by_all = lines.iter().any(|line| line.contains("Index Cond") && is_whole(&line));
    Ok(if goes_by_key && goes_by_all { Form::Equal } else { Form::Ordered })
}

/// Those of `some` that are not stored exactly so.
pub async fn differing(
    tx: &Transaction,
    form: Form,
    rows: &RowBatch,
    some: &[usize],
) -> Result<Vec<(usize, State)>, DbErr> {
    match tx.postgres().await {
        Some(mut wire) => postgres(wire.connection(), form, rows, some).await,
        None => sqlite(tx, rows, some).await,
    }
}

/// One question, with arrays. The stored row is looked up by a sub-select that PostgreSQL cannot turn into a join, which
/// would read the whole table for each question.
async fn postgres(
    connection: &mut sqlx::PgConnection,
    form: Form,
    rows: &RowBatch,
    some: &[usize],
) -> Result<Vec<(usize, State)>, DbErr> {
    let sql = question(rows.schema(), form);
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for place in &rows.schema().key {
        query = match rows.schema().columns.get(*place).map(|column| column.column_type) {
            Some(ColumnType::Int) => query.bind(some.iter().map(|row| rows.int(*row, *place)).collect::<Vec<_>>()),
            _ => query.bind(
                some.iter().map(|row| rows.text(*row, *place).unwrap_or_default().to_owned()).collect::<Vec<_>>(),
            ),
        };
    }
    let digests = some.iter().map(|row| rows.text(*row, rows.schema().digest).unwrap_or_default().to_owned());
    let found = query.bind(digests.collect::<Vec<_>>()).fetch_all(connection).await.map_err(db_err)?;
    let read = |row: &PgRow| -> Result<Option<(usize, State)>, sqlx::Error> {
        let ordinal = usize::try_from(row.try_get::<i64, _>(0)? - 1).unwrap_or(usize::MAX);
        let state = if row.try_get(1)? { State::New } else { State::Stored(row.try_get(2)?) };
        Ok(some.get(ordinal).map(|row| (*row, state)))
    };
    let differing: Result<Vec<_>, _> = found.iter().map(read).collect();
    let mut differing: Vec<_> = differing.map_err(db_err)?.into_iter().flatten().collect();
    differing.sort_unstable_by_key(|(row, _)| *row);
    Ok(differing)
}

/// How PostgreSQL is asked which rows are new or differ: with an array for each part of the key, and one of digests.
#[must_use]
pub fn question(schema: &TableSchema, form: Form) -> String {
    let version = schema.version.and_then(|place| schema.columns.get(place));
    let version = version.map_or("NULL::timestamptz".to_owned(), |column| format!("t.{}", quoted(column.name)));
    let key: Vec<_> = schema.key.iter().filter_map(|place| schema.columns.get(*place)).collect();
    let arrays = key.iter().enumerate().map(|(at, column)| {
        let kind = if column.column_type == ColumnType::Int { "bigint" } else { "text" };
        format!("${}::{kind}[]", at + 1)
    });
    let names: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
    let columns: Vec<String> = key.iter().map(|column| format!("t.{}", quoted(column.name))).collect();
    let equal: Vec<String> = columns.iter().zip(&names).map(|(column, name)| format!("{column} = u.{name}")).collect();
    let (columns, equal) = (columns.join(", "), equal.join(" AND "));
    let (found, on) = match form {
        Form::Equal => (format!("WHERE {equal}"), "true"),
        Form::Ordered => {
            let keys = names.iter().map(|name| format!("u.{name}")).collect::<Vec<_>>().join(", ");
            (format!("WHERE ({columns}) >= ({keys}) ORDER BY {columns}"), equal.as_str())
        }
    };
    format!(
        "SELECT u.ordinal, t.digest IS NULL, t.version FROM unnest({}, ${}::text[]) WITH ORDINALITY \
         AS u({}, digest, ordinal) LEFT JOIN LATERAL (SELECT {columns}, t.digest, {version} AS version FROM {} t \
         {found} LIMIT 1) t ON {on} WHERE t.digest IS DISTINCT FROM u.digest",
        arrays.collect::<Vec<_>>().join(", "),
        key.len() + 1,
        names.join(", "),
        quoted(&schema.table),
    )
}

/// A question for each group of rows that differ in the last part of their key only.
async fn sqlite(tx: &Transaction, rows: &RowBatch, some: &[usize]) -> Result<Vec<(usize, State)>, DbErr> {
    let schema = rows.schema();
    let Some((last, group)) = schema.key.split_last() else { return Ok(Vec::new()) };
    let mut groups: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    let part = |row: usize, place: usize| match schema.columns.get(place).map(|column| column.column_type) {
        Some(ColumnType::Int) => rows.int(row, place).unwrap_or_default().to_string(),
        _ => rows.text(row, place).unwrap_or_default().to_owned(),
    };
    for row in some {
        groups.entry(group.iter().map(|place| part(*row, *place)).collect()).or_default().push(*row);
    }
    let mut differing = Vec::new();
    for members in groups.into_values() {
        let stored = stored(tx, rows, &members).await?;
        for row in members {
            match stored.get(&part(row, *last)) {
                None => differing.push((row, State::New)),
                Some((digest, _)) if Some(digest.as_str()) == rows.text(row, schema.digest) => {}
                Some((_, version)) => differing.push((row, State::Stored(*version))),
            }
        }
    }
    differing.sort_unstable_by_key(|(row, _)| *row);
    Ok(differing)
}

type Stored = BTreeMap<String, (String, Option<DateTime<Utc>>)>;

async fn stored(tx: &Transaction, rows: &RowBatch, members: &[usize]) -> Result<Stored, DbErr> {
    let schema = rows.schema();
    let name = |place: &usize| schema.columns.get(*place).map_or(String::new(), |column| quoted(column.name));
    let (Some((last, group)), Some(first)) = (schema.key.split_last(), members.first()) else {
        return Ok(Stored::new());
    };
    let value = |row: usize, place: usize| -> Value {
        match schema.columns.get(place).map(|column| column.column_type) {
            Some(ColumnType::Int) => Value::BigInt(rows.int(row, place)),
            _ => Value::String(rows.text(row, place).map(str::to_owned)),
        }
    };
    let holes = vec!["?"; members.len()].join(", ");
    let equal: Vec<String> = group
        .iter()
        .map(|place| format!("{} = ?", name(place)))
        .chain([format!("{} IN ({})", name(last), holes)])
        .collect();
    let sql = format!(
        "SELECT CAST({} AS TEXT) AS part, digest, {} AS version FROM {} WHERE {}",
        name(last),
        schema.version.as_ref().map_or("NULL".to_owned(), name),
        quoted(&schema.table),
        equal.join(" AND "),
    );
    let values = group.iter().map(|place| value(*first, *place)).chain(members.iter().map(|row| value(*row, *last)));
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    let mut found = Stored::new();
    for row in tx.query_all_raw(statement).await? {
        found.insert(row.try_get("", "part")?, (row.try_get("", "digest")?, row.try_get("", "version")?));
    }
    Ok(found)
}
