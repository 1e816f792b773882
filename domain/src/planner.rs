//! Decides which jobs a stream needs now.

use crate::backfill::{Backfill, Progress};
use crate::clock_skew::latest_past;
use crate::job::{Job, JobState, Purpose};
use crate::ledger::Ledger;
use crate::live_slot::{due_at, slot_at};
use crate::plan::Plan;
use crate::rules::Rules;
use crate::slice::Slice;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::cmp::Reverse;

/// The most open jobs of one purpose per stream. Few, so that window lengths follow what answers teach.
const OPEN: usize = 4;
/// The most open jobs for windows that one more read makes final. More than [`OPEN`]: they are planned once per
/// refresh, and more windows must become final per refresh than pass the horizon.
const OPEN_PAST_HORIZON: usize = 32;

/// The longest wait of a job whose answer may still change, unless its retries or refreshes wait longer.
const LONGEST_BACKOFF: TimeDelta = TimeDelta::hours(1);

/// Plans the jobs of one stream whose live sync covers everything from `since` on.
///
/// A downtime of any length is caught up with few long windows: a stream has at most one live job, and that job reaches
/// back as far as one answer can. After a plan is accepted, planning again at the same instant adds nothing.
#[must_use]
pub fn plan(now: DateTime<Utc>, since: DateTime<Utc>, rules: &Rules, ledger: &Ledger) -> Plan {
    // A vendor that states its time proves such coverage: then the clock is behind now.
    let Some(end) = ledger.future_coverage(now, rules).filter(|_| !ledger.has_vendor_clock) else {
        return plan_known(now, since, rules, ledger);
    };
    let mut known = ledger.clone();
    known.coverage.cut(end);
    Plan { coverage_end: Some(end), ..plan_known(now, since, rules, &known) }
}

/// Plans a stream whose coverage lies in the past.
fn plan_known(now: DateTime<Utc>, since: DateTime<Utc>, rules: &Rules, ledger: &Ledger) -> Plan {
    let oldest = rules.oldest(now).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let (obsolete, open): (Vec<_>, Vec<_>) =
        ledger.jobs.iter().partition(|job| is_obsolete(job, ledger, oldest) || is_in_future(job, rules, now));
    let since = since.max(oldest);
    let is_past = |slot: &DateTime<Utc>| *slot <= slot_at(latest_past(now), rules);
    let planned = ledger.slot.filter(is_past);
    let mut planner =
        Planner { slot: slot_at(now, rules), planned, oldest, rules, ledger, open, plan: Plan::default() };
    planner.plan.future_slot = ledger.slot.filter(|_| planned.is_none());
    if ledger.parked().is_none()
        && let Some(live) = Window::new(since, planner.slot)
    {
        let refresh = ledger.refreshed.filter(is_past).is_none_or(|at| live.to() - at >= delta(rules.refresh));
        let refresh = planner.plan_live(live, refresh) && refresh;
        planner.take_back_short(Some(since).filter(|_| !refresh));
        planner.plan_owed(since, refresh);
    } else {
        planner.take_back_short(None);
    }
    planner.plan_backfills(now);
    planner.plan.obsolete.splice(0..0, obsolete.into_iter().map(|job| job.id));
    planner.plan
}

/// The latest instant at which an item that waits at `now` can be due. A clock that was ahead may have stored a later one.
#[must_use]
pub fn latest_item_due(rules: &Rules, now: DateTime<Utc>) -> DateTime<Utc> {
    latest_past(now) + delta(rules.pending.max(rules.retry_max)).max(LONGEST_BACKOFF)
}

/// The windows that a backfill of `remaining` would request now, newest first. Used by the dry run.
#[must_use]
pub fn windows_for(remaining: &[Window], ledger: &Ledger, rules: &Rules) -> Vec<Window> {
    let forecast = ledger.forecast_for(Purpose::Settle);
    remaining.iter().rev().flat_map(|window| forecast.chunks(*window, rules, usize::MAX)).collect()
}

/// The inputs of one planning run, and the plan so far.
struct Planner<'a> {
    /// The newest live slot that is due.
    slot: DateTime<Utc>,
    /// The newest live slot for which a job was planned; `None` also if a clock that was ahead has planned it.
    planned: Option<DateTime<Utc>>,
    /// The first instant that the vendor still keeps.
    oldest: DateTime<Utc>,
    rules: &'a Rules,
    ledger: &'a Ledger,
    /// The open jobs that are not obsolete.
    open: Vec<&'a Job>,
    plan: Plan,
}

impl Planner<'_> {
    /// Plans one live job for a new slot. While an earlier live job is open none is added; the next one then reaches
    /// back further. Returns whether a job was planned.
    fn plan_live(&mut self, live: Window, refresh: bool) -> bool {
        let is_planned = self.planned.is_some_and(|planned| live.to() <= planned);
        if is_planned || self.open.iter().any(|job| job.purpose == Purpose::Live) {
            return false;
        }
        // The newest window that is not final, without a gap.
        let settled = self.ledger.coverage.settled().windows().iter().copied();
        let Some(tail) = live.minus(settled.chain(self.taken())).pop().filter(|tail| tail.to() == live.to()) else {
            return false;
        };
        let newest = self.ledger.forecast_for(Purpose::Live).newest(tail, self.rules);
        let held = self.ledger.coverage.held().windows().iter();
        let held = held.filter(|held| held.from() < live.to()).map(|held| held.to().min(live.to()));
        let from = match held.max() {
            Some(held) if !refresh => newest.from().max(self.on_step(held - self.rules.overlap)),
            _ => newest.from(),
        };
        let from = self.on_unit(from, live.to());
        self.plan.slot = Some(live.to());
        self.plan.refreshed = refresh.then_some(live.to());
        let window = Window::new(from, live.to());
        self.plan
            .jobs
            .extend(window.map(|window| job(Purpose::Live, window, due_at(live.to(), self.rules), self.ledger)));
        true
    }

    /// Plans the windows that the live sync owes before its newest window: gaps at once, and at each refresh also
    /// windows that are held but not final. Windows that one more read makes final go first; otherwise, where windows
    /// are short, reading would never get beyond the newest few.
    fn plan_owed(&mut self, since: DateTime<Utc>, refresh: bool) {
        let Some(span) = Window::new(since, self.until()) else { return };
        let coverage = &self.ledger.coverage;
        let done = if refresh { coverage.settled() } else { coverage.held() };
        let mut owed = span.minus(done.windows().iter().copied().chain(self.taken()));
        if self.is_behind() {
            // Lists of windows that are held name few new items.
            let held = coverage.held();
            owed = owed.iter().flat_map(|window| held.within(*window)).collect();
        }
        if refresh {
            owed.splice(0..0, self.unsettled_before(since));
        }
        // On a unit's border: otherwise the vendor would scan the unit around the horizon twice.
        let horizon = self.rules.floor(self.on_step(span.to() - self.rules.settle));
        let old: Vec<_> = owed.iter().filter_map(|part| Window::new(part.from(), part.to().min(horizon))).collect();
        let young: Vec<_> = owed.iter().filter_map(|part| Window::new(part.from().max(horizon), part.to())).collect();
        let windows = if refresh {
            let mut windows = self.newest_first(&old, self.room(Purpose::Settle, OPEN_PAST_HORIZON));
            let most = self.room(Purpose::Settle, OPEN).saturating_sub(windows.len());
            windows.extend(self.newest_first(&young, most));
            windows.sort_unstable_by_key(|window| Reverse(*window));
            windows
        } else {
            self.newest_first(&owed, self.room(Purpose::Settle, self.most_open()))
        };
        for window in windows {
            let due = due_at(span.to(), self.rules);
            self.plan.jobs.push(job(Purpose::Settle, window, due, self.ledger));
        }
    }

    /// The windows before the live sync's start that are held but not final: a backfill read them within the settle
    /// time.
    fn unsettled_before(&self, since: DateTime<Utc>) -> Vec<Window> {
        let settled = self.ledger.coverage.settled().windows();
        let held = self.ledger.coverage.held().windows().iter();
        let before = held.filter_map(|held| Window::new(held.from().max(self.oldest), held.to().min(since)));
        before.flat_map(|held| held.minus(settled.iter().copied().chain(self.taken()))).collect()
    }

    /// Plans the windows that running backfills still need, up to now.
    fn plan_backfills(&mut self, now: DateTime<Utc>) {
        let unread = self.ledger.unread_spans();
        for backfill in self.ledger.backfills.iter().filter(|backfill| backfill.progress == Progress::Running) {
            let remaining = self.remaining(backfill);
            if remaining.is_empty() {
                // The items that its lists have named belong to the backfill.
                if unread.within(backfill.window).is_empty() {
                    self.plan.finished.push(backfill.id);
                }
                continue;
            }
            if self.is_behind() {
                continue;
            }
            let purpose = Purpose::Backfill(backfill.id);
            let free = self.free(&remaining);
            for window in self.newest_first(&free, self.room(purpose, self.most_open())) {
                self.plan.jobs.push(job(purpose, window, now, self.ledger));
            }
        }
    }

    /// The end of the span that jobs other than the live one may request. What lies after the newest planned slot
    /// belongs to the next live job, which requests it as one window.
    fn until(&self) -> DateTime<Utc> {
        let planned = self.plan.slot.or(self.planned).filter(|_| self.ledger.parked().is_none());
        // What the vendor's clock had not reached belongs to the next live job as well.
        let unproven = self.ledger.unproven.filter(|_| planned.is_some() && self.plan.slot.is_none());
        planned.into_iter().chain(unproven).fold(self.slot, DateTime::min)
    }

    /// The most open jobs for windows that were never read. One list at a time: the items that it names must be known
    /// before the next one is planned.
    fn most_open(&self) -> usize {
        let per_slot = usize::try_from(self.rules.max_in_flight).unwrap_or(OPEN).saturating_add(1);
        if self.rules.items_per_list.is_some() { 1 } else { per_slot.min(OPEN) }
    }

    /// Whether more items wait than the lane fetches in about a minute. Lists then wait: they would only make the items of
    /// today wait behind those of the past.
    fn is_behind(&self) -> bool {
        self.rules.items_per_list.is_some() && self.ledger.untried_items() >= self.rules.items_per_minute()
    }

    /// How many more jobs of `purpose` may be opened, `most` in total. While the rows per day are unknown, one job at a
    /// time. After the first answer the live job does not count: short polls teach nothing about a whole day, and with
    /// frequent polls a live job is nearly always open.
    fn room(&self, purpose: Purpose, most: usize) -> usize {
        let open = || self.open.iter().filter(|job| !job.is_parked() && job.slice.window().is_some());
        if self.ledger.pace_for(purpose).rows_per_day.is_none() {
            let is_first = self.ledger.coverage.held().is_empty();
            // A live job that is fetched again has been answered too: the rest must not wait for the newest day.
            let is_owed = |job: &Job| job.purpose != Purpose::Live || is_first && job.rechecks == 0;
            // An export teaches no density, and may wait for days.
            let counts = |job: &&Job| is_owed(job) && !matches!(job.slice, Slice::Export(_));
            return 1_usize.saturating_sub(open().copied().chain(&self.plan.jobs).filter(counts).count());
        }
        most.saturating_sub(open().filter(|job| job.purpose == purpose).count())
    }

    /// The windows that `backfill` still needs and that can be requested now.
    fn remaining(&self, backfill: &Backfill) -> Vec<Window> {
        let (oldest, until) = (self.oldest, self.until());
        let remaining = backfill.remaining(&self.ledger.coverage, self.rules).into_iter();
        remaining.filter_map(|window| Window::new(window.from().max(oldest), window.to().min(until))).collect()
    }

    /// Takes back jobs that no worker has tried and that are short, where they border a span without a job: one request can
    /// fetch both. The rest of a full answer is such a job. `since` is where the live sync begins, if it plans gaps now.
    fn take_back_short(&mut self, since: Option<DateTime<Utc>>) {
        if self.is_behind() {
            return;
        }
        let gaps = since.and_then(|since| Window::new(since, self.until()));
        let gaps = gaps.map(|span| (Purpose::Settle, self.ledger.coverage.held().gaps(span)));
        let running = self.ledger.backfills.iter().filter(|backfill| backfill.progress == Progress::Running);
        let wanted: Vec<_> =
            gaps.into_iter().chain(running.map(|own| (Purpose::Backfill(own.id), self.remaining(own)))).collect();
        // A job that was taken back leaves a span that the next one may border.
        while wanted.iter().any(|(purpose, wanted)| self.take_back(*purpose, wanted)) {}
    }

    /// Takes back the short jobs of `purpose` within `wanted`; returns whether there were any.
    fn take_back(&mut self, purpose: Purpose, wanted: &[Window]) -> bool {
        if self.ledger.pace_for(purpose).rows_per_day.is_none() {
            return false;
        }
        let (forecast, free) = (self.ledger.forecast_for(purpose), self.free(wanted));
        let is_short = |window: Window| {
            let borders = free.iter().any(|free| free.to() == window.from());
            borders && wanted.iter().any(|wanted| wanted.covers(&window)) && forecast.is_short(window, self.rules)
        };
        let is_short = |job: &Job| job.is_untouched() && job.slice.window().is_some_and(is_short);
        let (short, open): (Vec<&Job>, Vec<&Job>) =
            self.open.iter().partition(|job| job.purpose == purpose && is_short(job));
        // Without room the spans would only lose their jobs.
        let is_full = open.iter().filter(|job| job.purpose == purpose).count() >= self.most_open();
        if short.is_empty() || is_full {
            return false;
        }
        self.open = open;
        self.plan.obsolete.extend(short.into_iter().map(|job| job.id));
        true
    }

    /// The parts of `wanted` that have no job.
    fn free(&self, wanted: &[Window]) -> Vec<Window> {
        let taken: Spans = self.taken().collect();
        wanted.iter().flat_map(|window| taken.gaps(*window)).collect()
    }

    /// The windows of all open and all newly planned jobs.
    fn taken(&self) -> impl Iterator<Item = Window> {
        self.open.iter().copied().chain(&self.plan.jobs).filter_map(|job| job.slice.window())
    }

    /// The newest `most` chunks of `windows`, newest first.
    fn newest_first(&self, windows: &[Window], most: usize) -> Vec<Window> {
        let forecast = self.ledger.forecast_for(Purpose::Settle);
        let newest = windows.iter().rev();
        newest.flat_map(|window| forecast.chunks(*window, self.rules, most)).take(most).collect()
    }

    /// Where a request for `from` to `to` begins: at the start of its unit, since the vendor answers whole units, or at
    /// the next unit if the request would otherwise be longer than the vendor permits.
    fn on_unit(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
        let floor = self.rules.floor(from);
        if self.rules.ceil(to) - floor <= self.rules.longest { floor } else { self.rules.ceil(from) }
    }

    /// The last instant up to `at` that lies a whole number of steps before the slot.
    fn on_step(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at - TimeDelta::milliseconds((at - self.slot).num_milliseconds().rem_euclid(millis(self.rules.step)))
    }
}

/// Whether no worker runs the job, and either its backfill no longer exists or the vendor no longer keeps all of its
/// window. What the vendor still keeps is planned again. A parked job stays until an operator acts.
fn is_obsolete(job: &Job, ledger: &Ledger, oldest: DateTime<Utc>) -> bool {
    let is_orphan = match job.purpose {
        Purpose::Backfill(id) => ledger.backfills.iter().all(|backfill| backfill.id != id),
        Purpose::Live | Purpose::Item | Purpose::Settle => false,
    };
    !job.is_running() && (is_orphan || !job.is_parked() && job.is_past_retention(Some(oldest)))
}

/// Whether the job waits for an instant, or asks for a window, that a clock which was ahead has chosen: the window has not
/// passed yet, or the job would wait longer than any refresh or retry does. The plan replaces it.
fn is_in_future(job: &Job, rules: &Rules, now: DateTime<Utc>) -> bool {
    let Slice::Window(window) = job.slice else { return false };
    let longest_wait = delta(rules.refresh.max(rules.retry_max)).max(LONGEST_BACKOFF);
    let waits_too_long = job.state == JobState::Waiting && job.due > latest_past(now) + longest_wait;
    !job.is_running() && !job.is_parked() && (window.to() > latest_past(now) || waits_too_long)
}

fn job(purpose: Purpose, window: Window, due: DateTime<Utc>, ledger: &Ledger) -> Job {
    Job::new(purpose, Slice::Window(window), due, ledger.forecast_for(purpose).duration(window))
}

fn millis(span: TimeDelta) -> i64 {
    span.num_milliseconds().max(1)
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    let year = TimeDelta::days(365);
    TimeDelta::from_std(duration).map_or(year, |delta| delta.min(year))
}
