//! Coverage: which windows of a stream are held, and which of them are final.

use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The windows that were answered in full, and the settled ones among them, which are final.
///
/// A capped, truncated or refused answer adds nothing (promise P4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    held: Spans,
    settled: Spans,
}

/// How complete a day, or any window, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// A part of the window cannot be fetched until an operator acts.
    Blocked,
    /// A part of the window was never requested, or never answered in full.
    Missing,
    /// The whole window is held, but the vendor may still change rows.
    Provisional,
    /// The whole window is held and equals what the vendor holds.
    Final,
}

impl Completeness {
    /// The word that tables, metrics and JSON use for this state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Missing => "missing",
            Self::Provisional => "provisional",
            Self::Final => "final",
        }
    }
}

impl Coverage {
    /// Builds the coverage from its stored rows: a window, and whether it is final.
    pub fn from_stored(windows: impl IntoIterator<Item = (Window, bool)>) -> Self {
        let mut coverage = Self::default();
        for (window, settled) in windows {
            coverage.hold(window);
            if settled {
                coverage.settle(window);
            }
        }
        coverage
    }

    /// The rows to store, in order: disjoint windows, and whether each is final.
    #[must_use]
    pub fn to_stored(&self) -> Vec<(Window, bool)> {
        let mut rows: Vec<_> = self.settled.windows().iter().map(|window| (*window, true)).collect();
        for held in self.held.windows() {
            rows.extend(self.settled.gaps(*held).into_iter().map(|window| (window, false)));
        }
        rows.sort_unstable();
        rows
    }

    /// Adds `window`, which was answered in full.
    pub fn hold(&mut self, window: Window) {
        self.held.add(window);
    }

    /// Adds `window`, which was answered in full and is final.
    pub fn settle(&mut self, window: Window) {
        self.held.add(window);
        self.settled.add(window);
    }

    /// Removes everything from `end` on.
    pub fn cut(&mut self, end: DateTime<Utc>) {
        let Some(rest) = Window::new(end, DateTime::<Utc>::MAX_UTC) else { return };
        for spans in [&mut self.held, &mut self.settled] {
            *spans = spans.windows().iter().flat_map(|span| span.minus([rest])).collect();
        }
    }

    /// Makes `window` provisional where it is final, because an answer has changed it.
    pub fn unsettle(&mut self, window: Window) {
        self.settled = self.settled.windows().iter().flat_map(|settled| settled.minus([window])).collect();
    }

    /// A copy without the spans in `missing`, in which `unsettled` spans are provisional.
    #[must_use]
    pub fn without(&self, missing: &Spans, unsettled: &Spans) -> Self {
        let minus = |spans: &Spans, others: &Spans| {
            spans.windows().iter().flat_map(|window| others.gaps(*window)).collect::<Spans>()
        };
        Self { held: minus(&self.held, missing), settled: minus(&minus(&self.settled, unsettled), missing) }
    }

    /// The spans that are held.
    #[must_use]
    pub fn held(&self) -> &Spans {
        &self.held
    }

    /// The spans that are final.
    #[must_use]
    pub fn settled(&self) -> &Spans {
        &self.settled
    }

    /// The end of the gapless held span that begins at `since`: `proven_until` in status and metrics.
    #[must_use]
    pub fn proven_until(&self, since: DateTime<Utc>) -> DateTime<Utc> {
        self.held.reach(since)
    }

    /// How complete `window` is. `blocked` are the windows of parked jobs; `due` is the instant up to which the live
    /// sync should have fetched by now. Time after `due` is provisional, not missing.
    #[must_use]
    pub fn completeness(&self, window: Window, blocked: &[Window], due: DateTime<Utc>) -> Completeness {
        if self.settled.covers(window) {
            return Completeness::Final;
        }
        let Some(past) = Window::new(window.from(), window.to().min(due)) else {
            return Completeness::Provisional;
        };
        let is_blocked = |gap: &Window| blocked.iter().any(|stop| stop.intersect(gap).is_some());
        // Also inside held windows: a parked job there was to re-read a window whose rows may be incomplete.
        if self.settled.gaps(past).iter().any(is_blocked) {
            Completeness::Blocked
        } else if self.held.covers(past) {
            Completeness::Provisional
        } else {
            Completeness::Missing
        }
    }
}
