//! Tables against a simulated vendor's truth, column by column.

mod certainly;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

pub use certainly::certainly;
pub use treble::{treble, treble_events};
pub use truora::truora;
pub use ultimate::ultimate;
pub use wolkvox::wolkvox;

use serde::Serialize;
use std::collections::BTreeMap;

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows the vendor holds.
    pub vendor: usize,
    /// Rows the table holds.
    pub table: usize,
    /// Rows that are equal in all columns.
    pub equal: usize,
    /// Rows the vendor holds and the table does not, in that state; by id and instant, nothing personal.
    pub missing: Vec<String>,
    /// Rows the table holds and the vendor does not, in that state.
    pub surplus: Vec<String>,
}

impl Comparison {
    /// Whether both hold the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.vendor += other.vendor;
        self.table += other.table;
        self.equal += other.equal;
        self.missing.extend(other.missing);
        self.surplus.extend(other.surplus);
        self
    }
}

/// Compares rows in their whole state, as JSON; `name` is by what a row goes: its instant and its id.
fn compare<T: Serialize>(truth: &[T], table: &[T], name: impl Fn(&T) -> (String, String)) -> Comparison {
    let mut found = Comparison { vendor: truth.len(), table: table.len(), ..Comparison::default() };
    // How often each state occurs at the vendor, less how often in the table.
    let mut balance: BTreeMap<(String, String), BTreeMap<String, i64>> = BTreeMap::new();
    for (row, count) in truth.iter().map(|row| (row, 1)).chain(table.iter().map(|row| (row, -1))) {
        // By way of a value, whose members are sorted: nobody promises their order.
        let state = serde_json::to_value(row).unwrap_or_default().to_string();
        *balance.entry(name(row)).or_default().entry(state).or_default() += count;
    }
    for ((at, id), states) in balance {
        for count in states.into_values().filter(|count| *count != 0) {
            let side = if count > 0 { &mut found.missing } else { &mut found.surplus };
            side.push(format!("{id} of {at}"));
        }
    }
    found.equal = found.vendor - found.missing.len().min(found.vendor);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(truth: &[(u8, &str)], table: &[(u8, &str)]) -> Comparison {
        compare(truth, table, |(id, _)| ("today".to_owned(), id.to_string()))
    }

    #[test]
    fn a_row_is_missing_surplus_changed_or_there_twice() {
        let truth = [(1, "a"), (2, "b")];
        assert!(compared(&truth, &[(2, "b"), (1, "a")]).is_equal());
        assert_eq!(compared(&truth, &[(1, "a")]).missing, ["2 of today"]);
        assert_eq!(compared(&truth, &[(1, "a"), (2, "b"), (3, "c")]).surplus, ["3 of today"]);
        assert_eq!(compared(&truth, &[(1, "a"), (2, "b"), (2, "b")]).surplus, ["2 of today"]);
        let changed = compared(&truth, &[(1, "a"), (2, "c")]);
        assert_eq!((changed.missing.len(), changed.surplus.len(), changed.equal), (1, 1, 1));
    }
}
