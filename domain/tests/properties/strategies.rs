//! Strategies and fixtures: instants near a fixed day, windows, rules.

use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::{Backfill, Mode, Progress};
use domain::item::NamedItems;
use domain::job::{Job, Purpose};
use domain::ledger::AnswerSummary;
use domain::rules::{Export, Rules};
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

pub const HOUR: i64 = 3600;
pub const DAY: i64 = 86_400;

/// The proptest configuration. A failing case is printed in full, so none is kept in a file.
pub fn often() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// The instant `second` seconds after the start of 2026-10-01.
pub fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_812_800 + second, 0).unwrap()
}

pub fn window(from: i64, to: i64) -> Window {
    Window::new(at(from), at(to)).unwrap()
}

/// A window inside the first `end` seconds.
pub fn any_window(end: i64) -> impl Strategy<Value = Window> {
    (0..end - 1).prop_flat_map(move |from| (Just(from), from + 1..end)).prop_map(|(from, to)| window(from, to))
}

pub fn any_windows(end: i64) -> impl Strategy<Value = Vec<Window>> {
    prop::collection::vec(any_window(end), 0..9)
}

/// Whether one of `windows` contains each second: the naive model of a set of instants.
pub fn seconds<'a>(windows: impl IntoIterator<Item = &'a Window>, end: i64) -> Vec<bool> {
    let windows: Vec<_> = windows.into_iter().collect();
    (0..end).map(|second| windows.iter().any(|window| window.contains(at(second)))).collect()
}

/// Whether `windows` are in order and do not overlap.
pub fn are_in_order(windows: &[Window]) -> bool {
    windows.windows(2).all(|pair| pair[0].to() <= pair[1].from())
}

/// Whether `parts` tile `whole` exactly.
pub fn tile(whole: Window, parts: &[Window]) -> bool {
    let mut parts = parts.to_vec();
    parts.sort_unstable();
    let joined: Spans = parts.iter().copied().collect();
    are_in_order(&parts) && joined.windows() == [whole]
}

/// A full answer of `rows` rows to a request sent at `sent_at`.
pub fn full_answer(sent_at: DateTime<Utc>, rows: u64) -> AnswerSummary {
    AnswerSummary {
        sent_at,
        elapsed: Duration::from_secs(1),
        rows,
        earliest_change: None,
        items: NamedItems::default(),
        named: 0,
        is_over_budget: false,
        item_status: None,
        histogram: None,
    }
}

/// A running backfill that has just been ordered.
pub fn running_backfill(id: i64, window: Window) -> Backfill {
    Backfill {
        id,
        window,
        mode: Mode::Missing,
        ordered_at: at(0),
        progress: Progress::Running,
        answered: Spans::default(),
        windows_done: 0,
        items_done: 0,
        rows: 0,
    }
}

pub fn backfill_job(window: Window) -> Job {
    Job { id: 7, ..Job::new(Purpose::Backfill(1), Slice::Window(window), window.to(), Duration::from_secs(1)) }
}

/// Any duration, with all orders of magnitude equally likely, so that some overflow a date.
pub fn any_long() -> impl Strategy<Value = Duration> {
    (0_u32..64, 0.5..1.0).prop_map(|(bits, share)| Duration::from_secs(1 << bits).mul_f64(share))
}

/// An instant in microseconds, often not on a whole second.
pub fn any_instant(days: i64) -> impl Strategy<Value = DateTime<Utc>> {
    let micros = prop_oneof![1 => Just(0_i64), 2 => 0_i64..1_000_000];
    let second = prop_oneof![1 => (0..days).prop_map(|day| day * DAY), 4 => 0..days * DAY];
    (second, micros).prop_map(|(second, micros)| at(second) + TimeDelta::microseconds(micros))
}

/// Rules like Ultimate's: one file per day, published in the night after it, kept for a month.
pub fn ultimate() -> Rules {
    Rules {
        longest: TimeDelta::days(1),
        granularity: TimeDelta::days(1),
        ready_after: Some(TimeDelta::hours(1)),
        late_filing: TimeDelta::days(1),
        retention: Some(TimeDelta::days(30)),
        row_cap: u64::MAX,
        interval: Duration::from_hours(24),
        settle: TimeDelta::days(3),
        refresh: Duration::from_hours(24),
        overlap: TimeDelta::zero(),
        ..rules()
    }
}

/// Rules like Certainly's: requested by days, today included, with exports by mail for dense days.
pub fn certainly() -> Rules {
    Rules {
        longest: TimeDelta::days(15),
        granularity: TimeDelta::days(1),
        export: Some(Export { busy_retry: Duration::from_mins(10), patience: Duration::from_hours(6) }),
        row_cap: 500,
        interval: Duration::from_mins(30),
        settle: TimeDelta::days(2),
        refresh: Duration::from_hours(6),
        ..rules()
    }
}

/// Rules like Wolkvox'.
pub fn rules() -> Rules {
    Rules {
        longest: TimeDelta::days(31),
        step: TimeDelta::seconds(1),
        granularity: TimeDelta::seconds(1),
        ready_after: None,
        late_filing: TimeDelta::zero(),
        retention: None,
        export: None,
        row_cap: 1000,
        items_per_list: None,
        spacing: Duration::from_secs(1),
        max_in_flight: 1,
        daily_quota: None,
        interval: Duration::from_mins(5),
        settle: TimeDelta::hours(48),
        refresh: Duration::from_hours(1),
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

/// The windows of the jobs, in order.
pub fn windows<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<Window> {
    jobs.into_iter().filter_map(|job| job.slice.window()).collect()
}
