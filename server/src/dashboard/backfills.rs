//! The backfills section: the progress of each backfill that has not ended.

use super::format;
use super::page_data::PageData;
use chrono::{DateTime, TimeDelta, Utc};
use domain::duration::in_words;
use maud::{Markup, html};
use storage::ledger::progress::Progress;

/// The open backfills, newest first.
pub(crate) fn section(snapshot: &PageData) -> Markup {
    html! {
        section aria-labelledby="backfills" {
            h2 #backfills { "Backfills" }
            @if snapshot.backfills.is_empty() {
                p.empty {
                    "No backfill is running. Start one with "
                    code { "convosync backfill start ACCOUNT --from DAY --to DAY" } "."
                }
            } @else {
                ul.card.rows {
                    @for backfill in &snapshot.backfills { (row(snapshot, backfill)) }
                }
            }
        }
    }
}

fn row(snapshot: &PageData, backfill: &Progress) -> Markup {
    let zone = snapshot.zone(&backfill.account);
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).format("%-d %b %Y").to_string();
    let (windows, items) = (backfill.windows, backfill.items);
    html! {
        li.backfill {
            span.name { (backfill.account) small { " #" (backfill.id) } }
            span.span { (day(backfill.from)) " – " (day(backfill.to - TimeDelta::milliseconds(1))) }
            span.eta { (remaining_time(backfill)) }
            // Browsers animate a bar without a value as if it had no end.
            progress max=(windows.total.max(1)) value=(windows.done) aria-label="windows answered" {}
            @if let Some(reason) = &backfill.stopped_by {
                small.amounts { b.blocked { "stands still" } ": " (reason) }
            }
            small.amounts {
                (percent(windows.done, windows.total)) " % · " (format::count(windows.done)) " of "
                (format::pluralize(windows.total, "window")) " · "
                (format::pluralize(u64::try_from(backfill.rows).unwrap_or(0), "row"))
                @if items.total > 0 {
                    " · " (format::count(items.done)) " of " (format::pluralize(items.total, "item"))
                }
                @for (blocked, noun) in [(u64::from(backfill.blocked), "window"), (items.blocked, "item")] {
                    @if blocked > 0 {
                        " · " b.blocked { (format::pluralize(blocked, noun)) " blocked" }
                    }
                }
            }
        }
    }
}

fn remaining_time(backfill: &Progress) -> String {
    if backfill.stopped_by.is_some() {
        return "waits for an operator".to_owned();
    }
    match (backfill.state.as_str(), backfill.eta_seconds) {
        ("running", Some(seconds)) => {
            format!("about {} left", in_words(i64::try_from(seconds).unwrap_or(0)))
        }
        ("running", None) => "no estimate yet".to_owned(),
        (state, _) => state.to_owned(),
    }
}

/// Rounded down, so that 100 means done.
fn percent(done: u64, total: u64) -> u64 {
    done.saturating_mul(100) / total.max(1)
}
