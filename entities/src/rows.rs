//! Rows on their way to a table, packed as PostgreSQL's binary COPY expects them. A source packs
//! them without knowing SQL, and the worker passes them on without knowing the table.

use crate::schema::{ColumnType, TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::{IdenStatic, Iterable, ModelTrait, Value};
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_128;

/// One value of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// Text; a NUL in it, which PostgreSQL cannot store, becomes U+FFFD.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// A number with decimals.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// An instant; stored to the microsecond.
    Time(DateTime<Utc>),
    /// JSON text. What is none is stored as a JSON string.
    Json(Cow<'a, str>),
}

/// One row in the making. Columns that are not set hold nothing.
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
    places: Vec<Place>,
}

/// Where a row is, and what is asked of it often.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: usize,
    to: usize,
    key: u128,
}

/// Why a row cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column} {why}")]
pub struct BadRow {
    /// The column.
    pub column: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The longest text in a key that a database's index takes comfortably.
const LONGEST_KEY: usize = 512;
/// 2000-01-01, from which PostgreSQL counts.
const EPOCH: i64 = 946_684_800_000_000;
/// How a row that has no cells would be long: the count of its columns.
const COUNT: usize = 2;

impl<'a> Row<'a> {
    /// A row for `schema` that holds nothing yet.
    #[must_use]
    pub fn new(schema: &'static TableSchema) -> Self {
        Self { schema, cells: vec![Cell::Null; schema.columns.len()] }
    }

    /// Sets the column at `place`, which is its place in the entity.
    pub fn set(&mut self, place: usize, cell: Cell<'a>) {
        if let Some(old) = self.cells.get_mut(place) {
            *old = cell;
        }
    }

    /// Sets the column `name`; a name that the table has not is a fault of the program, which tests show.
    pub fn put(&mut self, name: &str, cell: Cell<'a>) {
        let place = self.schema.columns.iter().position(|column| column.name == name);
        debug_assert!(place.is_some(), "{}: no column {name}", self.schema.table);
        self.set(place.unwrap_or(usize::MAX), cell);
    }
}

impl RowBatch {
    /// None yet.
    #[must_use]
    pub fn new(schema: &'static TableSchema) -> Self {
        Self { schema, bytes: Vec::new(), places: Vec::new() }
    }

    /// Rows made of an entity's models, digests as they are.
    #[must_use]
    pub fn of<E: VendorTable>(models: &[E::Model]) -> Self
    where
        E::Model: ModelTrait<Entity = E>,
    {
        let mut rows = Self::new(E::schema());
        for model in models {
            let mut row = Row::new(rows.schema);
            for (place, column) in E::Column::iter().enumerate() {
                row.set(place, cell(model.get(column)));
            }
            // A model always has what its table demands; the longest key is its maker's business.
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

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The room they take, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// When each of them happened, by the column that the vendor files them by.
    pub fn instants(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        (0..self.len()).filter_map(|row| self.time(row, self.schema.at))
    }

    /// Adds one. Its digest is made here, unless it has one.
    ///
    /// # Errors
    /// Where a column that must hold something holds nothing, or something of another kind, or too long a key.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), BadRow> {
        let from = self.bytes.len();
        let packed = self.pack(row);
        match packed {
            Ok(key) => self.places.push(Place { from, to: self.bytes.len(), key }),
            Err(_) => self.bytes.truncate(from),
        }
        packed.map(|_| ())
    }

    fn pack(&mut self, row: &Row<'_>) -> Result<u128, BadRow> {
        let schema = self.schema;
        let count = i16::try_from(schema.columns.len()).unwrap_or(i16::MAX);
        self.bytes.extend(count.to_be_bytes());
        let (mut data, mut key) = (self.bytes.len(), Vec::with_capacity(64));
        for (place, column) in schema.columns.iter().enumerate() {
            let bad = |why| BadRow { column: column.name, why };
            let start = self.bytes.len();
            match row.cells.get(place).unwrap_or(&Cell::Null) {
                Cell::Null if place == schema.digest => {
                    let digest = xxh3_128(self.bytes.get(data..).unwrap_or_default());
                    put(&mut self.bytes, format!("{digest:032x}").as_bytes());
                }
                Cell::Null if place == schema.synced_at => put(&mut self.bytes, &[0; 8]),
                Cell::Null if !column.nullable => return Err(bad("is missing")),
                cell => pack(&mut self.bytes, cell, column.column_type).map_err(bad)?,
            }
            if schema.key.contains(&place) {
                let part = self.bytes.get(start..).unwrap_or_default();
                if part.len() > LONGEST_KEY {
                    return Err(bad("is too long to be an id"));
                }
                key.extend_from_slice(part);
            }
            if place == schema.account {
                // The digest speaks of what the vendor said, whoever's it is.
                data = self.bytes.len();
            }
        }
        Ok(xxh3_128(&key))
    }

    /// Takes those of `other` for which `choose` says so, by their place.
    pub fn take(&mut self, other: &Self, choose: impl Fn(usize) -> bool) {
        for (_, place) in other.places.iter().enumerate().filter(|(at, _)| choose(*at)) {
            let from = self.bytes.len();
            self.bytes.extend_from_slice(other.bytes.get(place.from..place.to).unwrap_or_default());
            self.places.push(Place { from, to: self.bytes.len(), ..*place });
        }
    }

    /// All of them, as the body of a binary COPY.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        &self.bytes
    }

    /// A hash of a row's key: rows with one key have one hash.
    #[must_use]
    pub fn key(&self, at: usize) -> u128 {
        self.places.get(at).map_or(0, |place| place.key)
    }

    /// Notes in all of them when they are stored.
    pub fn stamp(&mut self, now: DateTime<Utc>) {
        let micros = (now.timestamp_micros() - EPOCH).to_be_bytes();
        for place in &self.places {
            let range = find(self.bytes.get(..place.to).unwrap_or_default(), place.from, self.schema.synced_at);
            if let Some(bytes) = range.and_then(|range| self.bytes.get_mut(range)) {
                bytes.copy_from_slice(&micros);
            }
        }
    }

    /// One text of a row.
    #[must_use]
    pub fn text(&self, at: usize, column: usize) -> Option<&str> {
        std::str::from_utf8(self.cell(at, column)?).ok()
    }

    /// One whole number of a row.
    #[must_use]
    pub fn int(&self, at: usize, column: usize) -> Option<i64> {
        self.cell(at, column)?.first_chunk().map(|bytes| i64::from_be_bytes(*bytes))
    }

    /// One instant of a row.
    #[must_use]
    pub fn time(&self, at: usize, column: usize) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.int(at, column)? + EPOCH)
    }

    /// A row's values, for a statement.
    pub fn values(&self, at: usize) -> impl Iterator<Item = Value> + '_ {
        self.schema.columns.iter().enumerate().map(move |(place, column)| match column.column_type {
            ColumnType::Text => Value::String(self.text(at, place).map(str::to_owned)),
            ColumnType::Int => Value::BigInt(self.int(at, place)),
            ColumnType::Real => Value::Double(self.int(at, place).map(|bits| f64::from_bits(bits.cast_unsigned()))),
            ColumnType::Bool => Value::Bool(self.cell(at, place).map(|bytes| bytes != [0])),
            ColumnType::Time => Value::ChronoDateTimeUtc(self.time(at, place)),
            ColumnType::Json => {
                let text = self.cell(at, place).and_then(|bytes| std::str::from_utf8(bytes.get(1..)?).ok());
                Value::String(text.map(str::to_owned))
            }
        })
    }

    fn cell(&self, at: usize, column: usize) -> Option<&[u8]> {
        let place = self.places.get(at)?;
        let row = self.bytes.get(..place.to)?;
        row.get(find(row, place.from, column)?)
    }
}

/// Where in the row that starts at `from` the value of `column` is; `None` where it holds nothing.
fn find(bytes: &[u8], from: usize, column: usize) -> Option<std::ops::Range<usize>> {
    let mut at = from + COUNT;
    for place in 0..=column {
        let length = i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        at += 4;
        let end = at + usize::try_from(length).unwrap_or(0);
        if place == column {
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
        (Cell::Time(at), ColumnType::Time) => put(bytes, &(at.timestamp_micros() - EPOCH).to_be_bytes()),
        (Cell::Json(text), ColumnType::Json) => {
            let text = crate::json::storable(text);
            let length = i32::try_from(text.len() + 1).map_err(|_| "is too long")?;
            bytes.extend(length.to_be_bytes());
            // The version of PostgreSQL's binary form of jsonb.
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
