//! What a source permits, as data.

use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// A source's rules in force for one account. Durations in `Duration` are about us and the wire, spans of the
/// vendor's data in `TimeDelta`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The longest span one request may ask for.
    pub longest: TimeDelta,
    /// The finest step a window can be cut at.
    pub step: TimeDelta,
    /// The spans that the vendor knows, counted from 1970: whoever asks for a part of one is answered with all of it. A
    /// vendor that knows every instant has `step` here.
    pub granularity: TimeDelta,
    /// How long after its end the answer for a granularity is there; `None` where one may ask before the end, and be answered
    /// with what there is.
    pub ready_after: Option<TimeDelta>,
    /// How much later than it happened the vendor may file something: a stretch is complete only when this much after it
    /// is held too.
    pub late_filing: TimeDelta,
    /// How far back the vendor can be asked.
    pub retention: Option<TimeDelta>,
    /// How a stretch is asked for whose finest window is over the row cap.
    pub export: Option<Export>,
    /// An answer with this many rows or more is never complete.
    pub row_cap: u64,
    /// The least time between the end of one request and the start of the next.
    pub spacing: Duration,
    /// How many requests may be in flight on one credential.
    pub max_in_flight: u32,
    /// How many requests a day the credential may make, where known.
    pub daily_quota: Option<u32>,
    /// The live cadence.
    pub interval: Duration,
    /// How long an answer may still change.
    pub settle: TimeDelta,
    /// How often the unsettled stretch is pulled again.
    pub refresh: Duration,
    /// How far a live poll reaches back into what is already held.
    pub overlap: TimeDelta,
    /// How long one request may take before we hang up.
    pub timeout: Duration,
    /// How long a lane is held without renewal; longer than `timeout`.
    pub lease: Duration,
    /// The first wait after a failure.
    pub retry_min: Duration,
    /// The longest wait after failures.
    pub retry_max: Duration,
    /// How soon what is not at its end yet is asked for again; later and later, up to an hour.
    pub pending: Duration,
    /// How long to leave a vendor alone that says it is being maintained.
    pub maintenance_pause: Duration,
    /// A further limit on requests per second inside a lane.
    pub requests_per_second: Option<f64>,
}

/// A second way to ask, for windows that are too dense: the answer comes later, as a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// When to ask again where the vendor is busy with another.
    pub busy_retry: Duration,
    /// How long the mail may take before the question counts as lost.
    pub patience: Duration,
}

/// What the vendor itself forbids: no setting may go beyond.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The longest span one request may ask for.
    pub longest: TimeDelta,
    /// The most rows one answer can hold.
    pub row_cap: u64,
    /// The most requests in flight on one credential.
    pub max_in_flight: u32,
    /// The least spacing.
    pub spacing: Duration,
}

/// An operator's wishes for one account; what is `None` stays as the source has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tighten {
    /// See [`Rules::interval`].
    pub interval: Option<Duration>,
    /// See [`Rules::settle`].
    pub settle: Option<Duration>,
    /// See [`Rules::refresh`].
    pub refresh: Option<Duration>,
    /// See [`Rules::spacing`].
    pub spacing: Option<Duration>,
    /// See [`Rules::max_in_flight`].
    pub width: Option<u32>,
    /// See [`Rules::requests_per_second`].
    pub requests_per_second: Option<f64>,
    /// See [`Rules::row_cap`].
    pub row_cap: Option<u64>,
    /// See [`Rules::timeout`].
    pub timeout: Option<Duration>,
    /// See [`Rules::lease`].
    pub lease: Option<Duration>,
    /// See [`Rules::retry_min`].
    pub retry_min: Option<Duration>,
    /// See [`Rules::retry_max`].
    pub retry_max: Option<Duration>,
}

/// A wish that was refused: the setting's key, why, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}; write {instead}")]
pub struct Refusal {
    /// The setting's name inside the account.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
    /// What to write.
    pub instead: String,
}

/// The time a reply needs beyond the time-out to be stored, before the lease may end.
const STORING: Duration = Duration::from_secs(5);
/// The longest time-out.
const DAY: Duration = Duration::from_hours(24);
/// The longest of all other durations.
const YEAR: Duration = Duration::from_hours(365 * 24);

impl Rules {
    /// The time from one request to the next that keeps the rate, where there is one.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.requests_per_second.and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok())
    }

    /// How far apart live slots lie. Where the vendor answers whole units only, a shorter interval gives no more slots.
    #[must_use]
    pub fn cadence(&self) -> TimeDelta {
        let interval = TimeDelta::from_std(self.interval).unwrap_or(TimeDelta::days(365));
        if self.ready_after.is_some() { interval.max(self.granularity) } else { interval }
    }

    /// The last instant up to `at` at which one granularity ends and the next begins.
    #[must_use]
    pub fn floor(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.granularity <= self.step { at } else { on_grid(at, self.granularity) }
    }

    /// The first such instant from `at` on.
    #[must_use]
    pub fn ceil(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let floor = self.floor(at);
        if floor == at { at } else { floor + self.granularity }
    }

    /// The window in two, cut where the vendor can be asked for either; `None` where it cannot be cut.
    #[must_use]
    pub fn halves(&self, window: Window) -> Option<(Window, Window)> {
        if self.granularity <= self.step {
            return window.halves(self.step);
        }
        let middle = window.from() + window.span() / 2;
        let cuts = [self.floor(middle), self.ceil(middle)];
        let inside = cuts.into_iter().filter(|cut| window.from() < *cut && *cut < window.to());
        let cut = inside.min_by_key(|cut| (*cut - middle).abs())?;
        Some((Window::new(window.from(), cut)?, Window::new(cut, window.to())?))
    }

    /// Everything that the vendor looks at when it is asked for `window`.
    #[must_use]
    pub fn expand(&self, window: Window) -> Window {
        Window::new(self.floor(window.from()), self.ceil(window.to())).unwrap_or(window)
    }

    /// What the vendor looked through when it was asked for `window`: whole units, as far as they were over.
    #[must_use]
    pub fn scanned(&self, window: Window, sent_at: DateTime<Utc>) -> Window {
        let whole = self.expand(window);
        Window::new(whole.from(), whole.to().min(sent_at.max(window.to()))).unwrap_or(window)
    }

    /// A span in whole units, or steps; rounded up.
    #[must_use]
    pub fn round_up(&self, span: TimeDelta) -> TimeDelta {
        let granularity = self.step.max(self.granularity).num_milliseconds().max(1);
        TimeDelta::milliseconds((span.num_milliseconds() + granularity - 1) / granularity * granularity)
    }

    /// The first instant that the vendor can still be asked for in full: on a granularity, or at least on a step.
    #[must_use]
    pub fn oldest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let kept = now - self.retention?;
        let span = self.granularity.max(self.step);
        let floor = on_grid(kept, span);
        Some(if floor == kept { kept } else { floor + span })
    }

    /// These rules with the operator's wishes: permits nothing that `limits` forbid.
    ///
    /// # Errors
    /// Every wish that would loosen a vendor's rule, or that does not fit the others.
    pub fn tighten(&self, limits: &Limits, wish: &Tighten) -> Result<Self, Vec<Refusal>> {
        let mut rules = self.clone();
        rules.interval = wish.interval.unwrap_or(rules.interval);
        rules.settle = wish.settle.map_or(rules.settle, |settle| TimeDelta::from_std(settle).unwrap_or(TimeDelta::MAX));
        rules.refresh = wish.refresh.unwrap_or(rules.refresh);
        rules.spacing = wish.spacing.unwrap_or(rules.spacing);
        rules.max_in_flight = wish.width.unwrap_or(rules.max_in_flight);
        rules.requests_per_second = wish.requests_per_second.or(rules.requests_per_second);
        rules.row_cap = wish.row_cap.unwrap_or(rules.row_cap);
        rules.timeout = wish.timeout.unwrap_or(rules.timeout);
        // Someone who shortens only the time-out gets a lease that follows it down, so that a crash costs less.
        let follows = rules.lease.min(rules.timeout.saturating_mul(2).max(rules.timeout.saturating_add(STORING * 2)));
        rules.lease = wish.lease.unwrap_or(if wish.timeout.is_some() { follows } else { rules.lease });
        rules.retry_min = wish.retry_min.unwrap_or(rules.retry_min);
        rules.retry_max = wish.retry_max.unwrap_or(rules.retry_max.max(rules.retry_min));
        let mut refusals = rules.refusals(limits);
        refusals.extend(rules.too_long());
        if refusals.is_empty() { Ok(rules) } else { Err(refusals) }
    }

    /// Durations that are slips of the pen, and beyond which dates end.
    fn too_long(&self) -> Vec<Refusal> {
        let settle = self.settle.to_std().unwrap_or_default();
        let spans = [
            ("interval", self.interval, YEAR),
            ("settle", settle, YEAR),
            ("refresh", self.refresh, YEAR),
            ("spacing", self.spacing, YEAR),
            ("timeout", self.timeout, DAY),
            ("lease", self.lease, YEAR),
            ("retry_min", self.retry_min, YEAR),
            ("retry_max", self.retry_max, YEAR),
        ];
        let refusal = |(key, _, most): (&'static str, Duration, Duration)| Refusal {
            key,
            why: "nothing here takes that long".to_owned(),
            instead: format!("{} or less", written(most)),
        };
        spans.into_iter().filter(|(_, span, most)| span > most).map(refusal).collect()
    }

    fn refusals(&self, limits: &Limits) -> Vec<Refusal> {
        let second = Duration::from_secs(1);
        let mut refusals = Vec::new();
        let mut check = |is_wrong: bool, key, why: String, instead: String| {
            if is_wrong {
                refusals.push(Refusal { key, why, instead });
            }
        };
        let width = limits.max_in_flight;
        let why = format!("the vendor permits at most {width} requests in flight per credential");
        check(self.max_in_flight == 0 || self.max_in_flight > width, "width", why, width.to_string());
        let cap = limits.row_cap;
        let why = format!("the vendor answers with at most {cap} rows");
        check(self.row_cap < 2 || self.row_cap > cap, "row_cap", why, format!("2 to {cap}"));
        let why = format!("the vendor asks for {} between two requests", written(limits.spacing));
        check(self.spacing < limits.spacing, "spacing", why, format!("{} or more", written(limits.spacing)));
        for (key, span) in [("interval", self.interval), ("refresh", self.refresh)] {
            let why = "data is told apart by the second; asking more often brings nothing".to_owned();
            check(span < second, key, why, "\"1s\" or more".to_owned());
        }
        check(self.timeout.is_zero(), "timeout", "a request needs some time".to_owned(), "\"70s\"".to_owned());
        let (timeout, lease) = (written(self.timeout), written(self.lease));
        let why =
            format!("{lease} does not outlast the request's timeout of {timeout}: two requests could be in flight");
        check(
            self.lease <= self.timeout,
            "lease",
            why,
            format!("{} or more, or a shorter timeout", written(self.timeout.saturating_add(STORING))),
        );
        let why = "a vendor that fails must be left alone for a moment".to_owned();
        check(self.retry_min.is_zero(), "retry_min", why, "\"5s\"".to_owned());
        let (min, max) = (written(self.retry_min), written(self.retry_max));
        check(
            self.retry_max < self.retry_min,
            "retry_max",
            format!("{max} is shorter than retry_min"),
            format!("{min} or more"),
        );
        let is_rate = self.requests_per_second.is_none_or(|rate| rate.is_finite() && rate > 0.0);
        check(!is_rate, "requests_per_second", "must be more than 0".to_owned(), "0.5, or leave it out".to_owned());
        refusals
    }
}

/// The last instant up to `at` that lies whole spans from 1970. To the millisecond below it: clocks show microseconds.
fn on_grid(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    let millis = at.timestamp_millis();
    DateTime::from_timestamp_millis(millis - millis.rem_euclid(span.num_milliseconds().max(1))).unwrap_or(at)
}

/// As it would be written in the settings; rounded up, so that what is advised suffices.
fn written(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("\"{}s\"", duration.as_secs())
    } else {
        format!("\"{}ms\"", duration.as_nanos().div_ceil(1_000_000))
    }
}

impl Rules {
    /// The defaults that most sources share, as far as `limits` permit. A source states only its differences:
    /// `Rules { settle, ..Rules::base(&limits) }`.
    #[must_use]
    pub fn base(limits: &Limits) -> Self {
        Self {
            longest: limits.longest,
            step: TimeDelta::seconds(1),
            granularity: TimeDelta::seconds(1),
            ready_after: None,
            late_filing: TimeDelta::zero(),
            retention: None,
            export: None,
            row_cap: limits.row_cap,
            spacing: limits.spacing.max(Duration::from_secs(1)),
            max_in_flight: limits.max_in_flight,
            daily_quota: None,
            interval: Duration::from_mins(5),
            settle: TimeDelta::hours(48),
            refresh: Duration::from_hours(6),
            overlap: TimeDelta::hours(1),
            timeout: Duration::from_secs(70),
            lease: Duration::from_secs(90),
            retry_min: Duration::from_secs(5),
            retry_max: Duration::from_mins(5),
            pending: Duration::from_mins(5),
            maintenance_pause: Duration::from_mins(10),
            requests_per_second: None,
        }
    }
}
