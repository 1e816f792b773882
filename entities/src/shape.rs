//! A vendor's table as its rows are stored, taken from its entity.

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable};

/// A table of a vendor's rows. Besides the vendor's columns it has `account`, `digest` and `synced_at`.
pub trait Table: EntityTrait {
    /// The natural key, `account` first; texts and numbers.
    const KEY: &'static [Self::Column];
    /// The instant by which the vendor files a row.
    const AT: Self::Column;
    /// Of two states of a row the one with the later instant here is the truer one, whichever came first. Without it,
    /// the one that came last.
    const VERSION: Option<Self::Column> = None;

    /// The table's shape; made once.
    fn shape() -> &'static Shape;
}

/// What must be known of a table to write to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub table: String,
    /// Its columns, in the entity's order.
    pub columns: Vec<Column>,
    /// The key's columns, by place; the account first.
    pub key: Vec<usize>,
    /// Where the account's name goes.
    pub account: usize,
    /// Where the digest goes.
    pub digest: usize,
    /// Where the instant of storing goes.
    pub synced_at: usize,
    /// The instant by which the vendor files a row.
    pub at: usize,
    /// What tells the truer of two states.
    pub version: Option<usize>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub nullable: bool,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// A number with decimals, of 64 bits.
    Real,
    /// True or false.
    Bool,
    /// An instant, to the microsecond.
    Time,
    /// JSON.
    Json,
}

impl Shape {
    /// The shape of `E`.
    ///
    /// # Panics
    /// Where the entity breaks a rule of this house: a fault of the program that every test of that table shows.
    #[must_use]
    pub fn of<E: Table>() -> Self {
        let columns: Vec<Column> = E::Column::iter().map(|column| describe(&column)).collect();
        let place = |name: &str| {
            let found = columns.iter().position(|column| column.name == name);
            assert!(found.is_some(), "{}: no column {name}", E::default().table_name());
            found.unwrap_or_default()
        };
        let key: Vec<usize> = E::KEY.iter().map(|column| place(column.as_str())).collect();
        let account = place("account");
        assert!(
            key.first() == Some(&account) && key.len() > 1,
            "{}: the key is the account and more",
            E::default().table_name()
        );
        let (digest, synced_at) = (place("digest"), place("synced_at"));
        // Then what the vendor said is one stretch of bytes, and its digest is quickly made.
        assert!(
            account == 0 && digest + 2 == columns.len() && synced_at + 1 == columns.len(),
            "{}: the account comes first, digest and synced_at last",
            E::default().table_name()
        );
        Self {
            table: E::default().table_name().to_owned(),
            account,
            digest,
            synced_at,
            at: place(E::AT.as_str()),
            version: E::VERSION.map(|column| place(column.as_str())),
            key,
            columns,
        }
    }

    /// The names of all columns, for a statement.
    pub(crate) fn names(&self) -> String {
        self.columns.iter().map(|column| quoted(column.name)).collect::<Vec<_>>().join(", ")
    }

    /// What makes an insert an update where the row is there already.
    pub(crate) fn on_conflict(&self) -> String {
        let name = |place: &usize| self.columns.get(*place).map_or("", |column| column.name);
        let key: Vec<String> = self.key.iter().map(|place| quoted(name(place))).collect();
        let rest = (0..self.columns.len()).filter(|place| !self.key.contains(place));
        let set: Vec<String> =
            rest.map(|place| quoted(name(&place))).map(|name| format!("{name} = excluded.{name}")).collect();
        format!("ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set.join(", "))
    }
}

/// A column may be named like a word of SQL (`data`, `position`), or in mixed case.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn describe<C: ColumnTrait>(column: &C) -> Column {
    let definition = column.def();
    let kind = match definition.get_column_type() {
        ColumnType::Text | ColumnType::String(_) => Kind::Text,
        ColumnType::BigInteger => Kind::Int,
        ColumnType::Double => Kind::Real,
        ColumnType::Boolean => Kind::Bool,
        ColumnType::TimestampWithTimeZone => Kind::Time,
        ColumnType::JsonBinary => Kind::Json,
        other => {
            let known = format!("{}: rows are not stored as {other:?}", column.as_str());
            assert!(known.is_empty(), "{known}");
            Kind::Text
        }
    };
    Column { name: column.as_str(), kind, nullable: definition.is_null() }
}
