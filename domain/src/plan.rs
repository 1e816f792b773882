//! What is worth asking for now.

use crate::backfill::Progress;
use crate::job::{Job, Purpose, Slice};
use crate::ledger::Ledger;
use crate::rules::Rules;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// The jobs to add, and what they bring about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In order: live first, then owed stretches and backfills, each newest first.
    pub jobs: Vec<Job>,
    /// The live slot it is for, where there is a new one.
    pub slot: Option<DateTime<Utc>>,
    /// Set where it jobs the unsettled stretch in full.
    pub refreshed: Option<DateTime<Utc>>,
    /// Backfills that have nothing left to ask for.
    pub finished: Vec<i64>,
    /// Jobs of backfills that have ended, and those that nobody can answer in full any more, by their id.
    pub obsolete: Vec<i64>,
}

impl Plan {
    /// Whether accepting it would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How many jobs of one kind stand open at once for a stream: few, so that widths follow what answers teach.
const OPEN: usize = 4;
/// The same for what one more reading makes final: more, since it comes up once a refresh, and a refresh in which less
/// becomes final than grows old would never end.
const AGED: usize = 32;

/// Plans for one stream whose live sync must cover everything from `since` on.
///
/// Time missed, however long, is planned as few wide windows: there is one live job at most, and it reaches back as
/// far as one answer can. A plan that was accepted leaves nothing to plan at the same instant.
#[must_use]
pub fn plan(now: DateTime<Utc>, since: DateTime<Utc>, rules: &Rules, ledger: &Ledger) -> Plan {
    let oldest = rules.oldest(now).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let (obsolete, open): (Vec<_>, Vec<_>) = ledger.jobs.iter().partition(|job| is_obsolete(job, ledger, oldest));
    let since = since.max(oldest);
    let mut planner = Planner { slot: slot_at(now, rules), oldest, rules, ledger, open, plan: Plan::default() };
    if ledger.parked().is_none()
        && let Some(wanted) = Window::new(since, planner.slot)
    {
        let refresh = ledger.refreshed.is_none_or(|at| wanted.to() - at >= delta(rules.refresh));
        let planned = planner.plan_live(wanted, refresh);
        planner.plan_owed(since, planned && refresh);
    }
    planner.plan_backfills(now);
    planner.plan.obsolete = obsolete.into_iter().map(|job| job.id).collect();
    planner.plan
}

/// The newest live slot that is due at `now`: slots lie `interval` apart, in whole steps, on a grid all schedulers
/// share. Where answers are there for whole units only, it is the end of one that is there.
#[must_use]
pub fn slot_at(now: DateTime<Utc>, rules: &Rules) -> DateTime<Utc> {
    let now = rules.ready_after.map_or(now, |after| rules.floor(now - after));
    let step = millis(if rules.ready_after.is_some() { rules.step.max(rules.granularity) } else { rules.step });
    let grid = (millis(delta(rules.interval)) + step - 1) / step * step;
    let whole = now.timestamp_millis() - now.timestamp_millis().rem_euclid(grid);
    DateTime::from_timestamp_millis(whole).unwrap_or(now)
}

/// When what lies before `slot` can be asked for.
#[must_use]
pub fn due_at(slot: DateTime<Utc>, rules: &Rules) -> DateTime<Utc> {
    slot + rules.ready_after.unwrap_or(TimeDelta::zero())
}

/// The windows that would be asked for, were `remaining` wanted now, newest first: the dry run's answer.
#[must_use]
pub fn windows_for(remaining: &[Window], ledger: &Ledger, rules: &Rules) -> Vec<Window> {
    let width = ledger.pace_for(Purpose::Settle).width(rules);
    remaining.iter().rev().flat_map(|window| cut(*window, width, rules, usize::MAX)).collect()
}

/// A plan in the making.
struct Planner<'a> {
    slot: DateTime<Utc>,
    /// What lies before it cannot be had any more.
    oldest: DateTime<Utc>,
    rules: &'a Rules,
    ledger: &'a Ledger,
    /// The jobs that stand open and somebody waits for.
    open: Vec<&'a Job>,
    plan: Plan,
}

impl Planner<'_> {
    /// One live job for a new slot, unless one is still open: the next then reaches back further (skip and widen).
    fn plan_live(&mut self, wanted: Window, refresh: bool) -> bool {
        let is_old = self.ledger.slot.is_some_and(|planned| wanted.to() <= planned);
        if is_old || self.open.iter().any(|job| job.purpose == Purpose::Live) {
            return false;
        }
        // The newest stretch that is not final, without a break.
        let settled = self.ledger.coverage.settled().windows().iter().copied();
        let Some(tail) = wanted.minus(settled.chain(self.taken())).pop().filter(|tail| tail.to() == wanted.to()) else {
            return false;
        };
        let (newest, _) = tail.newest(self.ledger.pace_for(Purpose::Live).width(self.rules));
        let held = self.ledger.coverage.held().windows().iter();
        let from = match held.map(Window::to).filter(|to| *to <= wanted.to()).max() {
            Some(held) if !refresh => newest.from().max(self.on_step(held - self.rules.overlap)),
            _ => newest.from(),
        };
        let from = self.on_unit(from, wanted.to());
        self.plan.slot = Some(wanted.to());
        self.plan.refreshed = refresh.then_some(wanted.to());
        let window = Window::new(from, wanted.to());
        self.plan
            .jobs
            .extend(window.map(|window| job(Purpose::Live, window, due_at(wanted.to(), self.rules), self.ledger)));
        true
    }

    /// What the live sync owes before its newest stretch: gaps at once, what is held but not final at each refresh.
    /// What one more reading makes final goes before what has to be read again anyway: else, where windows are
    /// narrow, reading would never get beyond the newest few.
    fn plan_owed(&mut self, since: DateTime<Utc>, refresh: bool) {
        let Some(wanted) = Window::new(since, self.until()) else { return };
        let coverage = &self.ledger.coverage;
        let done = if refresh { coverage.settled() } else { coverage.held() };
        let mut owed = wanted.minus(done.windows().iter().copied().chain(self.taken()));
        if refresh {
            owed.splice(0..0, self.unsettled_before(since));
        }
        // On a granularity: the vendor would be asked for the granularity around it twice.
        let horizon = self.rules.floor(self.on_step(wanted.to() - self.rules.settle));
        let old: Vec<_> = owed.iter().filter_map(|part| Window::new(part.from(), part.to().min(horizon))).collect();
        let young: Vec<_> = owed.iter().filter_map(|part| Window::new(part.from().max(horizon), part.to())).collect();
        let windows = if refresh {
            let mut windows = self.newest_first(&old, self.room(Purpose::Settle, AGED));
            let most = self.room(Purpose::Settle, OPEN).saturating_sub(windows.len());
            windows.extend(self.newest_first(&young, most));
            windows.sort_unstable_by(|one, other| other.cmp(one));
            windows
        } else {
            self.newest_first(&owed, self.room(Purpose::Settle, OPEN))
        };
        for window in windows {
            let due = due_at(wanted.to(), self.rules);
            self.plan.jobs.push(job(Purpose::Settle, window, due, self.ledger));
        }
    }

    /// What is held of the time before the live sync begins and is not final: a backfill read it while it was young.
    fn unsettled_before(&self, since: DateTime<Utc>) -> Vec<Window> {
        let settled = self.ledger.coverage.settled().windows();
        let held = self.ledger.coverage.held().windows().iter();
        let before = held.filter_map(|held| Window::new(held.from().max(self.oldest), held.to().min(since)));
        before.flat_map(|held| held.minus(settled.iter().copied().chain(self.taken()))).collect()
    }

    /// What backfills have left to ask for by now: nobody can hold the future.
    fn plan_backfills(&mut self, now: DateTime<Utc>) {
        let unread = self.ledger.unread();
        for backfill in self.ledger.backfills.iter().filter(|backfill| backfill.progress == Progress::Running) {
            let remaining = backfill.remaining(&self.ledger.coverage, self.rules).into_iter();
            let (oldest, until) = (self.oldest, self.until());
            let remaining: Vec<_> =
                remaining.filter_map(|window| Window::new(window.from().max(oldest), window.to().min(until))).collect();
            if remaining.is_empty() {
                // What its lists have named belongs to it.
                if unread.within(backfill.window).is_empty() {
                    self.plan.finished.push(backfill.id);
                }
                continue;
            }
            let purpose = Purpose::Backfill(backfill.id);
            let taken: Spans = self.taken().collect();
            let free: Vec<_> = remaining.iter().flat_map(|window| taken.gaps(*window)).collect();
            for window in self.newest_first(&free, self.room(purpose, OPEN)) {
                self.plan.jobs.push(job(purpose, window, now, self.ledger));
            }
        }
    }

    /// How far others than the live job may ask. What lies after the newest planned slot is the next live job's:
    /// while one is open, however long, the stretch after it grows and then is one window.
    fn until(&self) -> DateTime<Utc> {
        let planned = self.plan.slot.or(self.ledger.slot).filter(|_| self.ledger.parked().is_none());
        planned.map_or(self.slot, |planned| planned.min(self.slot))
    }

    /// How many more jobs of one purpose may be opened. While nothing is known of the rows per day one at a time is
    /// enough. Once the live one has been answered that is one beside it: where polls are rare, or short, one is there
    /// whenever anybody looks, and tells nothing of a day.
    fn room(&self, purpose: Purpose, most: usize) -> usize {
        let open = || self.open.iter().filter(|job| !job.is_parked() && job.slice.window().is_some());
        if self.ledger.pace_for(purpose).rows_per_day.is_none() {
            let is_first = self.ledger.coverage.held().is_empty();
            let counts = |job: &&Job| is_first || job.purpose != Purpose::Live;
            return 1_usize.saturating_sub(open().copied().chain(&self.plan.jobs).filter(counts).count());
        }
        most.saturating_sub(open().filter(|job| job.purpose == purpose).count())
    }

    /// The windows of jobs that stand open already, or are planned.
    fn taken(&self) -> impl Iterator<Item = Window> {
        self.open.iter().copied().chain(&self.plan.jobs).filter_map(|job| job.slice.window())
    }

    fn newest_first(&self, windows: &[Window], most: usize) -> Vec<Window> {
        let width = self.ledger.pace_for(Purpose::Settle).width(self.rules);
        windows.iter().rev().flat_map(|window| cut(*window, width, self.rules, most)).take(most).collect()
    }

    /// Where asking for everything from `from` up to `to` begins: the vendor answers whole units anyway. Further on where
    /// that would be more than one may ask for at once.
    fn on_unit(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
        let floor = self.rules.floor(from);
        if self.rules.ceil(to) - floor <= self.rules.longest { floor } else { self.rules.ceil(from) }
    }

    /// The last instant up to `at` that lies whole steps before the slot.
    fn on_step(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at - TimeDelta::milliseconds((at - self.slot).num_milliseconds().rem_euclid(millis(self.rules.step)))
    }
}

/// Whether nobody works on a job, and it belongs to a backfill that is no longer there, or asks for what the vendor has
/// forgotten in the meantime: what of that can still be had is wanted anew. What waits for a person goes on waiting.
fn is_obsolete(job: &Job, ledger: &Ledger, oldest: DateTime<Utc>) -> bool {
    let is_orphan = match job.purpose {
        Purpose::Backfill(id) => ledger.backfills.iter().all(|backfill| backfill.id != id),
        Purpose::Live | Purpose::Item | Purpose::Settle => false,
    };
    !job.is_running() && (is_orphan || !job.is_parked() && job.is_forgotten(Some(oldest)))
}

/// Equal parts of at most `width`, in whole steps or units, newest first: a span just over the width becomes two halves
/// rather than a wide one and a sliver.
pub(crate) fn cut(window: Window, width: TimeDelta, rules: &Rules, most: usize) -> Vec<Window> {
    let (width, step) = (millis(width), millis(rules.step.max(rules.granularity)));
    let mut parts = Vec::new();
    let mut rest = Some(window);
    while let Some(window) = rest.filter(|_| parts.len() < most) {
        // Counted in what the vendor will look at.
        let end = rules.ceil(window.to());
        let span = millis(end - window.from());
        let count = (span + width - 1) / width;
        let even = (span + count - 1) / count;
        let even = ((even + step - 1) / step * step).min(width);
        let (newest, older) = window.newest(window.to() - (end - TimeDelta::milliseconds(even)));
        parts.push(newest);
        rest = older;
    }
    parts
}

fn millis(span: TimeDelta) -> i64 {
    span.num_milliseconds().max(1)
}

fn job(purpose: Purpose, window: Window, due: DateTime<Utc>, ledger: &Ledger) -> Job {
    Job::new(purpose, Slice::Window(window), due, ledger.pace_for(purpose).expected(window))
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    let year = TimeDelta::days(365);
    TimeDelta::from_std(duration).map_or(year, |delta| delta.min(year))
}
