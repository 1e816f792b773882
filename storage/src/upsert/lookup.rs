//! Looks up which rows are stored already, and whether they differ.

use crate::transaction::Transaction;
use crate::upsert::key_groups::{key_groups, key_text, key_value};
use crate::upsert::sql::quoted;
use entities::row_version::Version;
use entities::rows::RowBatch;
use entities::schema::{ColumnType, TableSchema};
use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{self, AssertSqlSafe, Row as _};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use std::collections::BTreeMap;

/// A row of a batch that the table does not hold with the same digest, or holds as gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredRow {
    /// The table does not hold the key.
    Missing,
    /// The table holds the key with another digest, or with the mark that the vendor's answers lack the row.
    Differs {
        /// The stored digest.
        digest: String,
        /// The stored version.
        version: Version,
    },
}

/// The condition by which PostgreSQL looks a key up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyCondition {
    /// Equality: fast, if the plan uses the key's index.
    Equal,
    /// The first row from the key on, in key order: only the key's index has this order.
    Ordered,
}

/// Chooses the condition for which PostgreSQL uses the key's index now. While it believes that a table is empty, it may
/// use any index that begins with the account, and each look-up would then read all rows of the account.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn key_condition(tx: &Transaction, schema: &TableSchema) -> Result<KeyCondition, DbErr> {
    let mut sql = lookup_query(schema, KeyCondition::Equal);
    for position in (1..=schema.key.len() + 1).rev() {
        sql = sql.replace(&format!("${position}::"), "NULL::");
    }
    let explain = Statement::from_string(DbBackend::Postgres, format!("EXPLAIN {sql}"));
    let plan = tx.query_all_raw(explain).await?;
    let lines: Result<Vec<String>, DbErr> = plan.iter().map(|line| line.try_get("", "QUERY PLAN")).collect();
    let lines = lines?;
    let uses_key_index = lines.iter().any(|line| line.contains(&format!("using {}_pkey on", schema.table)));
    let key = schema.key.iter().filter_map(|position| schema.columns.get(*position));
    let compares_key = |line: &&String| key.clone().all(|column| line.contains(&format!("({} =", column.name)));
    let compares_all_columns = lines.iter().any(|line| line.contains("Index Cond") && compares_key(&line));
    Ok(if uses_key_index && compares_all_columns { KeyCondition::Equal } else { KeyCondition::Ordered })
}

/// Returns those of `positions` whose row is not stored with the same digest.
#[crate::boxed]
pub async fn differing(
    tx: &Transaction,
    condition: KeyCondition,
    rows: &RowBatch,
    positions: &[usize],
) -> Result<Vec<(usize, StoredRow)>, DbErr> {
    match tx.postgres().await {
        Some(mut locked) => tx.within(postgres(locked.connection(), condition, rows, positions)).await,
        None => sqlite(tx, rows, positions).await,
    }
}

/// Looks all rows up by one query with arrays. A sub-select finds each stored row: PostgreSQL cannot turn it into a join,
/// which would read the whole table.
async fn postgres(
    connection: &mut sqlx::PgConnection,
    condition: KeyCondition,
    rows: &RowBatch,
    positions: &[usize],
) -> Result<Vec<(usize, StoredRow)>, sqlx::Error> {
    let sql = lookup_query(rows.schema(), condition);
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for position in &rows.schema().key {
        query = match rows.schema().columns.get(*position).map(|column| column.column_type) {
            Some(ColumnType::Int) => {
                query.bind(positions.iter().map(|row| rows.int(*row, *position)).collect::<Vec<_>>())
            }
            _ => query.bind(
                positions
                    .iter()
                    .map(|row| rows.text(*row, *position).unwrap_or_default().to_owned())
                    .collect::<Vec<_>>(),
            ),
        };
    }
    let digests = positions.iter().map(|row| rows.text(*row, rows.schema().digest).unwrap_or_default().to_owned());
    let answer = query.bind(digests.collect::<Vec<_>>()).fetch_all(connection).await?;
    let read = |row: &PgRow| -> Result<Option<(usize, StoredRow)>, sqlx::Error> {
        let ordinal = usize::try_from(row.try_get::<i64, _>(0)? - 1).unwrap_or(usize::MAX);
        let state = match row.try_get(1)? {
            None => StoredRow::Missing,
            Some(digest) => StoredRow::Differs { digest, version: Version([row.try_get(2)?, row.try_get(3)?]) },
        };
        Ok(positions.get(ordinal).map(|row| (*row, state)))
    };
    let differing: Result<Vec<_>, _> = answer.iter().map(read).collect();
    let mut differing: Vec<_> = differing?.into_iter().flatten().collect();
    differing.sort_unstable_by_key(|(row, _)| *row);
    Ok(differing)
}

/// Builds the query for new and differing rows. Its parameters are an array per key column and an array of digests.
#[must_use]
pub fn lookup_query(schema: &TableSchema, condition: KeyCondition) -> String {
    let version = [0, 1].map(|at| {
        let column = schema.version.get(at).and_then(|position| schema.columns.get(*position));
        column.map_or("NULL::timestamptz".to_owned(), |column| format!("t.{}", quoted(column.name)))
    });
    let version = format!("{} AS version, {} AS tie", version[0], version[1]);
    let (gone, is_gone) = if schema.has_gone_at { (", t.gone_at", " OR t.gone_at IS NOT NULL") } else { ("", "") };
    let key: Vec<_> = schema.key.iter().filter_map(|position| schema.columns.get(*position)).collect();
    let arrays = key.iter().enumerate().map(|(at, column)| {
        let kind = if column.column_type == ColumnType::Int { "bigint" } else { "text" };
        format!("${}::{kind}[]", at + 1)
    });
    let names: Vec<String> = (0..key.len()).map(|at| format!("k{at}")).collect();
    let columns: Vec<String> = key.iter().map(|column| format!("t.{}", quoted(column.name))).collect();
    let equal: Vec<String> = columns.iter().zip(&names).map(|(column, name)| format!("{column} = u.{name}")).collect();
    let (columns, equal) = (columns.join(", "), equal.join(" AND "));
    let (filter, on) = match condition {
        KeyCondition::Equal => (format!("WHERE {equal}"), "true"),
        KeyCondition::Ordered => {
            let keys = names.iter().map(|name| format!("u.{name}")).collect::<Vec<_>>().join(", ");
            (format!("WHERE ({columns}) >= ({keys}) ORDER BY {columns}"), equal.as_str())
        }
    };
    format!(
        "SELECT u.ordinal, t.digest, t.version, t.tie FROM unnest({}, ${}::text[]) WITH ORDINALITY \
         AS u({}, digest, ordinal) LEFT JOIN LATERAL (SELECT {columns}, t.digest, {version}{gone} FROM {} t \
         {filter} LIMIT 1) t ON {on} WHERE t.digest IS DISTINCT FROM u.digest{is_gone}",
        arrays.collect::<Vec<_>>().join(", "),
        key.len() + 1,
        names.join(", "),
        quoted(&schema.table),
    )
}

/// Runs one query for each group of rows whose keys differ only in the last column.
async fn sqlite(tx: &Transaction, rows: &RowBatch, positions: &[usize]) -> Result<Vec<(usize, StoredRow)>, DbErr> {
    let schema = rows.schema();
    let Some(last) = schema.key.last() else { return Ok(Vec::new()) };
    let mut differing = Vec::new();
    for members in key_groups(rows, positions.iter().copied()) {
        let stored = stored(tx, rows, &members).await?;
        for row in members {
            match stored.get(&key_text(rows, row, *last)) {
                None => differing.push((row, StoredRow::Missing)),
                Some(stored) if !stored.is_gone && Some(stored.digest.as_str()) == rows.text(row, schema.digest) => {}
                Some(stored) => {
                    let (digest, version) = (stored.digest.clone(), stored.version);
                    differing.push((row, StoredRow::Differs { digest, version }));
                }
            }
        }
    }
    differing.sort_unstable_by_key(|(row, _)| *row);
    Ok(differing)
}

/// The stored rows of a group, by the last key column.
type StoredRows = BTreeMap<String, FoundRow>;

/// What a look-up reads of a stored row.
struct FoundRow {
    digest: String,
    version: Version,
    is_gone: bool,
}

async fn stored(tx: &Transaction, rows: &RowBatch, members: &[usize]) -> Result<StoredRows, DbErr> {
    let schema = rows.schema();
    let name = |position: &usize| schema.columns.get(*position).map_or(String::new(), |column| quoted(column.name));
    let (Some((last, group)), Some(first)) = (schema.key.split_last(), members.first()) else {
        return Ok(StoredRows::new());
    };
    let parameters = vec!["?"; members.len()].join(", ");
    let equal: Vec<String> = group
        .iter()
        .map(|position| format!("{} = ?", name(position)))
        .chain([format!("{} IN ({})", name(last), parameters)])
        .collect();
    let sql = format!(
        "SELECT CAST({} AS TEXT) AS key_part, digest, {} AS version, {} AS tie, {} AS is_gone FROM {} WHERE {}",
        name(last),
        schema.version.first().map_or("NULL".to_owned(), name),
        schema.version.get(1).map_or("NULL".to_owned(), name),
        if schema.has_gone_at { "gone_at IS NOT NULL" } else { "false" },
        quoted(&schema.table),
        equal.join(" AND "),
    );
    let values = group.iter().map(|position| key_value(rows, *first, *position));
    let values = values.chain(members.iter().map(|row| key_value(rows, *row, *last)));
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
    let mut rows_by_key = StoredRows::new();
    for row in tx.query_all_raw(statement).await? {
        let version = Version([row.try_get("", "version")?, row.try_get("", "tie")?]);
        let found = FoundRow { digest: row.try_get("", "digest")?, version, is_gone: row.try_get("", "is_gone")? };
        rows_by_key.insert(row.try_get("", "key_part")?, found);
    }
    Ok(rows_by_key)
}
