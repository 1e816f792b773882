//! How a batch that knows only some columns of its table meets the rows that are stored.
//!
//! A list and a downloaded report may describe the same thing by different columns. With these rules the row ends the same,
//! whichever comes first: each column belongs to one of them, or the value of one counts only where the other has none.

use crate::json::canonical;
use crate::rows::{Cell, Row};
use crate::schema::TableSchema;
use std::sync::Arc;

/// How a value of a batch meets the stored value of its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeRule {
    /// The batch's value replaces the stored one, also by NULL.
    Replace,
    /// The batch's value replaces the stored one unless it is NULL.
    ReplaceUnlessNull,
    /// The batch's value counts where the stored one is NULL.
    FillNull,
    /// The batch does not know the column; the stored value stays.
    Keep,
}

/// A rule for each column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeRules {
    schema: &'static TableSchema,
    rules: Arc<[MergeRule]>,
}

impl MergeRules {
    /// Rules that keep every stored value.
    #[must_use]
    pub fn keep_all(schema: &'static TableSchema) -> Self {
        Self { schema, rules: vec![MergeRule::Keep; schema.columns.len()].into() }
    }

    /// The same rules, with `rule` for `columns`. An unknown name is a programming error, which fails in tests.
    #[must_use]
    pub fn with<'a>(self, rule: MergeRule, columns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut rules = self.rules.to_vec();
        for name in columns {
            let position = self.schema.columns.iter().position(|column| column.name == name);
            debug_assert!(position.is_some(), "{}: no column {name}", self.schema.table);
            if let Some(old) = position.and_then(|position| rules.get_mut(position)) {
                *old = rule;
            }
        }
        Self { rules: rules.into(), ..self }
    }

    /// Whether a value of the batch replaces the stored one, also by NULL. `column` is the column's position.
    #[must_use]
    pub fn replaces(&self, column: usize) -> bool {
        self.rules.get(column) == Some(&MergeRule::Replace)
    }

    /// The row that results when `new` meets `stored`. It has the stored digest if it equals the stored row, else none, so
    /// that [`crate::rows::RowBatch::push`] computes it anew over all columns.
    #[must_use]
    pub fn merge<'a>(&self, new: &Row<'a>, stored: &Row<'a>) -> Row<'a> {
        let schema = self.schema;
        let mut merged = Row::new(schema);
        let mut is_equal = true;
        for (position, rule) in self.rules.iter().enumerate() {
            if [schema.digest, schema.synced_at].contains(&position) {
                continue;
            }
            let (new, stored) = (new.get(position), stored.get(position));
            let chosen = match rule {
                // The keys are equal: that is how the stored row was found.
                _ if schema.key.contains(&position) => stored,
                MergeRule::Replace => new,
                MergeRule::ReplaceUnlessNull if *new != Cell::Null => new,
                MergeRule::FillNull if *stored == Cell::Null => new,
                MergeRule::ReplaceUnlessNull | MergeRule::FillNull | MergeRule::Keep => stored,
            };
            is_equal &= is_same(chosen, stored);
            merged.set(position, in_one_form(chosen));
        }
        if is_equal {
            merged.set(schema.digest, stored.get(schema.digest).clone());
        }
        merged
    }
}

/// Whether two values are the same.
fn is_same(one: &Cell<'_>, other: &Cell<'_>) -> bool {
    one == other || matches!((one, other), (Cell::Json(_), Cell::Json(_))) && in_one_form(one) == in_one_form(other)
}

/// The value, with JSON in one form: PostgreSQL returns it in another order and with other spaces than it was written, and
/// the digest must not depend on that.
fn in_one_form<'a>(cell: &Cell<'a>) -> Cell<'a> {
    match cell {
        Cell::Json(text) => Cell::Json(canonical(text).map_or_else(|| text.clone(), Into::into)),
        other => other.clone(),
    }
}
