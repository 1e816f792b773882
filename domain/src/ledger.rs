//! One stream's coverage and jobs: the truth that everything else can be rebuilt from.

use crate::backfill::{Backfill, Progress};
use crate::coverage::Coverage;
use crate::item::{ItemStatus, NamedItems};
use crate::job::{Job, JobState, Purpose, Slice};
use crate::judge::Verdict;
use crate::pace::Pace;
use crate::plan::{Plan, cut};
use crate::row_histogram::{Part, RowHistogram};
use crate::rules::Rules;
use crate::spans::Spans;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What is known of one stream. Loaded whole, changed by the functions here, and stored whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// What is held.
    pub coverage: Coverage,
    /// What is asked for and not yet answered.
    pub jobs: Vec<Job>,
    /// Backfills that are running or paused.
    pub backfills: Vec<Backfill>,
    /// What answers have looked like, but for live ones: a busy minute says nothing of last month.
    pub pace: Pace,
    /// The rows per day of live answers.
    pub live_rows_per_day: Option<f64>,
    /// The newest live slot that was planned.
    pub slot: Option<DateTime<Utc>>,
    /// The slot at which the unsettled stretch was last wanted in full.
    pub refreshed: Option<DateTime<Utc>>,
    /// What the live sync covers from, where the settings do not say: set once, when the stream is first seen.
    pub since: Option<DateTime<Utc>>,
}

/// The shortest live answer that says something of the rows per day: a poll at night says nothing of the morning.
const TELLING: TimeDelta = TimeDelta::hours(12);

/// Into how many parts a job is cut again.
const PIECES: i32 = 8;

/// What an answer brought, once its rows are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerSummary {
    /// When the question was sent: the vendor may have answered with the state of that instant.
    pub sent_at: DateTime<Utc>,
    /// From the question to the last byte.
    pub elapsed: Duration,
    /// How many rows it held.
    pub rows: u64,
    /// The earliest instant of a row that is new or changed within what was held before.
    pub earliest_change: Option<DateTime<Utc>>,
    /// What is worth claiming next.
    pub items: NamedItems,
    /// How many things it named, new or not.
    pub named: u64,
    /// What was asked for by its key.
    pub item_status: Option<ItemStatus>,
    /// Where the rows lie in the window that was asked for, where that was looked at.
    pub histogram: Option<RowHistogram>,
}

impl Ledger {
    /// Why the stream waits for a person: a live job of it is parked.
    #[must_use]
    pub fn parked(&self) -> Option<&str> {
        self.jobs.iter().find_map(|job| match (&job.purpose, &job.state) {
            (Purpose::Live, JobState::Parked { reason }) => Some(reason.as_str()),
            _ => None,
        })
    }

    /// The windows that wait for a person.
    #[must_use]
    pub fn blocked(&self) -> Vec<Window> {
        self.jobs.iter().filter(|job| job.is_parked()).filter_map(Job::concerns).collect()
    }

    /// What answers for `purpose` look like. Until its own have come the others' serve: a backfill begins with what the
    /// live sync has learnt.
    #[must_use]
    pub fn pace_for(&self, purpose: Purpose) -> Pace {
        let (own, others) = match purpose {
            Purpose::Live => (self.live_rows_per_day, self.pace.rows_per_day),
            Purpose::Item | Purpose::Settle | Purpose::Backfill(_) => (self.pace.rows_per_day, self.live_rows_per_day),
        };
        Pace { rows_per_day: own.or(others), ..self.pace }
    }

    /// Takes a plan in. A plan accepted twice, or by two schedulers at once, adds nothing the second time; nor does an
    /// old one for a slot that was planned, though its job may be answered by now.
    pub fn accept(&mut self, plan: Plan) {
        let is_old = self.slot.is_some_and(|planned| plan.slot.is_none_or(|slot| slot <= planned));
        for job in plan.jobs {
            let known = self.jobs.iter().any(|open| open.purpose == job.purpose && open.slice == job.slice);
            if !known && (!is_old || job.purpose != Purpose::Live) {
                self.jobs.push(job);
            }
        }
        // Whoever took one up in the meantime is let finish.
        self.jobs.retain(|job| job.id == 0 || job.is_running() || !plan.obsolete.contains(&job.id));
        self.slot = self.slot.max(plan.slot);
        self.refreshed = self.refreshed.max(plan.refreshed);
        for backfill in self.backfills.iter_mut().filter(|backfill| plan.finished.contains(&backfill.id)) {
            backfill.progress = Progress::Done;
        }
    }

    /// What follows from a verdict on the job `id`. Where rows came, `heard` says what they brought.
    pub fn settle(
        &mut self,
        id: i64,
        verdict: &Verdict,
        heard: Option<&AnswerSummary>,
        rules: &Rules,
        now: DateTime<Utc>,
    ) {
        let Some(at) = self.jobs.iter().position(|job| job.id == id) else { return };
        match verdict {
            Verdict::Commit => {
                self.credit(at, heard);
                let job = self.jobs.swap_remove(at);
                if let Some(heard) = heard {
                    self.commit(&job, heard, rules, now);
                }
            }
            Verdict::Split => self.split(at, heard, rules, now),
            Verdict::Export => self.export(at, rules, now),
            Verdict::Await(until) => {
                if let Some(job) = self.jobs.get_mut(at) {
                    // Where nothing was heard the vendor is busy with another question, perhaps an earlier one of ours.
                    if let Some(heard) = heard {
                        job.rechecks += 1;
                        job.failures = 0;
                        job.requested_at = job.requested_at.or(Some(heard.sent_at));
                    }
                    job.state = JobState::Awaiting { until: *until };
                }
            }
            Verdict::Recheck(due) => {
                self.credit(at, heard);
                self.postpone(at, *due, |job| {
                    job.rechecks += 1;
                    job.failures = 0;
                });
                let expected = self.jobs.get(at).map_or(Duration::ZERO, |job| job.expected);
                self.merge(id);
                // A row that cannot be read does not make the others' items worth less.
                if let Some(heard) = heard {
                    self.follow(&heard.items, expected, rules, now);
                }
            }
            Verdict::Snooze(due) => self.postpone(at, *due, |_| {}),
            Verdict::Retry(due) => self.postpone(at, *due, |job| job.failures += 1),
            Verdict::Park(reason) => {
                if let Some(job) = self.jobs.get_mut(at) {
                    job.state = JobState::Parked { reason: reason.clone() };
                }
            }
        }
    }

    fn teach(&mut self, purpose: Purpose, lesson: impl FnOnce(&mut Pace)) {
        let background = self.pace.rows_per_day;
        if purpose == Purpose::Live {
            self.pace.rows_per_day = self.live_rows_per_day;
            lesson(&mut self.pace);
            self.live_rows_per_day = self.pace.rows_per_day;
            self.pace.rows_per_day = background;
        } else {
            lesson(&mut self.pace);
        }
    }

    fn postpone(&mut self, at: usize, due: DateTime<Utc>, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.jobs.get_mut(at) {
            job.due = due;
            job.state = JobState::Waiting;
            change(job);
        }
    }

    /// The window is held. What lies before the horizon (the question's instant less the settle time) is final,
    /// unless this was a re-read that still found something changed there: then only what lies before the change.
    fn commit(&mut self, job: &Job, heard: &AnswerSummary, rules: &Rules, now: DateTime<Utc>) {
        self.follow(&heard.items, job.expected, rules, now);
        let Some(window) = job.slice.window() else {
            self.hold_twin(&job.slice);
            self.look_again(job, heard);
            return;
        };
        self.cover(window, heard, rules);
        let looked = rules.scanned(window, heard.sent_at);
        let is_telling = job.purpose != Purpose::Live || looked.span() >= TELLING;
        let is_export = matches!(job.slice, Slice::Export(_));
        // What a list names fills its pages as rows do.
        let rows = heard.rows + heard.named;
        self.teach(job.purpose, |pace| {
            if is_export {
                // It was asked for in this way because it is like no other.
            } else if is_telling {
                pace.learn(looked, rows, heard.elapsed);
            } else {
                pace.learn_time(rows, heard.elapsed);
            }
        });
        if let Purpose::Backfill(id) = job.purpose
            && let Some(backfill) = self.backfills.iter_mut().find(|backfill| backfill.id == id)
        {
            backfill.answered.add(window);
            backfill.windows_done += 1;
            backfill.rows += heard.rows;
        }
    }

    fn cover(&mut self, window: Window, heard: &AnswerSummary, rules: &Rules) {
        let horizon = heard.sent_at - rules.settle;
        let settled = heard.earliest_change.map_or(horizon, |change| change.min(horizon));
        self.coverage.hold(window);
        // In whole steps: what is left over is asked for again, and must be something one can ask for.
        let millis = (window.to().min(settled) - window.from()).num_milliseconds();
        let whole = TimeDelta::milliseconds(millis - millis.rem_euclid(rules.step.num_milliseconds().max(1)));
        if let Some(window) = Window::new(window.from(), window.from() + whole) {
            self.coverage.settle(window);
        }
    }

    /// All of `window` was brought by hand: nobody waits for it any more.
    pub fn hold(&mut self, window: Window, heard: &AnswerSummary, rules: &Rules, now: DateTime<Utc>) {
        self.follow(&heard.items, Duration::ZERO, rules, now);
        self.cover(window, heard, rules);
        self.jobs.retain(|job| job.is_running() || !job.slice.window().is_some_and(|slice| window.covers(&slice)));
    }

    /// Parts in its place, newest first: as the rows of a full answer say, else halves. The older parts of a live window are
    /// owed like any other stretch: live work stays one job, however dense, and what blocks it blocks no more than
    /// that stretch.
    fn split(&mut self, at: usize, heard: Option<&AnswerSummary>, rules: &Rules, now: DateTime<Utc>) {
        let window = self.jobs.get(at).and_then(|job| job.slice.window());
        let Some((window, (older, newer))) = window.and_then(|window| Some((window, rules.halves(window)?))) else {
            // Nobody should say so; but what was wanted stays wanted.
            return self.postpone(at, now, |job| job.failures += 1);
        };
        let Job { purpose, rechecks, .. } = self.jobs.swap_remove(at);
        self.learn_from_split(purpose, window, heard, rules);
        let is_capped = |heard: &&AnswerSummary| heard.rows >= rules.row_cap;
        let histogram = heard.filter(is_capped).and_then(|heard| heard.histogram.as_ref());
        let rows_per_day = self.pace_for(purpose).rows_per_day.unwrap_or(0.0);
        let halves = [newer, older].map(|window| Part { window, is_full: false });
        let parts =
            histogram.and_then(|histogram| histogram.parts(rules, rows_per_day)).unwrap_or_else(|| halves.to_vec());
        let owed = if purpose == Purpose::Live { Purpose::Settle } else { purpose };
        // The oldest may hold what was left out.
        let known: Vec<Window> = parts.iter().rev().skip(1).map(|part| part.window).collect();
        for (at, Part { window, is_full }) in parts.into_iter().enumerate() {
            let purpose = if at == 0 { purpose } else { owed };
            if is_full && rules.export.is_some() {
                self.add_export(purpose, window, rules, now);
            } else {
                let expected = self.pace_for(purpose).expected(window);
                // What could not be read before is not read in vain again and again.
                self.jobs.push(Job { rechecks, ..Job::new(purpose, Slice::Window(window), now, expected) });
            }
        }
        if histogram.is_some() {
            self.cut_again(owed, &known, rules);
        }
    }

    /// Cuts what nobody has asked for yet as one would by now: it was planned when less was known. What lies side by side is
    /// cut as one, but for `known`, which was cut by what was seen.
    fn cut_again(&mut self, purpose: Purpose, known: &[Window], rules: &Rules) {
        let is_free = |job: &Job| {
            let is_known = |window: Window| known.contains(&window);
            let is_untouched = job.state == JobState::Waiting && job.attempt == 0 && job.failures + job.rechecks == 0;
            job.purpose == purpose && is_untouched && matches!(job.slice, Slice::Window(window) if !is_known(window))
        };
        let (free, kept): (Vec<Job>, Vec<Job>) = std::mem::take(&mut self.jobs).into_iter().partition(is_free);
        self.jobs = kept;
        let windows: Vec<Window> = free.iter().filter_map(|job| job.slice.window()).collect();
        let Some(due) = free.iter().map(|job| job.due).max() else { return };
        for whole in windows.iter().copied().collect::<Spans>().windows() {
            let before = windows.iter().filter(|window| whole.covers(window)).count();
            // A burst makes widths narrow for a while; it must not make one job thousands.
            let least = rules.round_up(rules.expand(*whole).span() / i32::try_from(before).unwrap_or(1) / PIECES);
            let width = self.pace_for(purpose).width(rules).max(least);
            for part in cut(*whole, width, rules, usize::MAX) {
                let same = free.iter().find(|job| job.slice == Slice::Window(part)).cloned();
                let expected = self.pace_for(purpose).expected(part);
                self.jobs.push(same.unwrap_or_else(|| Job::new(purpose, Slice::Window(part), due, expected)));
            }
        }
    }

    fn learn_from_split(&mut self, purpose: Purpose, window: Window, heard: Option<&AnswerSummary>, rules: &Rules) {
        self.teach(purpose, |pace| match heard {
            Some(heard) if heard.rows >= rules.row_cap => {
                match heard.histogram.as_ref().filter(|histogram| histogram.is_cut_off()) {
                    // A full day among others says nothing of them.
                    Some(histogram) => {
                        histogram.whole().into_iter().for_each(|(span, rows)| pace.learn_seen(span, rows))
                    }
                    None => pace.learn_capped(rules.scanned(window, heard.sent_at), heard.rows),
                }
            }
            Some(_) => {}
            None => pace.learn_timeout(),
        });
    }

    /// Wanted as an export, in whole units, once they are over: what the vendor mails is not worth much earlier. It is
    /// owed from then on, also where it was live: live work goes on after it.
    fn export(&mut self, at: usize, rules: &Rules, now: DateTime<Utc>) {
        let Some(window) = self.jobs.get(at).and_then(|job| job.slice.window()) else {
            return self.postpone(at, now, |job| job.failures += 1);
        };
        // A window that cannot be cut and is full says nothing of the others.
        let Job { purpose, .. } = self.jobs.swap_remove(at);
        self.add_export(purpose, window, rules, now);
    }

    fn add_export(&mut self, purpose: Purpose, window: Window, rules: &Rules, now: DateTime<Utc>) {
        let purpose = if purpose == Purpose::Live { Purpose::Settle } else { purpose };
        let mut whole = rules.expand(window);
        // One mail is enough, whoever waits for it: of two questions for the same days none would know which it answers.
        let covers = |other: &Job| matches!(other.slice, Slice::Export(wider) if wider.covers(&whole));
        if self.jobs.iter().any(covers) {
            return;
        }
        // What was not asked for yet and lies beside it comes in one mail: one export at a time, and each takes long. What was
        // handed out may have been asked for by a process that died then: its mail must not answer for more.
        let is_free = |job: &Job| matches!(job.state, JobState::Waiting) && job.attempt == 0;
        let beside = |jobs: &[Job], whole: Window| {
            jobs.iter().enumerate().find_map(|(at, other)| match other.slice {
                Slice::Export(beside) if other.purpose == purpose && is_free(other) && beside.touches(&whole) => {
                    Some((at, beside))
                }
                _ => None,
            })
        };
        while let Some((at, beside)) = beside(&self.jobs, whole) {
            self.jobs.swap_remove(at);
            whole = whole.hull(&beside);
        }
        // What is held already is asked for once more, when it no longer changes.
        let settled = if self.coverage.held().covers(whole) { rules.settle } else { TimeDelta::zero() };
        let due = now.max(whole.to() + settled);
        self.jobs.push(Job::new(purpose, Slice::Export(whole), due, self.pace_for(purpose).expected(window)));
    }
}
