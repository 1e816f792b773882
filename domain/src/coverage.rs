//! What is held of one stream, and what of it is final.

use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The windows that were asked for and answered in full; the settled ones among them are final.
///
/// A capped, cut-off or refused answer adds nothing here (promise P4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    held: Spans,
    settled: Spans,
}

/// How much of a day (or of any window) can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// A part of it cannot be had until a person acts.
    Blocked,
    /// A part of it was never asked for, or never answered in full.
    Missing,
    /// All of it is held, but answers may still change.
    Provisional,
    /// All of it is held and equals what the vendor holds.
    Final,
}

impl Completeness {
    /// The word that tables, metrics and JSON use.
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
    /// Rebuilt from what was stored: windows, each final or not.
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

    /// As it is stored: disjoint windows, each final or not.
    #[must_use]
    pub fn to_stored(&self) -> Vec<(Window, bool)> {
        let mut rows: Vec<_> = self.settled.windows().iter().map(|window| (*window, true)).collect();
        for held in self.held.windows() {
            rows.extend(self.settled.gaps(*held).into_iter().map(|window| (window, false)));
        }
        rows.sort_unstable();
        rows
    }

    /// All of `window` was answered in full.
    pub fn hold(&mut self, window: Window) {
        self.held.add(window);
    }

    /// All of `window` was answered in full and will not change any more.
    pub fn settle(&mut self, window: Window) {
        self.held.add(window);
        self.settled.add(window);
    }

    /// All of it but `missing_scope`; and of what is left, nothing of `unsettled` is final.
    #[must_use]
    pub fn without(&self, missing_scope: &Spans, unsettled: &Spans) -> Self {
        let minus = |spans: &Spans, others: &Spans| {
            spans.windows().iter().flat_map(|window| others.gaps(*window)).collect::<Spans>()
        };
        Self { held: minus(&self.held, missing_scope), settled: minus(&minus(&self.settled, unsettled), missing_scope) }
    }

    /// What was answered in full.
    #[must_use]
    pub fn held(&self) -> &Spans {
        &self.held
    }

    /// What of it is final.
    #[must_use]
    pub fn settled(&self) -> &Spans {
        &self.settled
    }

    /// How far everything from `since` on is held without a gap: the "proven until" of status and metrics.
    #[must_use]
    pub fn proven_until(&self, since: DateTime<Utc>) -> DateTime<Utc> {
        self.held.reach(since)
    }

    /// How much `window` can be trusted, where `blocked` are the windows that wait for a person and `due` is the
    /// instant up to which live work should have asked by now: what lies after it is nobody's fault yet.
    #[must_use]
    pub fn completeness(&self, window: Window, blocked: &[Window], due: DateTime<Utc>) -> Completeness {
        if self.settled.covers(window) {
            return Completeness::Final;
        }
        let Some(past) = Window::new(window.from(), window.to().min(due)) else {
            return Completeness::Provisional;
        };
        let waits = |gap: &Window| blocked.iter().any(|stop| stop.intersect(gap).is_some());
        // Also where something is held: what waits was asked for again because that may no longer be all.
        if self.settled.gaps(past).iter().any(waits) {
            Completeness::Blocked
        } else if self.held.covers(past) {
            Completeness::Provisional
        } else {
            Completeness::Missing
        }
    }
}
