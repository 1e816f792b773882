//! Batches of rows in the format of PostgreSQL's binary COPY. A source packs rows without SQL, and the worker passes them on
//! without knowledge of the table.

use crate::merge_rules::MergeRules;
use crate::row_version::Version;
use crate::schema::{ColumnType, TableSchema, VendorTable, written_columns};
use chrono::{DateTime, Utc};
use sea_orm::{IdenStatic, Iterable, ModelTrait, Value};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_128;

/// One value of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// Text. A NUL character, which PostgreSQL cannot store, becomes U+FFFD.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// An instant; stored to the microsecond.
    Time(DateTime<Utc>),
    /// JSON text. Text that is not JSON is stored as a JSON string.
    Json(Cow<'a, str>),
}

/// A row under construction. A column without a value is NULL.
#[derive(Debug)]
pub struct Row<'a> {
    schema: &'static TableSchema,
    cells: Vec<Cell<'a>>,
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub struct RowBatch {
    schema: &'static TableSchema,
    bytes: Vec<u8>,
    ranges: Vec<RowRange>,
    merge_rules: Option<MergeRules>,
}

/// The bytes of one row in the batch, and the hash of its key.
#[derive(Clone, Copy, Debug)]
struct RowRange {
    start: usize,
    end: usize,
    key_hash: u128,
}

/// A row that cannot be stored, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column} {reason}")]
pub struct BadRow {
    /// The column.
    pub column: &'static str,
    /// The reason, such as "is missing".
    pub reason: &'static str,
}

/// The longest key column in bytes; an index of the database accepts it.
const MAX_KEY_COLUMN: usize = 512;
/// PostgreSQL's epoch, 2000-01-01, in microseconds of the Unix epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
/// The length of a row's header: the number of its columns.
const ROW_HEADER: usize = 2;

impl<'a> Row<'a> {
    /// Starts a row of `schema`.
    #[must_use]
    pub fn new(schema: &'static TableSchema) -> Self {
        Self { schema, cells: vec![Cell::Null; schema.columns.len()] }
    }

    /// The table's schema.
    #[must_use]
    pub fn schema(&self) -> &'static TableSchema {
        self.schema
    }

    /// The value of the column at `position` in the entity.
    #[must_use]
    pub fn get(&self, position: usize) -> &Cell<'a> {
        self.cells.get(position).unwrap_or(&Cell::Null)
    }

    /// Sets the column at `position` in the entity.
    pub fn set(&mut self, position: usize, cell: Cell<'a>) {
        if let Some(old) = self.cells.get_mut(position) {
            *old = cell;
        }
    }

    /// Sets the column `name`. An unknown name is a programming error, which fails in tests.
    pub fn set_named(&mut self, name: &str, cell: Cell<'a>) {
        let position = self.schema.columns.iter().position(|column| column.name == name);
        debug_assert!(position.is_some(), "{}: no column {name}", self.schema.table);
        self.set(position.unwrap_or(usize::MAX), cell);
    }
}

impl RowBatch {
    /// Starts an empty batch.
    #[must_use]
    pub fn new(schema: &'static TableSchema) -> Self {
        Self { schema, bytes: Vec::new(), ranges: Vec::new(), merge_rules: None }
    }

    /// Starts an empty batch whose rows do not know all columns. `rules` say how they meet stored rows.
    #[must_use]
    pub fn merging(schema: &'static TableSchema, rules: MergeRules) -> Self {
        Self { merge_rules: Some(rules), ..Self::new(schema) }
    }

    /// An empty batch of the same table with the same rules.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { merge_rules: self.merge_rules.clone(), ..Self::new(self.schema) }
    }

    /// Creates a batch from an entity's models and keeps their digests.
    #[must_use]
    pub fn of<E: VendorTable>(models: &[E::Model]) -> Self
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let mut rows = Self::new(E::schema());
        for model in models {
            let mut row = Row::new(rows.schema);
            for (position, column) in written_columns::<E>().enumerate() {
                row.set(position, cell(model.get(column)));
            }
            // A model has a value for each column that is NOT NULL. Its caller keeps the keys short.
            let stored = rows.push(&row);
            debug_assert!(stored.is_ok(), "{}: {stored:?}", E::Column::iter().map(|c| c.as_str()).collect::<String>());
        }
        rows
    }

    /// The table's schema.
    #[must_use]
    pub fn schema(&self) -> &'static TableSchema {
        self.schema
    }

    /// How the rows meet stored rows; `None` if they know all columns and replace a stored row.
    #[must_use]
    pub fn merge_rules(&self) -> Option<&MergeRules> {
        self.merge_rules.as_ref()
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether the batch has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The size of the rows in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The instant by which the vendor files each row.
    pub fn instants(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        (0..self.len()).filter_map(|row| self.time(row, self.schema.at))
    }

    /// Adds a row, and computes its digest unless the row has one.
    ///
    /// # Errors
    /// [`BadRow`] if a NOT NULL column has no value, a value has another type than its column, or a key is too long.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), BadRow> {
        let start = self.bytes.len();
        let packed = self.pack(row);
        match packed {
            Ok(key_hash) => self.ranges.push(RowRange { start, end: self.bytes.len(), key_hash }),
            Err(_) => self.bytes.truncate(start),
        }
        packed.map(|_| ())
    }

    fn pack(&mut self, row: &Row<'_>) -> Result<u128, BadRow> {
        let schema = self.schema;
        let count = i16::try_from(schema.columns.len()).unwrap_or(i16::MAX);
        self.bytes.extend(count.to_be_bytes());
        let (mut data, mut key) = (self.bytes.len(), Vec::with_capacity(64));
        for (position, column) in schema.columns.iter().enumerate() {
            let bad = |reason| BadRow { column: column.name, reason };
            let start = self.bytes.len();
            match row.cells.get(position).unwrap_or(&Cell::Null) {
                Cell::Null if position == schema.digest => {
                    let digest = xxh3_128(self.bytes.get(data..).unwrap_or_default());
                    put(&mut self.bytes, format!("{digest:032x}").as_bytes());
                }
                Cell::Null if position == schema.synced_at => put(&mut self.bytes, &[0; 8]),
                Cell::Null if !column.nullable => return Err(bad("is missing")),
                cell => pack(&mut self.bytes, cell, column.column_type).map_err(bad)?,
            }
            if schema.key.contains(&position) {
                let part = self.bytes.get(start..).unwrap_or_default();
                if part.len() > MAX_KEY_COLUMN {
                    return Err(bad("is too long to be an id"));
                }
                key.extend_from_slice(part);
            }
            if position == schema.account {
                // The digest covers the vendor's columns only, not the account.
                data = self.bytes.len();
            }
        }
        Ok(xxh3_128(&key))
    }

    /// Copies the rows of `other` whose index `is_chosen` accepts.
    pub fn extend_filtered(&mut self, other: &Self, is_chosen: impl Fn(usize) -> bool) {
        for (_, range) in other.ranges.iter().enumerate().filter(|(row, _)| is_chosen(*row)) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(other.bytes.get(range.start..range.end).unwrap_or_default());
            self.ranges.push(RowRange { start, end: self.bytes.len(), ..*range });
        }
    }

    /// The rows as the body of a binary COPY.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash of a row's key. Rows with one key have one hash.
    #[must_use]
    pub fn key_hash(&self, row: usize) -> u128 {
        self.ranges.get(row).map_or(0, |range| range.key_hash)
    }

    /// Sets `synced_at` of each row.
    pub fn set_synced_at(&mut self, now: DateTime<Utc>) {
        let micros = (now.timestamp_micros() - POSTGRES_EPOCH).to_be_bytes();
        for row in &self.ranges {
            let cell = find(self.bytes.get(..row.end).unwrap_or_default(), row.start, self.schema.synced_at);
            if let Some(bytes) = cell.and_then(|cell| self.bytes.get_mut(cell)) {
                bytes.copy_from_slice(&micros);
            }
        }
    }

    /// The text in a column of a row.
    #[must_use]
    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        std::str::from_utf8(self.cell(row, column)?).ok()
    }

    /// The whole number in a column of a row.
    #[must_use]
    pub fn int(&self, row: usize, column: usize) -> Option<i64> {
        self.cell(row, column)?.first_chunk().map(|bytes| i64::from_be_bytes(*bytes))
    }

    /// The instant in a column of a row.
    #[must_use]
    pub fn time(&self, row: usize, column: usize) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.int(row, column)? + POSTGRES_EPOCH)
    }

    /// The version of a row.
    #[must_use]
    pub fn version(&self, row: usize) -> Version {
        let instant = |at: usize| self.schema.version.get(at).and_then(|column| self.time(row, *column));
        Version([instant(0), instant(1)])
    }

    /// The values of a row, for an SQL statement.
    pub fn values(&self, row: usize) -> impl Iterator<Item = Value> + '_ {
        self.schema.columns.iter().enumerate().map(move |(position, column)| match column.column_type {
            ColumnType::Text => Value::String(self.text(row, position).map(str::to_owned)),
            ColumnType::Int => Value::BigInt(self.int(row, position)),
            ColumnType::Real => Value::Double(self.int(row, position).map(|bits| f64::from_bits(bits.cast_unsigned()))),
            ColumnType::Bool => Value::Bool(self.cell(row, position).map(|bytes| bytes != [0])),
            ColumnType::Time => Value::ChronoDateTimeUtc(self.time(row, position)),
            ColumnType::Json => {
                let text = self.cell(row, position).and_then(|bytes| std::str::from_utf8(bytes.get(1..)?).ok());
                Value::String(text.map(str::to_owned))
            }
        })
    }

    /// A row as a JSON object of its columns, for a person to read.
    #[must_use]
    pub fn to_json(&self, row: usize) -> String {
        let values = self.schema.columns.iter().zip(self.values(row)).map(|(column, value)| {
            let value = match value {
                Value::String(text) => text.map_or(serde_json::Value::Null, Into::into),
                Value::BigInt(number) => number.into(),
                Value::Double(number) => number.into(),
                Value::Bool(is) => is.into(),
                Value::ChronoDateTimeUtc(at) => at.map(|at| at.to_rfc3339()).into(),
                _ => serde_json::Value::Null,
            };
            (column.name.to_owned(), value)
        });
        serde_json::Value::Object(values.collect()).to_string()
    }

    /// A row as cells.
    #[must_use]
    pub fn row(&self, row: usize) -> Row<'_> {
        let mut cells = Row::new(self.schema);
        for (position, column) in self.schema.columns.iter().enumerate() {
            let cell = match column.column_type {
                ColumnType::Text => self.text(row, position).map(|text| Cell::Text(text.into())),
                ColumnType::Int => self.int(row, position).map(Cell::Int),
                ColumnType::Real => {
                    self.int(row, position).map(|bits| Cell::Real(f64::from_bits(bits.cast_unsigned())))
                }
                ColumnType::Bool => self.cell(row, position).map(|bytes| Cell::Bool(bytes != [0])),
                ColumnType::Time => self.time(row, position).map(Cell::Time),
                ColumnType::Json => {
                    let json = self.cell(row, position).and_then(|bytes| std::str::from_utf8(bytes.get(1..)?).ok());
                    json.map(|text| Cell::Json(text.into()))
                }
            };
            cells.set(position, cell.unwrap_or(Cell::Null));
        }
        cells
    }

    fn cell(&self, row: usize, column: usize) -> Option<&[u8]> {
        let range = self.ranges.get(row)?;
        let bytes = self.bytes.get(..range.end)?;
        bytes.get(find(bytes, range.start, column)?)
    }
}

/// The bytes of the value of `column` in the row that starts at `start`. `None` stands for NULL.
fn find(bytes: &[u8], start: usize, column: usize) -> Option<std::ops::Range<usize>> {
    let mut at = start + ROW_HEADER;
    for position in 0..=column {
        let length = i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        at += 4;
        let end = at + usize::try_from(length).unwrap_or(0);
        if position == column {
            return (length >= 0).then_some(at..end);
        }
        at = end;
    }
    None
}

fn pack(bytes: &mut Vec<u8>, cell: &Cell<'_>, column_type: ColumnType) -> Result<(), &'static str> {
    match (cell, column_type) {
        (Cell::Null, _) => bytes.extend((-1_i32).to_be_bytes()),
        (Cell::Text(text), ColumnType::Text) if text.contains('\0') => {
            put(bytes, text.replace('\0', "\u{fffd}").as_bytes());
        }
        (Cell::Text(text), ColumnType::Text) => put(bytes, text.as_bytes()),
        (Cell::Int(number), ColumnType::Int) => put(bytes, &number.to_be_bytes()),
        (Cell::Real(number), ColumnType::Real) => put(bytes, &number.to_be_bytes()),
        (Cell::Bool(is), ColumnType::Bool) => put(bytes, &[u8::from(*is)]),
        (Cell::Time(at), ColumnType::Time) => put(bytes, &(at.timestamp_micros() - POSTGRES_EPOCH).to_be_bytes()),
        (Cell::Json(text), ColumnType::Json) => {
            let text = crate::json::to_jsonb(text);
            let length = i32::try_from(text.len() + 1).map_err(|_| "is too long")?;
            bytes.extend(length.to_be_bytes());
            // The version number of PostgreSQL's binary jsonb format.
            bytes.push(1);
            bytes.extend_from_slice(text.as_bytes());
        }
        _ => return Err("is of another kind than its column"),
    }
    Ok(())
}

fn put(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend(i32::try_from(value.len()).unwrap_or(i32::MAX).to_be_bytes());
    bytes.extend_from_slice(value);
}

fn cell(value: Value) -> Cell<'static> {
    match value {
        Value::String(Some(text)) => Cell::Text(text.into()),
        Value::BigInt(Some(number)) => Cell::Int(number),
        Value::Double(Some(number)) => Cell::Real(number),
        Value::Bool(Some(is)) => Cell::Bool(is),
        Value::ChronoDateTimeUtc(Some(at)) => Cell::Time(at),
        Value::Json(Some(json)) => Cell::Json(json.to_string().into()),
        _ => Cell::Null,
    }
}
