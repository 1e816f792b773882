//! Days that were final until a later answer proved otherwise.

use crate::ledger::Ledger;
use crate::row_changes::RowChanges;
use crate::rules::Rules;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// What an answer changes in one day that is final, as a whole or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayChange {
    /// The day, in the account's time zone.
    pub day: NaiveDate,
    /// What becomes provisional: the whole day if it was final, else the spans that the answer changes.
    pub windows: Vec<Window>,
    /// The number of rows of the day that are new or changed.
    pub rows: u64,
    /// The number of items of the day that were not known before.
    pub items: u64,
    /// Whether the whole day was final, so that it is reopened.
    pub was_final: bool,
}

/// The latest reopening of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reopening {
    /// The day, in the account's time zone.
    pub day: NaiveDate,
    /// When the answer was stored that reopened the day.
    pub at: DateTime<Utc>,
    /// The number of rows of the day that the answer added or changed.
    pub rows: u64,
    /// The number of items of the day that the answer named for the first time.
    pub items: u64,
    /// How many times the day was reopened.
    pub times: u64,
    /// The delivery that an operator revoked, if that reopened the day, and no answer.
    pub revoked_delivery: Option<i64>,
}

impl Reopening {
    /// The reopening in one sentence for operators.
    #[must_use]
    pub fn reason(&self) -> String {
        let at = self.at.format("%Y-%m-%d %H:%M UTC");
        let times = if self.times > 1 { format!(" (reopened {} times)", self.times) } else { String::new() };
        let cause = self.revocation().unwrap_or_else(|| format!("a later answer {}", self.change()));
        format!("reopened on {at}: {cause}{times}; the worker reads the day again at the next refresh")
    }

    /// What an operator did, if that reopened the day.
    #[must_use]
    pub fn revocation(&self) -> Option<String> {
        self.revoked_delivery.map(|id| format!("an operator revoked delivery {id}"))
    }

    /// What the answer did.
    fn change(&self) -> String {
        let count = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        match (self.rows, self.items) {
            (rows, 0) => format!("changed {}", count(rows, "row")),
            (0, items) => format!("named {}", count(items, "unknown item")),
            (rows, items) => format!("changed {} and named {}", count(rows, "row"), count(items, "unknown item")),
        }
    }
}

/// The days of `ledger` in which an answer changes something that was final. `changes` are the answer's rows and `items` the
/// instants at which items began that the answer names for the first time.
///
/// A day that was final is reopened as a whole: an answer that lacked one row of it may have lacked others. Of a day that is
/// not final yet only the spans of changed rows are read again.
#[must_use]
pub fn day_changes(
    ledger: &Ledger,
    changes: &RowChanges,
    items: &[DateTime<Utc>],
    rules: &Rules,
    zone: Tz,
) -> Vec<DayChange> {
    let settled = ledger.coverage.settled();
    let instants = items.iter().filter_map(|at| Some((Window::new(*at, *at + rules.step)?, 0, 1)));
    let spans = changes.spans().map(|(span, rows)| (span, rows, 0));
    let mut days: BTreeMap<NaiveDate, DayChange> = BTreeMap::new();
    for (span, rows, items) in spans.chain(instants) {
        if settled.within(span).is_empty() {
            continue;
        }
        for day in span.days(zone) {
            let Some(window) = Window::of_day(day, zone).and_then(|whole| whole.intersect(&span)) else { continue };
            if settled.within(window).is_empty() {
                continue;
            }
            let empty = || DayChange { day, windows: Vec::new(), rows: 0, items: 0, was_final: false };
            let change = days.entry(day).or_insert_with(empty);
            // The job of an item delays a day that is not final yet, so that nothing need be read again.
            change.windows.extend((rows > 0).then(|| rules.expand(window)));
            change.rows += rows;
            change.items += items;
        }
    }
    if days.is_empty() {
        return Vec::new();
    }
    let known = ledger.effective_coverage();
    days.into_values()
        .map(|change| match Window::of_day(change.day, zone) {
            Some(day) if known.settled().covers(rules.with_late_filing(day)) => {
                DayChange { windows: vec![rules.expand(day)], was_final: true, ..change }
            }
            _ => change,
        })
        .filter(|change| !change.windows.is_empty())
        .collect()
}
