//! Tables against a simulated vendor's dataset, column by column.

mod certainly;
mod deviations;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

pub use certainly::certainly;
pub use treble::{treble, treble_events};
pub use truora::truora;
pub use ultimate::ultimate;
pub use wolkvox::wolkvox;

use deviations::Deviations;
use serde::Serialize;
use std::collections::BTreeMap;

/// The differences between a table and what its vendor holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The number of rows that the vendor holds.
    pub vendor: usize,
    /// The number of rows that the table holds.
    pub table: usize,
    /// The number of rows that are equal in all columns.
    pub equal: usize,
    /// The number of stored rows that are marked as gone, and that users of the vendor have deleted.
    pub gone: usize,
    /// The vendor's rows that the table lacks, or holds otherwise; by id and time, without personal data.
    pub missing: Vec<String>,
    /// The table's rows that the vendor lacks, or holds otherwise, and those that are marked as gone without being deleted at
    /// the vendor, or while the view of final rows has them.
    pub surplus: Vec<String>,
}

impl Comparison {
    /// Whether the table equals what the vendor holds.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }

    /// The sum of both comparisons.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.vendor += other.vendor;
        self.table += other.table;
        self.equal += other.equal;
        self.gone += other.gone;
        self.missing.extend(other.missing);
        self.surplus.extend(other.surplus);
        self
    }
}

/// The stored rows that are marked as gone, and what they are compared with; each by its time and its id. Their columns do not
/// count, because a row may have changed at the vendor before it was deleted.
struct GoneRows {
    /// The rows that users of the vendor have deleted.
    deleted: Vec<(String, String)>,
    /// The stored rows that are marked as gone.
    marked: Vec<(String, String)>,
    /// Those of the marked rows that the view of final rows has. It should have none.
    in_final_view: Vec<(String, String)>,
}

impl GoneRows {
    /// Adds to `compared` how many rows are rightly marked as gone, and the others as surplus.
    fn add_to(&self, mut compared: Comparison) -> Comparison {
        let marked = compare(&self.deleted, &self.marked, Clone::clone);
        let wrongly = marked.surplus.iter().map(|row| format!("{row}, marked as gone"));
        let visible = self.in_final_view.iter().map(|(time, id)| format!("{id} of {time}, gone and final"));
        compared.surplus.extend(wrongly.chain(visible));
        compared.gone += marked.equal;
        compared
    }
}

/// Compares whole rows, as JSON. `name` returns a row's time and its id.
fn compare<T: Serialize>(dataset: &[T], table: &[T], name: impl Fn(&T) -> (String, String)) -> Comparison {
    let mut found = Comparison { vendor: dataset.len(), table: table.len(), ..Comparison::default() };
    // How often each row occurs at the vendor, less how often in the table; by name, then by content.
    let mut balance: BTreeMap<(String, String), BTreeMap<String, i64>> = BTreeMap::new();
    for (row, count) in dataset.iter().map(|row| (row, 1)).chain(table.iter().map(|row| (row, -1))) {
        // A `Value` sorts its members; a struct may not.
        let content = serde_json::to_value(row).unwrap_or_default().to_string();
        *balance.entry(name(row)).or_default().entry(content).or_default() += count;
    }
    for ((time, id), contents) in balance {
        for count in contents.into_values().filter(|count| *count != 0) {
            let side = if count > 0 { &mut found.missing } else { &mut found.surplus };
            side.push(format!("{id} of {time}"));
        }
    }
    found.equal = found.vendor - found.missing.len().min(found.vendor);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(dataset: &[(u8, &str)], table: &[(u8, &str)]) -> Comparison {
        compare(dataset, table, |(id, _)| ("today".to_owned(), id.to_string()))
    }

    #[test]
    fn a_row_may_be_gone_only_where_the_vendor_has_deleted_it() {
        let names = |ids: &[u8]| ids.iter().map(|id| ("today".to_owned(), id.to_string())).collect::<Vec<_>>();
        let gone = |marked: &[u8], in_final_view: &[u8]| {
            GoneRows { deleted: names(&[1, 2]), marked: names(marked), in_final_view: names(in_final_view) }
                .add_to(compared(&[(3, "c")], &[(3, "c")]))
        };
        let right = gone(&[2], &[]);
        assert!(
            right.is_equal() && (right.equal, right.gone) == (1, 1),
            "a row deleted before it was read has no mark"
        );
        assert_eq!(gone(&[2, 4], &[]).surplus, ["4 of today, marked as gone"]);
        assert_eq!(gone(&[1], &[1]).surplus, ["1 of today, gone and final"]);
    }

    #[test]
    fn finds_missing_surplus_changed_and_doubled_rows() {
        let dataset = [(1, "a"), (2, "b")];
        assert!(compared(&dataset, &[(2, "b"), (1, "a")]).is_equal());
        assert_eq!(compared(&dataset, &[(1, "a")]).missing, ["2 of today"]);
        assert_eq!(compared(&dataset, &[(1, "a"), (2, "b"), (3, "c")]).surplus, ["3 of today"]);
        assert_eq!(compared(&dataset, &[(1, "a"), (2, "b"), (2, "b")]).surplus, ["2 of today"]);
        let changed = compared(&dataset, &[(1, "a"), (2, "c")]);
        assert_eq!((changed.missing.len(), changed.surplus.len(), changed.equal), (1, 1, 1));
    }
}
