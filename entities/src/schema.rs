//! The schema of a vendor's table for the code that writes it, derived from the SeaORM entity.

use sea_orm::sea_query::ColumnType as SqlType;
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable};

/// A table of a vendor's rows. Besides the vendor's columns it has `account`, `digest` and `synced_at`.
pub trait VendorTable: EntityTrait {
    /// The natural key: `account` first, then texts and numbers.
    const KEY: &'static [Self::Column];
    /// The instant by which the vendor files a row.
    const AT: Self::Column;
    /// The instant whose day the row belongs to, where the vendor files the row by another one.
    const DAY: Self::Column = Self::AT;
    /// The columns that order two versions of a row, at most two: the later instant wins, whatever the order of arrival; the
    /// second column breaks a tie of the first. Of equal versions, and without columns, the one that arrives last wins.
    const VERSION: &'static [Self::Column] = &[];

    /// The table's schema, built once.
    fn schema() -> &'static TableSchema;
}

/// The facts about a table that an upsert needs. Columns are addressed by their position in the entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's name.
    pub table: String,
    /// The columns, in the entity's order.
    pub columns: Vec<Column>,
    /// Positions of the key's columns; the account comes first.
    pub key: Vec<usize>,
    /// Position of the account's name.
    pub account: usize,
    /// Position of the digest of the vendor's columns.
    pub digest: usize,
    /// Position of the instant at which the row was last written.
    pub synced_at: usize,
    /// Position of the instant by which the vendor files a row.
    pub at: usize,
    /// Position of the instant whose day a row belongs to.
    pub day: usize,
    /// Positions of the columns that order two versions of a row, at most two.
    pub version: Vec<usize>,
    /// Whether the table has the column `gone_at`, for rows that the vendor's answers lack.
    pub has_gone_at: bool,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// The type of its values.
    pub column_type: ColumnType,
    /// Whether it accepts NULL.
    pub nullable: bool,
}

/// The type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A floating-point number of 64 bits.
    Real,
    /// True or false.
    Bool,
    /// An instant in UTC, to the microsecond.
    Time,
    /// JSON.
    Json,
}

impl TableSchema {
    /// Derives the schema of `E`.
    ///
    /// # Panics
    /// If the entity breaks the layout. This is a programming error, which each test of the table finds.
    #[must_use]
    pub fn of<E: VendorTable>() -> Self {
        let columns: Vec<Column> = written_columns::<E>().map(|column| describe(&column)).collect();
        let position = |name: &str| {
            let found = columns.iter().position(|column| column.name == name);
            assert!(found.is_some(), "{}: no column {name}", E::default().table_name());
            found.unwrap_or_default()
        };
        let key: Vec<usize> = E::KEY.iter().map(|column| position(column.as_str())).collect();
        let account = position("account");
        assert!(
            key.first() == Some(&account) && key.len() > 1,
            "{}: the key is the account and at least one more column",
            E::default().table_name()
        );
        assert!(E::VERSION.len() <= 2, "{}: at most two columns order versions", E::default().table_name());
        let (digest, synced_at) = (position("digest"), position("synced_at"));
        // The vendor's columns are then one run of bytes, which the digest covers in one pass.
        assert!(
            account == 0 && digest + 2 == columns.len() && synced_at + 1 == columns.len(),
            "{}: the account comes first, digest and synced_at come last",
            E::default().table_name()
        );
        Self {
            table: E::default().table_name().to_owned(),
            account,
            digest,
            synced_at,
            at: position(E::AT.as_str()),
            day: position(E::DAY.as_str()),
            version: E::VERSION.iter().map(|column| position(column.as_str())).collect(),
            has_gone_at: E::Column::iter().any(|column| column.as_str() == GONE_AT),
            key,
            columns,
        }
    }
}

/// The column of the instant since which the vendor's answers lack a row.
const GONE_AT: &str = "gone_at";

/// The columns that a vendor's row fills: all but `gone_at`, which storage sets when answers lack the row.
pub(crate) fn written_columns<E: EntityTrait>() -> impl Iterator<Item = E::Column> {
    E::Column::iter().filter(|column| column.as_str() != GONE_AT)
}

fn describe<C: ColumnTrait>(column: &C) -> Column {
    let definition = column.def();
    let column_type = match definition.get_column_type() {
        SqlType::Text | SqlType::String(_) => ColumnType::Text,
        SqlType::BigInteger => ColumnType::Int,
        SqlType::Double => ColumnType::Real,
        SqlType::Boolean => ColumnType::Bool,
        SqlType::TimestampWithTimeZone => ColumnType::Time,
        SqlType::JsonBinary => ColumnType::Json,
        other => {
            let unsupported = format!("{}: a vendor's table has no columns of type {other:?}", column.as_str());
            assert!(unsupported.is_empty(), "{unsupported}");
            ColumnType::Text
        }
    };
    Column { name: column.as_str(), column_type, nullable: definition.is_null() }
}
