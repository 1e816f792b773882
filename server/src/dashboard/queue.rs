//! The queue section: how many jobs are in each state.

use super::format;
use domain::duration::in_words;
use maud::{Markup, html};
use storage::reports::queue_depth::QueueDepth;

/// One tile per job state.
pub(crate) fn section(depth: QueueDepth) -> Markup {
    let age = (depth.oldest_due_seconds > 0).then(|| format!("oldest for {}", in_words(depth.oldest_due_seconds)));
    html! {
        section aria-labelledby="queue" {
            h2 #queue { "Queue" }
            p.hint {
                "Open jobs. Each fetches a window of time, or one item that a list or a webhook named."
            }
            dl.tiles {
                (tile("Due", depth.due, age.as_deref().unwrap_or("ready to start"), false))
                (tile("Running", depth.running, "in flight", false))
                (tile("Waiting", depth.waiting, "due later", false))
                (tile("Parked", depth.parked, "need a person", depth.parked > 0))
            }
        }
    }
}

fn tile(state: &str, jobs: u64, note: &str, is_alarming: bool) -> Markup {
    html! {
        div {
            dt { (state) }
            dd class=[is_alarming.then_some("alarm")] { (format::count(jobs)) small { (note) } }
        }
    }
}
