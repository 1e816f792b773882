//! What is asked for by name: things that a list or a webhook names, and that a day waits for.

use crate::backfill::Mode;
use crate::coverage::Coverage;
use crate::lead::{Lead, Leads};
use crate::ledger::{Heard, Ledger};
use crate::rules::Rules;
use crate::spans::Spans;
use crate::want::{Purpose, Slice, Want};
use crate::window::Window;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::time::Duration;

impl Ledger {
    /// What is held, but for what is still asked for by itself: a list that was read in full names things of which nothing is
    /// known yet, or of which more is to come.
    #[must_use]
    pub fn known(&self) -> Coverage {
        let open: Vec<&Want> = self.wants.iter().filter(|want| want.is_owed_by_name()).collect();
        if open.is_empty() {
            return self.coverage.clone();
        }
        let unknown = self.wants.iter().filter_map(Want::unknown).collect();
        self.coverage.without(&unknown, &open.iter().filter_map(|want| want.concerns()).collect())
    }

    /// Where something was named that nobody has answered since.
    #[must_use]
    pub fn unread(&self) -> Spans {
        self.wants.iter().filter_map(Want::unread).collect()
    }

    /// Since when everything that began at `of` is to be asked for once more, by the latest order that says so.
    #[must_use]
    pub fn anew_since(&self, of: Window) -> Option<DateTime<Utc>> {
        let orders = self.backfills.iter().filter(|order| order.mode == Mode::All && order.window.contains(of.from()));
        orders.map(|order| order.ordered_at).max()
    }

    /// Wants what an answer or a webhook names. A page that is read again names the same things again: once is enough,
    /// unless the one that stands open was asked about before.
    pub fn follow(&mut self, leads: &Leads, expected: Duration, rules: &Rules, now: DateTime<Utc>) {
        if leads.is_empty() {
            return;
        }
        let before = self.known();
        // A list of parts that is read again names the same parts: what was answered in full stays good meanwhile.
        let unheld = |lead: &Lead| match &lead.slice {
            Slice::Part(_, window) => hull(before.held().gaps(*window)),
            _ => lead.of,
        };
        let named = leads.first.iter().map(|lead| (lead, unheld(lead)));
        let named = named.chain(leads.again.iter().map(|lead| (lead, None)));
        let known = self.wants.iter().enumerate().filter(|(_, want)| want.slice.is_named() && !want.is_running());
        let mut known: HashMap<Slice, usize> = known.map(|(at, want)| (want.slice.clone(), at)).collect();
        for (lead, unheld) in named {
            let at = known.get(&lead.slice).copied().or_else(|| self.beside(&lead.slice, rules));
            if let Some(open) = at.and_then(|at| self.wants.get_mut(at)) {
                open.hear_of(lead, now);
                open.unheld = hull(open.unheld.into_iter().chain(unheld));
            } else {
                known.insert(lead.slice.clone(), self.wants.len());
                let want = Want::new(Purpose::Lead, lead.slice.clone(), now, expected);
                self.wants.push(Want { of: lead.of, seen: lead.seen, has_ended: lead.has_ended, unheld, ..want });
            }
        }
    }

    /// The want that asks for the same part of a stretch that touches this one. Where a part fails for days, its stretches
    /// are one that waits, or one that waits for a person, and not hundreds.
    fn beside(&self, slice: &Slice, rules: &Rules) -> Option<usize> {
        let Slice::Part(part, window) = slice else { return None };
        self.wants.iter().position(|open| match &open.slice {
            Slice::Part(name, other) if name == part && !open.is_running() => {
                other.touches(window) && other.hull(window).span() <= rules.longest
            }
            _ => false,
        })
    }

    /// What a list named for a backfill belongs to it: its rows count there when they come for the first time.
    pub(crate) fn credit(&mut self, at: usize, heard: Option<&Heard>) {
        let Some((want, heard)) = self.wants.get(at).zip(heard) else { return };
        let Some(of) = want.unread() else { return };
        for backfill in self.backfills.iter_mut().filter(|backfill| backfill.window.contains(of.from())) {
            backfill.rows += heard.rows;
        }
    }

    /// What was named again while it was asked for is one with what goes on asking.
    pub(crate) fn merge(&mut self, id: i64) {
        let slice = self.wants.iter().find(|want| want.id == id).map(|want| want.slice.clone());
        let Some(slice) = slice.filter(Slice::is_named) else { return };
        let Some(twin) = self.wants.iter().position(|want| want.id != id && want.slice == slice && !want.is_running())
        else {
            return;
        };
        let twin = self.wants.remove(twin);
        if let Some(want) = self.wants.iter_mut().find(|want| want.id == id) {
            want.due = want.due.min(twin.due);
            want.of = want.of.or(twin.of);
            want.seen = want.seen.max(twin.seen);
            want.has_ended |= twin.has_ended;
        }
    }

    /// What was named again while it was answered is asked for once more, and its answer holds meanwhile.
    pub(crate) fn hold_twin(&mut self, slice: &Slice) {
        for twin in self.wants.iter_mut().filter(|twin| twin.slice == *slice) {
            twin.unheld = None;
        }
    }

    /// What is at its end is looked at once more, and no day waits for that.
    pub(crate) fn look_again(&mut self, want: &Want, heard: &Heard) {
        let due = heard.found.and_then(|found| found.look_again).filter(|due| *due > heard.asked_at);
        let Some(due) = due.filter(|_| self.wants.iter().all(|open| open.slice != want.slice)) else { return };
        let again = Want::new(Purpose::Lead, want.slice.clone(), due, want.expected);
        self.wants.push(Want { seen: want.seen, has_ended: want.has_ended, ..again });
    }
}

/// One stretch from the first to the last.
fn hull(windows: impl IntoIterator<Item = Window>) -> Option<Window> {
    windows.into_iter().reduce(|one, other| one.hull(&other))
}
