//! What one answer brought, as the ledger needs it.

use crate::item::{ItemStatus, NamedItems};
use crate::row_histogram::RowHistogram;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What one answer brought, after its rows are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerSummary {
    /// When the request was sent. The answer may show the vendor's state of that instant.
    pub sent_at: DateTime<Utc>,
    /// The time from the request to the last byte.
    pub elapsed: Duration,
    /// The number of rows in the answer.
    pub rows: u64,
    /// The earliest instant of a row that is new or changed inside a window held before; `None` if nothing changed.
    pub earliest_change: Option<DateTime<Utc>>,
    /// The named items that need a fetch.
    pub items: NamedItems,
    /// The number of items that the answer named, including those that need no fetch.
    pub named: u64,
    /// Whether the exchange ended before the last page, over its budget.
    pub is_over_budget: bool,
    /// The item's state, where the job fetched one item.
    pub item_status: Option<ItemStatus>,
    /// How the rows are spread over the requested window, if that was counted.
    pub histogram: Option<RowHistogram>,
}
