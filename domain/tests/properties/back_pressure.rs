//! Properties of lists that name items: a backfill lists no further than its lane fetches, and live work does not wait.

use crate::strategies::{DAY, HOUR, at, often, rules, running_backfill, window};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Progress;
use domain::item::{Item, ItemStatus};
use domain::item_backlog::{ItemBacklog, ItemBucket, ItemCounts};
use domain::job::{Job, Purpose};
use domain::judge::{Answer, JudgeContext, Verdict, judge};
use domain::ledger::{AnswerSummary, Ledger};
use domain::planner::plan;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

/// Rules like Truora's: 5 requests a second, so that a minute is 300 items.
fn list_rules() -> Rules {
    Rules {
        items_per_list: Some(100),
        max_in_flight: 4,
        spacing: Duration::from_millis(800),
        requests_per_second: Some(5.0),
        row_cap: u64::MAX,
        ..rules()
    }
}

/// A ledger with a running backfill of ten days, a known density and `untried` unread items.
fn ledger(untried: u64, per_day: f64) -> Ledger {
    let mut ledger = Ledger { backfills: vec![running_backfill(1, window(-20 * DAY, -10 * DAY))], ..Ledger::default() };
    ledger.coverage.hold(window(-2 * DAY, 0));
    ledger.pace.rows_per_day = Some(per_day);
    let bucket = window(-19 * DAY, -19 * DAY + 900);
    let counts = ItemCounts { unread: untried, untried, ..ItemCounts::default() };
    let bucket = ItemBucket { window: bucket, unread: Some(bucket), missing: Some(bucket), blocked: None, counts };
    ledger.items = ItemBacklog { buckets: Vec::from_iter((untried > 0).then_some(bucket)) };
    ledger
}

fn of(purpose: Purpose, ledger: &Ledger, rules: &Rules) -> Vec<Window> {
    let planned = plan(at(HOUR), at(-2 * DAY), rules, ledger).jobs;
    planned.iter().filter(|job| job.purpose == purpose).filter_map(|job| job.slice.window()).collect()
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn a_backfill_lists_one_window_while_few_items_wait(untried in 0_u64..600, per_day in 50.0..5_000.0) {
        let (rules, ledger) = (list_rules(), ledger(untried, per_day));
        prop_assert_eq!(rules.items_per_minute(), 300);
        let listed = of(Purpose::Backfill(1), &ledger, &rules);
        prop_assert_eq!(listed.len(), usize::from(untried < 300), "{:?}", listed);
        prop_assert_eq!(of(Purpose::Live, &ledger, &rules).len(), 1, "live work does not wait for items");
        for window in listed {
            let expected = window.span().as_seconds_f64() / 86_400.0 * per_day;
            prop_assert!(expected <= 100.0 || window.span() == rules.step, "{} items in one list", expected);
        }
    }

    #[test]
    fn a_source_without_items_plans_as_before(per_day in 50.0..5_000.0) {
        let rules = Rules { items_per_list: None, row_cap: 1_000, ..list_rules() };
        prop_assert!(!of(Purpose::Backfill(1), &ledger(10_000, per_day), &rules).is_empty());
    }

    #[test]
    fn an_exchange_over_its_budget_is_split(rows in 0_u64..900, hours in 1_i64..500) {
        let job = Job::new(Purpose::Backfill(1), Slice::Window(window(0, hours * HOUR)), at(0), Duration::ZERO);
        let answer = Answer { rows, rejects: 0, by_mail: false, is_over_budget: true, open_until: None };
        let at = JudgeContext { now: at(900 * HOUR), next_day: at(999 * HOUR), jitter: 0.5, previous_request_answered: true, refusals: 0 };
        prop_assert_eq!(judge(&list_rules(), &job, Ok(&answer), at).verdict, Verdict::Split);
    }
}

proptest! {
    // A case is a whole backfill.
    #![proptest_config(ProptestConfig { cases: 24, ..often() })]

    #[test]
    fn a_backfill_ends_and_never_names_more_than_it_fetches(per_day in 20_i64..900, seed in 0_i64..1_000) {
        let mut stream = ListStream::new(per_day, seed);
        let most = (0..4_000).map(|_| stream.step()).take_while(Option::is_some).flatten().max();
        prop_assert!(stream.ledger.backfills.is_empty(), "the backfill has not ended: {:?}", stream.ledger.coverage);
        // A minute of items, and those of one more list, which may hold twice what was expected.
        prop_assert!(most.unwrap_or(0) <= 300 + 200, "{:?} items waited", most);
        let held = stream.ledger.effective_coverage();
        prop_assert!(held.held().covers(window(-12 * DAY, -2 * DAY)));
    }
}

/// A stream whose lists name an item every few minutes.
struct ListStream {
    ledger: Ledger,
    rules: Rules,
    now: DateTime<Utc>,
    every: i64,
    shift: i64,
    next_id: i64,
}

impl ListStream {
    fn new(per_day: i64, seed: i64) -> Self {
        let mut ledger =
            Ledger { backfills: vec![running_backfill(1, window(-12 * DAY, -2 * DAY))], ..Ledger::default() };
        ledger.coverage.settle(window(-2 * DAY, 0));
        Self { ledger, rules: list_rules(), now: at(60), every: DAY / per_day, shift: seed, next_id: 1 }
    }

    /// Plans, reads the newest list, then fetches four seconds' items. Returns the number of unread items; `None` once the
    /// backfill has ended.
    fn step(&mut self) -> Option<u64> {
        self.now += TimeDelta::seconds(4);
        let plan = plan(self.now, at(-2 * DAY), &self.rules, &self.ledger);
        self.ledger.accept(plan);
        self.ledger.backfills.retain(|backfill| backfill.progress != Progress::Done);
        for job in self.ledger.jobs.iter_mut().filter(|job| job.id == 0) {
            job.id = self.next_id;
            self.next_id += 1;
        }
        let list = self.ledger.jobs.iter().find(|job| job.slice.window().is_some()).cloned();
        if let Some(job) = list {
            let items = self.items(job.slice.window().unwrap());
            self.settle(&job, items, None);
        }
        self.ledger.jobs.iter_mut().filter(|job| job.id == 0).zip(self.next_id..).for_each(|(job, id)| job.id = id);
        self.next_id += 10_000;
        let waiting = self.ledger.untried_items();
        let fetched: Vec<Job> = self.ledger.jobs.iter().filter(|job| job.slice.is_named()).take(20).cloned().collect();
        for job in fetched {
            self.settle(&job, Vec::new(), Some(ItemStatus::default()));
        }
        (!self.ledger.backfills.is_empty()).then_some(waiting)
    }

    fn items(&self, list: Window) -> Vec<Item> {
        let (from, to) = ((list.from() - at(0)).num_seconds(), (list.to() - at(0)).num_seconds());
        let first = (from - self.shift).div_euclid(self.every) + 1;
        let starts = (first..).map(|number| number * self.every + self.shift).take_while(|start| *start < to);
        starts
            .map(|start| Item {
                slice: Slice::Item(start.to_string()),
                scope: Some(window(start, start + 1)),
                seen_version: None,
                has_ended: false,
            })
            .collect()
    }

    fn settle(&mut self, job: &Job, items: Vec<Item>, item_status: Option<ItemStatus>) {
        let answer = AnswerSummary {
            sent_at: self.now,
            elapsed: Duration::from_millis(300),
            rows: u64::from(item_status.is_some()),
            earliest_change: None,
            named: items.len() as u64,
            items: items.into(),
            is_over_budget: false,
            item_status,
            histogram: None,
        };
        self.ledger.settle(job.id, &Verdict::Commit, Some(&answer), &self.rules, self.now);
    }
}
