//! Compares a mailed file's rows with the stored ones before they are written.

use crate::ledger::StreamId;
use crate::transaction::Transaction;
use crate::upsert::key_groups::{key_groups, key_value};
use crate::upsert::sql::{present_rows_within, quoted};
use chrono::{DateTime, SubsecRound, Utc};
use domain::file_overlap::{FileOverlap, is_same_text, is_same_time};
use domain::source::Stream;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::schema::{ColumnType, TableSchema};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use std::collections::{HashMap, HashSet};

/// The comparison so far. The values of `columns` never change once the vendor has filed a row.
#[derive(Debug)]
pub(super) struct OverlapCount {
    columns: &'static [&'static str],
    /// The keys of the rows that came so far, as hashes. A row that comes again would find itself in the table.
    seen: HashSet<u128>,
    /// Those of them that were stored before.
    shared: HashSet<u128>,
    found: FileOverlap,
}

/// Keys per query.
const KEYS: usize = 500;

impl OverlapCount {
    pub(super) fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, seen: HashSet::new(), shared: HashSet::new(), found: FileOverlap::default() }
    }

    /// Compares a batch with the stored rows that are not gone.
    pub(super) async fn add(&mut self, tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
        let schema = rows.schema();
        let fixed = fixed_columns(rows, self.columns);
        let Some((last, group)) = schema.key.split_last() else { return Ok(()) };
        if schema.columns.get(*last).is_none_or(|column| column.column_type != ColumnType::Text) {
            return Ok(());
        }
        for members in key_groups(rows, 0..rows.len()).iter().flat_map(|members| members.chunks(KEYS)) {
            let Some(first) = members.first() else { continue };
            let values = group.iter().map(|position| key_value(rows, *first, *position));
            let values: Vec<Value> = values.chain(members.iter().map(|row| key_value(rows, *row, *last))).collect();
            let statement = statement(schema, &fixed, members.len());
            let statement = Statement::from_sql_and_values(tx.get_database_backend(), statement, values);
            let by_key: HashMap<&str, usize> =
                members.iter().filter_map(|row| Some((rows.text(*row, *last)?, *row))).collect();
            for stored in tx.query_all_raw(statement).await? {
                let key: String = stored.try_get("", "key_text")?;
                let Some(row) = by_key.get(key.as_str()) else { continue };
                let key = rows.key_hash(*row);
                if !self.seen.contains(&key) && self.shared.insert(key) {
                    self.found.shared += 1;
                }
                if self.shared.contains(&key) {
                    self.found.contradicted += u64::from(contradicts(rows, *row, &fixed, &stored)?);
                }
            }
        }
        self.seen.extend((0..rows.len()).map(|row| rows.key_hash(row)));
        Ok(())
    }

    /// The comparison of the whole file, whose rows have been written at `now` as the rows of `window`.
    pub(super) async fn finish(
        self,
        tx: &Transaction,
        (id, stream): (&StreamId, &Stream),
        window: Option<Window>,
        now: DateTime<Utc>,
    ) -> Result<FileOverlap, DbErr> {
        let mut found = self.found;
        if let Some(window) = window.filter(|_| found.shared == 0) {
            let (condition, mut values) = present_rows_within(id, stream, window);
            // A row keeps its instants to the microsecond.
            values.push(now.trunc_subsecs(6).into());
            let written = values.len();
            let table = quoted(stream.table);
            let sql = format!("SELECT COUNT(*) AS rows FROM {table} WHERE {condition} AND synced_at <> ${written}");
            let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
            let rows: i64 = row.map_or(Ok(0), |row| row.try_get("", "rows"))?;
            found.untouched = u64::try_from(rows).unwrap_or(0);
        }
        Ok(found)
    }
}

/// A column with fixed values: its position, name and type.
type FixedColumn = (usize, &'static str, ColumnType);

/// The fixed columns that the file knows.
fn fixed_columns(rows: &RowBatch, names: &[&str]) -> Vec<FixedColumn> {
    let is_known = |position: usize| rows.merge_rules().is_none_or(|rules| rules.replaces(position));
    let columns = rows.schema().columns.iter().enumerate();
    let columns = columns.filter(|(position, column)| names.contains(&column.name) && is_known(*position));
    columns.map(|(position, column)| (position, column.name, column.column_type)).collect()
}

/// Selects the fixed columns of the rows that have one of `keys` values in the last column of the key.
fn statement(schema: &TableSchema, fixed: &[FixedColumn], keys: usize) -> String {
    let name = |position: &usize| schema.columns.get(*position).map_or_else(String::new, |column| quoted(column.name));
    let (last, group) =
        schema.key.split_last().map_or((String::new(), [].as_slice()), |(last, group)| (name(last), group));
    let columns = fixed.iter().map(|(position, column, _)| format!(", {} AS c{position}", quoted(column)));
    let equal = group.iter().enumerate().map(|(at, position)| format!("{} = ${} AND ", name(position), at + 1));
    let values: Vec<String> = (1..=keys).map(|key| format!("${}", group.len() + key)).collect();
    let is_present = if schema.has_gone_at { " AND gone_at IS NULL" } else { "" };
    format!(
        "SELECT {last} AS key_text{} FROM {} WHERE {}{last} IN ({}){is_present}",
        columns.collect::<String>(),
        quoted(&schema.table),
        equal.collect::<String>(),
        values.join(", ")
    )
}

fn contradicts(rows: &RowBatch, row: usize, fixed: &[FixedColumn], stored: &QueryResult) -> Result<bool, DbErr> {
    for (position, _, column_type) in fixed {
        let name = format!("c{position}");
        let is_equal = match column_type {
            ColumnType::Time => {
                let stored: Option<DateTime<Utc>> = stored.try_get("", &name)?;
                rows.time(row, *position).zip(stored).is_none_or(|(new, stored)| is_same_time(new, stored))
            }
            ColumnType::Text => {
                let stored: Option<String> = stored.try_get("", &name)?;
                is_same_text(rows.text(row, *position).unwrap_or_default(), &stored.unwrap_or_default())
            }
            ColumnType::Int | ColumnType::Real | ColumnType::Bool | ColumnType::Json => true,
        };
        if !is_equal {
            return Ok(true);
        }
    }
    Ok(false)
}
