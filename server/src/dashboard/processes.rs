//! The processes section: who is at work, and who was seen last.

use super::page_data::PageData;
use domain::duration::in_words;
use maud::{Markup, html};
use storage::reports::status::ProcessStatus;

/// The most processes that the page lists.
const MAX_LISTED: usize = 20;

/// One row per process, the newest report first.
pub(crate) fn section(snapshot: &PageData) -> Markup {
    let processes = &snapshot.status.processes;
    html! {
        section aria-labelledby="processes" {
            h2 #processes { "Processes" }
            @if processes.is_empty() {
                p.empty { "No process is running. Start one with " code { "convosync run" } "." }
            } @else {
                ul.card.rows {
                    @for process in processes.iter().take(MAX_LISTED) { (row(process)) }
                    @if processes.len() > MAX_LISTED {
                        li { "and " (processes.len() - MAX_LISTED) " more" }
                    }
                }
            }
        }
    }
}

fn row(process: &ProcessStatus) -> Markup {
    html! {
        li {
            span.name { (process.name) small { " " (process.version) } }
            span { (process.roles.join(", ")) }
            span.opening.closed[!process.is_seen] {
                i.slot.held[process.is_seen] {}
                @if !process.is_seen { b { "not running" } ", " }
                "seen " (in_words(process.last_seen_seconds)) " ago"
            }
        }
    }
}
