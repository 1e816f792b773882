//! The lanes section: requests in flight on each credential, and which lanes are closed.

use super::format;
use super::page_data::PageData;
use maud::{Markup, html};
use storage::reports::status::LaneStatus;

/// One row per lane; empty where there is none.
pub(crate) fn section(snapshot: &PageData) -> Markup {
    let lanes = &snapshot.status.lanes;
    html! {
        @if !lanes.is_empty() {
            section aria-labelledby="lanes" {
                h2 #lanes { "Lanes" }
                p.hint { "One lane per credential. All workers share its slots for requests." }
                ul.card.rows {
                    @for lane in lanes { (row(snapshot, lane)) }
                }
            }
        }
    }
}

fn row(snapshot: &PageData, lane: &LaneStatus) -> Markup {
    html! {
        li {
            span.name { (lane.accounts.join(", ")) }
            span.busy {
                @for slot in 0..lane.width {
                    i.slot.held[slot < lane.held] {}
                }
                (lane.held) " of " (lane.width) " busy"
            }
            (opening(snapshot, lane))
        }
    }
}

/// Whether the lane is open; otherwise why it is closed and when it opens.
fn opening(snapshot: &PageData, lane: &LaneStatus) -> Markup {
    html! {
        @if lane.closed_until.is_none() && lane.closed_reason.is_none() {
            span.opening { "open" }
        } @else {
            span.opening.closed {
                @if let Some(until) = lane.closed_until {
                    b { "closed until " (format::instant(until, snapshot.zone(&lane.account))) }
                    " (" (format::relative(until, snapshot.now)) ")"
                } @else {
                    b { "closed until an operator opens it" }
                }
                // A lane that opens by itself needs no next step.
                @let because = lane.closed_because.as_ref().filter(|_| lane.closed_until.is_none());
                @if let Some(reason) = because.or(lane.closed_reason.as_ref()) {
                    small { (reason) }
                }
            }
        }
    }
}
