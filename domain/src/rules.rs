//! Rules: what a source permits, as data, and how settings tighten them.

use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The rules in force for one account. A `Duration` is about requests and waiting, a `TimeDelta` about spans of the
/// vendor's data.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The longest window that one request may ask for.
    pub longest: TimeDelta,
    /// The finest step at which a window can be cut.
    pub step: TimeDelta,
    /// The length of the vendor's units, counted from 1970: a request for a part of a unit is answered with the whole
    /// unit. Equal to `step` if the vendor has no units.
    pub granularity: TimeDelta,
    /// How long after its end a unit is published; `None` if a unit can be requested before its end, with the rows so
    /// far.
    pub ready_after: Option<TimeDelta>,
    /// The longest time after its start at which the vendor files a conversation. A window is complete only when this
    /// span after it is held too.
    pub late_filing: TimeDelta,
    /// How long the vendor keeps rows; `None` if for ever.
    pub retention: Option<TimeDelta>,
    /// How the vendor exports windows by mail, if it does: used where the shortest window is over the row cap.
    pub export: Option<Export>,
    /// The number of rows from which on an answer never counts as complete.
    pub row_cap: u64,
    /// The most items that one answer of a list should name; `None` if the vendor's answers name none. Windows of lists are
    /// sized for it, so that live requests wait for a short exchange only.
    pub items_per_list: Option<u64>,
    /// The least time between the end of one request and the start of the next in the same slot.
    pub spacing: Duration,
    /// The most requests in flight per credential (setting `width`).
    pub max_in_flight: u32,
    /// The most requests per day and credential, if known.
    pub daily_quota: Option<u32>,
    /// The time between two live polls.
    pub interval: Duration,
    /// How long after its window an answer may still change.
    pub settle: TimeDelta,
    /// How often the unsettled window is fetched again.
    pub refresh: Duration,
    /// How far a live poll reaches back into the window that is already held.
    pub overlap: TimeDelta,
    /// The time-out of one request.
    pub timeout: Duration,
    /// How long a lease lasts without renewal; longer than `timeout`.
    pub lease: Duration,
    /// The wait after the first failure.
    pub retry_min: Duration,
    /// The longest wait after failures.
    pub retry_max: Duration,
    /// The first wait before an open item is fetched again; it doubles up to an hour.
    pub pending: Duration,
    /// How long a lane stays closed when the vendor states that it is under maintenance.
    pub maintenance_pause: Duration,
    /// The most requests per second in the whole lane, if limited.
    pub requests_per_second: Option<f64>,
}

/// How a vendor exports dense windows: it accepts a request and sends the rows later by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// When to request again if the vendor is busy with another export.
    pub busy_retry: Duration,
    /// How long the mail may take before the export is requested again.
    pub patience: Duration,
}

/// The vendor's own limits; no setting may exceed them.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The longest window that one request may ask for.
    pub longest: TimeDelta,
    /// The most rows that one answer can hold.
    pub row_cap: u64,
    /// The most requests in flight per credential.
    pub max_in_flight: u32,
    /// The least time between two requests in a slot.
    pub spacing: Duration,
}

/// An account's settings that override the source's rules; `None` keeps the source's value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleOverrides {
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

/// An override that the rules forbid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}; write {suggestion}")]
pub struct RuleViolation {
    /// The setting's key inside the account.
    pub key: &'static str,
    /// Why the value is not permitted.
    pub reason: String,
    /// A permitted value.
    pub suggestion: String,
}

/// The longest spacing that follows from a rate. A longer one must be set.
const MOST_SPACING: Duration = Duration::from_mins(1);
/// The time that storing an answer may need after the time-out, before the lease ends.
const STORING: Duration = Duration::from_secs(5);
/// The longest permitted time-out.
const DAY: Duration = Duration::from_hours(24);
/// The longest permitted value of all other durations.
const YEAR: Duration = Duration::from_hours(365 * 24);

impl Rules {
    /// The time between two requests that keeps `requests_per_second`; `None` without that limit.
    #[must_use]
    pub fn gap(&self) -> Option<Duration> {
        self.requests_per_second.and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok())
    }

    /// The least mean time between two requests of the whole lane.
    #[must_use]
    pub fn send_interval(&self) -> Duration {
        self.gap().unwrap_or_default().max(self.spacing / self.max_in_flight.max(1))
    }

    /// The number of items that the lane fetches in about a minute, at least 20. A backfill lists no further while more
    /// items than that are unread.
    #[must_use]
    pub fn items_per_minute(&self) -> u64 {
        let interval = self.send_interval().as_millis().max(10);
        u64::try_from(60_000 / interval).unwrap_or(u64::MAX).max(20)
    }

    /// The time between two live slots: the interval, or one unit if the vendor publishes whole units and the interval
    /// is shorter.
    #[must_use]
    pub fn cadence(&self) -> TimeDelta {
        let interval = TimeDelta::from_std(self.interval).unwrap_or(TimeDelta::days(365));
        if self.ready_after.is_some() { interval.max(self.granularity) } else { interval }
    }

    /// The start of the unit that contains `at`; `at` itself without units.
    #[must_use]
    pub fn floor(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        if self.granularity <= self.step { at } else { on_grid(at, self.granularity) }
    }

    /// The first start of a unit from `at` on; `at` itself without units.
    #[must_use]
    pub fn ceil(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        let floor = self.floor(at);
        if floor == at { at } else { floor + self.granularity }
    }

    /// The window in two halves, older first, cut at a step or between two units; `None` if it cannot be cut.
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

    /// The whole units that contain `window`: the vendor scans these.
    #[must_use]
    pub fn expand(&self, window: Window) -> Window {
        Window::new(self.floor(window.from()), self.ceil(window.to())).unwrap_or(window)
    }

    /// The window that must be held for `window` to be complete: the vendor may file rows of it as much later as
    /// [`Rules::late_filing`] says.
    #[must_use]
    pub fn with_late_filing(&self, window: Window) -> Window {
        Window::new(window.from(), window.to() + self.late_filing).unwrap_or(window)
    }

    /// What the vendor scanned for a request for `window` sent at `sent_at`: whole units, but not beyond that instant.
    #[must_use]
    pub fn scanned(&self, window: Window, sent_at: DateTime<Utc>) -> Window {
        let whole = self.expand(window);
        Window::new(whole.from(), whole.to().min(sent_at.max(window.to()))).unwrap_or(window)
    }

    /// `span` rounded up to whole steps or units.
    #[must_use]
    pub fn round_up(&self, span: TimeDelta) -> TimeDelta {
        let unit = self.step.max(self.granularity).num_milliseconds().max(1);
        TimeDelta::milliseconds((span.num_milliseconds() + unit - 1) / unit * unit)
    }

    /// The first instant from which on the vendor keeps all rows at `now`, at the start of a unit or step; `None` if it
    /// keeps rows for ever.
    #[must_use]
    pub fn oldest(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let kept = now - self.retention?;
        let span = self.granularity.max(self.step);
        let floor = on_grid(kept, span);
        Some(if floor == kept { kept } else { floor + span })
    }

    /// These rules with the account's overrides; the result permits nothing that `limits` forbid.
    ///
    /// # Errors
    /// Every override that would exceed a vendor's limit or contradicts another setting.
    pub fn tighten(&self, limits: &Limits, overrides: &RuleOverrides) -> Result<Self, Vec<RuleViolation>> {
        let mut rules = self.clone();
        rules.interval = overrides.interval.unwrap_or(rules.interval);
        rules.settle =
            overrides.settle.map_or(rules.settle, |settle| TimeDelta::from_std(settle).unwrap_or(TimeDelta::MAX));
        rules.refresh = overrides.refresh.unwrap_or(rules.refresh);
        rules.max_in_flight = overrides.width.unwrap_or(rules.max_in_flight);
        rules.requests_per_second = overrides.requests_per_second.or(rules.requests_per_second);
        // All slots together reach a changed rate only if the spacing follows it.
        let has_changed = overrides.requests_per_second.is_some() || overrides.width.is_some();
        let following = rules.gap().filter(|_| has_changed).map(|gap| gap.saturating_mul(rules.max_in_flight));
        let following = following.map(|spacing| spacing.min(MOST_SPACING).max(limits.spacing));
        rules.spacing = overrides.spacing.or(following).unwrap_or(rules.spacing);
        rules.row_cap = overrides.row_cap.unwrap_or(rules.row_cap);
        rules.timeout = overrides.timeout.unwrap_or(rules.timeout);
        // A shorter time-out without a lease shortens the lease too, so that a crash costs less time.
        let shortened = rules.lease.min(rules.timeout.saturating_mul(2).max(rules.timeout.saturating_add(STORING * 2)));
        rules.lease = overrides.lease.unwrap_or(if overrides.timeout.is_some() { shortened } else { rules.lease });
        rules.retry_min = overrides.retry_min.unwrap_or(rules.retry_min);
        rules.retry_max = overrides.retry_max.unwrap_or(rules.retry_max.max(rules.retry_min));
        let mut violations = rules.violations(limits);
        violations.extend(rules.overlong_durations());
        if violations.is_empty() { Ok(rules) } else { Err(violations) }
    }

    /// Durations that are so long that dates would overflow; most likely typing errors.
    fn overlong_durations(&self) -> Vec<RuleViolation> {
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
        let violation = |(key, _, most): (&'static str, Duration, Duration)| RuleViolation {
            key,
            reason: "the duration is too long".to_owned(),
            suggestion: format!("{} or less", setting_text(most)),
        };
        spans.into_iter().filter(|(_, span, most)| span > most).map(violation).collect()
    }

    /// The settings that exceed a limit or contradict each other.
    fn violations(&self, limits: &Limits) -> Vec<RuleViolation> {
        let second = Duration::from_secs(1);
        let mut violations = Vec::new();
        let mut check = |is_wrong: bool, key, reason: String, suggestion: String| {
            if is_wrong {
                violations.push(RuleViolation { key, reason, suggestion });
            }
        };
        let most = limits.max_in_flight;
        let reason = format!("the vendor permits at most {most} requests in flight per credential");
        check(self.max_in_flight == 0 || self.max_in_flight > most, "width", reason, most.to_string());
        let cap = limits.row_cap;
        let reason = format!("the vendor answers with at most {cap} rows");
        check(self.row_cap < 2 || self.row_cap > cap, "row_cap", reason, format!("2 to {cap}"));
        let reason = format!("the vendor asks for {} between two requests", setting_text(limits.spacing));
        check(self.spacing < limits.spacing, "spacing", reason, format!("{} or more", setting_text(limits.spacing)));
        for (key, span) in [("interval", self.interval), ("refresh", self.refresh)] {
            let reason = "the vendor dates rows to the second; more frequent polls bring no more rows".to_owned();
            check(span < second, key, reason, "\"1s\" or more".to_owned());
        }
        check(self.timeout.is_zero(), "timeout", "a request takes longer than that".to_owned(), "\"70s\"".to_owned());
        let (timeout, lease) = (setting_text(self.timeout), setting_text(self.lease));
        let reason =
            format!("{lease} does not outlast the request's timeout of {timeout}: two requests could be in flight");
        check(
            self.lease <= self.timeout,
            "lease",
            reason,
            format!("{} or more, or a shorter timeout", setting_text(self.timeout.saturating_add(STORING))),
        );
        let reason = "the worker must wait after a failure".to_owned();
        check(self.retry_min.is_zero(), "retry_min", reason, "\"5s\"".to_owned());
        let (min, max) = (setting_text(self.retry_min), setting_text(self.retry_max));
        check(
            self.retry_max < self.retry_min,
            "retry_max",
            format!("{max} is shorter than retry_min"),
            format!("{min} or more"),
        );
        let is_rate = self.requests_per_second.is_none_or(|rate| rate.is_finite() && rate > 0.0);
        check(
            !is_rate,
            "requests_per_second",
            "the rate must be greater than 0".to_owned(),
            "0.5, or leave it out".to_owned(),
        );
        violations
    }
}

/// The last instant up to `at` that lies a whole number of `span`s after 1970, in milliseconds; clocks show
/// microseconds.
fn on_grid(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    let millis = at.timestamp_millis();
    DateTime::from_timestamp_millis(millis - millis.rem_euclid(span.num_milliseconds().max(1))).unwrap_or(at)
}

/// The duration as the settings write it, rounded up, so that the suggested value is permitted.
fn setting_text(duration: Duration) -> String {
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
            items_per_list: None,
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
