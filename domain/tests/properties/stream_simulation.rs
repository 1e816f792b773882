//! A simulation of one stream: ticks, answers of every kind and operators' commands, in any order.

use crate::strategies::{DAY, HOUR, at, certainly, rules, window};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::{Backfill, Mode, Progress};
use domain::item::Item;
use domain::job::{Job, JobState};
use domain::judge::Verdict;
use domain::ledger::{AnswerSummary, Ledger};
use domain::plan::Plan;
use domain::planner::plan;
use domain::row_histogram::RowHistogram;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use proptest::sample::Index;
use std::time::Duration;

/// An event in the stream's simulation.
#[derive(Clone, Debug)]
pub enum StreamEvent {
    /// A scheduler ticks after this many seconds.
    Tick(i64),
    /// A job gets a reply.
    Answer(Index, Reply),
    /// An operator starts a backfill: the first day, the number of days and the mode.
    Order(i64, i64, Mode),
    /// An operator cancels the oldest backfill.
    Cancel,
    /// An operator retries parked jobs.
    Mend,
}

/// The reply to a job.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A full answer with `rows` rows; `change` is how far into the window, in percent, a row changed.
    RowBatch { rows: u64, change: Option<u32>, items: Vec<u8> },
    /// A full answer in which some rows cannot be parsed.
    Unreadable { items: Vec<u8> },
    /// An answer at the row cap, with rows from the first to the second percent of the window.
    Capped(u8, u8),
    /// The vendor accepts the export; a mail follows.
    Taken,
    /// The vendor is busy with another export.
    Busy,
    /// A time-out after which the window is split.
    TooSlow,
    /// A snooze.
    NotNow,
    /// A failure that is retried.
    Failure,
    /// A refusal that parks the job.
    No,
}

/// A job after its reply was settled.
pub struct SettledJob {
    pub job: Job,
    pub verdict: Verdict,
    pub answer: Option<AnswerSummary>,
    pub before: Ledger,
}

pub struct StreamSimulation {
    pub ledger: Ledger,
    pub rules: Rules,
    pub since: DateTime<Utc>,
    pub now: DateTime<Utc>,
    next_id: i64,
}

pub fn any_stream_event() -> impl Strategy<Value = StreamEvent> {
    let mode = prop::sample::select(vec![Mode::Missing, Mode::All]);
    prop_oneof![
        5 => (1..2 * HOUR).prop_map(StreamEvent::Tick),
        1 => (0..5 * DAY).prop_map(StreamEvent::Tick),
        8 => (any::<Index>(), any_reply()).prop_map(|(which, reply)| StreamEvent::Answer(which, reply)),
        1 => (-40_i64..8, 1_i64..30, mode).prop_map(|(day, days, mode)| StreamEvent::Order(day, days, mode)),
        1 => Just(StreamEvent::Cancel),
        1 => Just(StreamEvent::Mend),
    ]
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let items = || prop::collection::vec(0_u8..4, 0..3);
    let change = prop::option::weighted(0.3, 0_u32..100);
    prop_oneof![
        8 => (0_u64..900, change, items()).prop_map(|(rows, change, items)| Reply::RowBatch { rows, change, items }),
        1 => items().prop_map(|items| Reply::Unreadable { items }),
        3 => (0_u8..100, 1_u8..=100).prop_map(|(from, to)| Reply::Capped(from, to)),
        2 => Just(Reply::Taken),
        1 => Just(Reply::Busy),
        1 => Just(Reply::TooSlow),
        1 => Just(Reply::NotNow),
        2 => Just(Reply::Failure),
        1 => Just(Reply::No),
    ]
}

/// Rules with steps of a second, an hour or a day, with and without units.
pub fn any_rules() -> impl Strategy<Value = Rules> {
    let step = prop::sample::select(vec![1_i64, 60, HOUR, DAY]);
    let own = (step, 10_u64..2_000, 1_u64..200, 1_i64..90, 2_i64..32, 1_u64..5);
    (own, any_units()).prop_map(|((step, row_cap, minutes, settle, longest, refresh), units)| Rules {
        step: TimeDelta::seconds(step),
        row_cap,
        interval: Duration::from_mins(minutes),
        refresh: Duration::from_mins(minutes * refresh),
        settle: TimeDelta::hours(settle),
        longest: TimeDelta::days(longest),
        overlap: TimeDelta::minutes(settle),
        // In whole steps, as every request is.
        late_filing: if step > HOUR { units.late_filing * 2 } else { units.late_filing },
        ..units
    })
}

/// The rules that concern units.
fn any_units() -> impl Strategy<Value = Rules> {
    let granularity = prop::sample::select(vec![1_i64, 6 * HOUR, DAY, DAY]);
    let ready = prop::option::of((0..30 * HOUR).prop_map(TimeDelta::seconds));
    let export = prop::option::of(Just(certainly().export).prop_map(Option::unwrap));
    let retention = prop::option::weighted(0.4, (5_i64..40).prop_map(TimeDelta::days));
    (granularity, ready, 0_i64..3, retention, export).prop_map(
        |(granularity, ready_after, late_filing, retention, export)| Rules {
            granularity: TimeDelta::seconds(granularity),
            ready_after: ready_after.filter(|_| granularity > 1),
            late_filing: TimeDelta::hours(late_filing * 12),
            retention,
            export: export.filter(|_| granularity > 1),
            ..rules()
        },
    )
}

impl StreamSimulation {
    pub fn new(rules: Rules, days_before: i64) -> Self {
        // The account's days do not begin with the vendor's, and the clock is not on a whole second.
        let begins = if rules.step > TimeDelta::hours(1) { 0 } else { 5 * HOUR };
        let (since, now) = (at(-days_before * DAY - begins), at(0) + TimeDelta::microseconds(456));
        Self { ledger: Ledger::default(), rules, since, now, next_id: 1 }
    }

    /// Plans and accepts the plan as storage does, giving new jobs an id. Returns the earlier ledger and the plan.
    pub fn tick(&mut self, seconds: i64) -> (Ledger, Plan) {
        self.now += TimeDelta::seconds(seconds);
        // Finished backfills are not loaded again.
        self.ledger.backfills.retain(|backfill| backfill.progress != Progress::Done);
        let before = self.ledger.clone();
        let plan = self.plan();
        self.accept(plan.clone());
        (before, plan)
    }

    pub fn plan(&self) -> Plan {
        plan(self.now, self.since, &self.rules, &self.ledger)
    }

    pub fn accept(&mut self, plan: Plan) {
        self.ledger.accept(plan);
        self.store();
    }

    fn store(&mut self) {
        for job in self.ledger.jobs.iter_mut().filter(|job| job.id == 0) {
            job.id = self.next_id;
            self.next_id += 1;
        }
    }

    /// Settles one open job; `None` if there is none or the reply does not fit it.
    pub fn answer(&mut self, which: Index, reply: &Reply) -> Option<SettledJob> {
        let open: Vec<&Job> = self.ledger.jobs.iter().filter(|job| !job.is_parked()).collect();
        let job = (*open.get(which.index(open.len().max(1)))?).clone();
        let (verdict, answer) = self.verdict(&job, reply)?;
        // A worker runs the job meanwhile.
        for open in self.ledger.jobs.iter_mut().filter(|open| open.id == job.id) {
            open.state = JobState::Running { until: self.now + TimeDelta::seconds(60) };
        }
        let before = self.ledger.clone();
        self.ledger.settle(job.id, &verdict, answer.as_ref(), &self.rules, self.now);
        self.store();
        Some(SettledJob { job, verdict, answer, before })
    }

    fn verdict(&self, job: &Job, reply: &Reply) -> Option<(Verdict, Option<AnswerSummary>)> {
        let later = self.now + TimeDelta::seconds(30);
        let is_export = matches!(job.slice, Slice::Export(_));
        let is_asked = matches!(job.slice, Slice::Window(_));
        let can_split = is_asked && job.slice.window().is_some_and(|window| self.rules.halves(window).is_some());
        Some(match reply {
            Reply::RowBatch { rows, change, items } => {
                let change = change.zip(job.slice.window()).map(|(share, window)| {
                    window.from()
                        + TimeDelta::seconds((window.span() * i32::try_from(share).unwrap() / 100).num_seconds())
                });
                (Verdict::Commit, Some(self.summary(*rows, change, items)))
            }
            Reply::Unreadable { .. } if is_export => return None,
            Reply::Unreadable { items } => (Verdict::Recheck(later), Some(self.summary(5, None, items))),
            Reply::Capped(from, to) if can_split => (Verdict::Split, Some(self.capped(job, *from, *to))),
            Reply::TooSlow if can_split => (Verdict::Split, None),
            Reply::Capped(..) if is_asked && self.rules.export.is_some() => {
                (Verdict::Export, Some(self.summary(self.rules.row_cap, None, &[])))
            }
            Reply::Taken if is_export => {
                (Verdict::Await(self.now + TimeDelta::hours(6)), Some(self.summary(0, None, &[])))
            }
            Reply::Busy if is_export => (Verdict::Await(later), None),
            Reply::Capped(..) | Reply::TooSlow | Reply::Taken | Reply::Busy => return None,
            Reply::NotNow => (Verdict::Snooze(later), None),
            Reply::Failure => (Verdict::Retry(later), None),
            Reply::No => (Verdict::Park("no".to_owned()), None),
        })
    }

    fn summary(&self, rows: u64, earliest_change: Option<DateTime<Utc>>, items: &[u8]) -> AnswerSummary {
        // A worker sends a request after the slot for which the job was planned.
        let sent_at = (self.now - TimeDelta::seconds(2)).max(self.ledger.slot.unwrap_or(self.now));
        let item = |item: &u8| Item {
            slice: Slice::Item(item.to_string()),
            scope: Some(window(i64::from(*item) * HOUR, i64::from(*item) * HOUR + 1)),
            seen_version: None,
            has_ended: false,
        };
        let items = items.iter().map(item).collect::<Vec<_>>().into();
        AnswerSummary {
            sent_at,
            elapsed: Duration::from_secs(2),
            rows,
            earliest_change,
            items,
            named: 0,
            is_over_budget: false,
            item_status: None,
            histogram: None,
        }
    }

    /// An answer at the row cap, with rows evenly spread over a part of the window.
    fn capped(&self, job: &Job, from: u8, to: u8) -> AnswerSummary {
        let window = job.slice.window().unwrap();
        let mut histogram = RowHistogram::new(window, self.now, &self.rules);
        let (from, to) = (i32::from(from.min(to)), i32::from(from.max(to)));
        let rows = i32::try_from(self.rules.row_cap).unwrap();
        let (begins, span) = (window.from() + window.span() / 100 * from, window.span() / 100 * (to - from) / rows);
        (0..rows).for_each(|row| histogram.add(begins + span * row));
        AnswerSummary { histogram: Some(histogram), ..self.summary(self.rules.row_cap, None, &[]) }
    }

    pub fn order(&mut self, day: i64, days: i64, mode: Mode) -> i64 {
        let id = self.next_id;
        self.next_id += 1;
        let window = window(day * DAY, (day + days) * DAY);
        let progress = Progress::Running;
        let answered = domain::spans::Spans::default();
        self.ledger.backfills.push(Backfill {
            id,
            window,
            mode,
            ordered_at: self.now,
            progress,
            answered,
            windows_done: 0,
            items_done: 0,
            rows: 0,
        });
        id
    }

    /// Applies an event whose result the property does not check.
    pub fn happen(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Tick(seconds) => drop(self.tick(*seconds)),
            StreamEvent::Answer(which, reply) => drop(self.answer(*which, reply)),
            StreamEvent::Order(day, days, mode) => drop(self.order(*day, *days, *mode)),
            StreamEvent::Cancel if !self.ledger.backfills.is_empty() => drop(self.ledger.backfills.remove(0)),
            StreamEvent::Cancel => {}
            StreamEvent::Mend => {
                for job in self.ledger.jobs.iter_mut().filter(|job| job.is_parked()) {
                    job.state = JobState::Waiting;
                }
            }
        }
    }

    /// Answers every open window in full, one second apart, with `per_day` rows a day; returns their number.
    pub fn answer_all(&mut self, per_day: u64) -> usize {
        let open: Vec<Job> = self.ledger.jobs.iter().filter(|job| !job.is_parked()).cloned().collect();
        for job in &open {
            self.now += TimeDelta::seconds(1);
            let looked = job.slice.window().map(|window| self.scanned(window));
            let span = looked.map_or(0, |window| window.span().num_seconds());
            let rows = per_day * u64::try_from(span).unwrap() / 86_400;
            let answer = self.summary(rows, None, &[]);
            let verdict = match job.slice {
                Slice::Window(window) if rows >= self.rules.row_cap => {
                    if self.rules.halves(window).is_some() {
                        Verdict::Split
                    } else {
                        Verdict::Export
                    }
                }
                _ => Verdict::Commit,
            };
            self.ledger.settle(job.id, &verdict, Some(&answer), &self.rules, self.now);
            self.store();
        }
        open.len()
    }

    /// What the vendor scans for a request for `window` sent now.
    fn scanned(&self, window: Window) -> Window {
        let whole = self.rules.expand(window);
        Window::new(whole.from(), whole.to().min(self.now.max(window.to()))).unwrap()
    }
}
