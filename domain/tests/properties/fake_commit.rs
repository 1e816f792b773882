//! The commit of the fake database, step by step as storage does it. It checks what must hold after every commit.

use crate::dataset::{Dataset, Row, State};
use crate::fake_store::{Claim, FakeStore};
use crate::fake_vendor::{Reply, SentRow};
use crate::strategies::full_answer;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock_skew::{VendorClock, answered_at};
use domain::coverage::Coverage;
use domain::fault::Fault;
use domain::gone_rows::{StoredRow, newly_gone};
use domain::item::NamedItems;
use domain::job::Job;
use domain::judge::{Answer, Judgement, Verdict};
use domain::ledger::AnswerSummary;
use domain::reopening::{DayChange, day_changes};
use domain::row_changes::RowChanges;
use domain::row_histogram::RowHistogram;
use domain::slice::Slice;
use domain::window::Window;
use std::collections::BTreeSet;
use std::time::Duration;

/// One exchange with the vendor, judged.
pub struct Exchange<'a> {
    pub claimed: &'a Claim,
    pub reply: Reply,
    pub judged: Judgement,
    /// When the request was sent, by the vendor's clock.
    pub sent: DateTime<Utc>,
    /// The vendor's clock, if its answers state it.
    pub vendor_clock: Option<VendorClock>,
}

/// What an answer changes in the table.
#[derive(Default)]
struct Effect {
    earliest_change: Option<DateTime<Utc>>,
    changes: RowChanges,
}

impl Effect {
    fn add(&mut self, at: DateTime<Utc>, is_held: bool) {
        self.changes.add(at);
        if is_held {
            self.earliest_change = self.earliest_change.into_iter().chain([at]).min();
        }
    }
}

impl FakeStore {
    /// Commits an exchange, or nothing if the lease is lost; returns the judgement if it committed. `judge_again` judges an
    /// answer that is not believed.
    pub fn commit(
        &mut self,
        dataset: &Dataset,
        exchange: Exchange<'_>,
        judge_again: impl Fn(Result<&Answer, &Fault>) -> Judgement,
        now: DateTime<Utc>,
    ) -> Option<Judgement> {
        let Exchange { claimed, mut reply, mut judged, sent, vendor_clock } = exchange;
        if !self.lane.is_held(&claimed.lease, now) {
            self.refused += 1;
            return None;
        }
        assert_eq!(self.fences.get(&claimed.lease.slot), Some(&claimed.lease.fence), "an old fence wrote");
        match self.job(claimed.ticket.job) {
            // The clock may have been set forwards and back: the lease ended, a second attempt was made, and the lease holds
            // again. The ledger then takes the first answer, and a changed row of a final day reopens that day.
            _ if vendor_clock.is_some() => {}
            // A mail for an earlier request may have ended the job meanwhile.
            None => assert!(matches!(claimed.job.slice, Slice::Export(_)), "the job is gone"),
            Some(own) => assert!(own.attempt == claimed.ticket.attempt && own.is_running(), "not its own job"),
        }
        let before = self.ledger.coverage.clone();
        let mut effect = self.upsert(&reply.rows);
        if judged.verdict == Verdict::Commit
            && let Slice::Window(window) = claimed.job.slice
            && self.rules.items_per_list.is_none()
            && let Err(fault) = self.find_gone_rows(window, &reply.rows, &mut effect)
        {
            judged = judge_again(Err(&fault));
            reply.answer = Err(fault);
        }
        let items = self.items.to_request(&reply.items, &self.ledger);
        let days = self.changed_days(&claimed.job, effect.changes, &items);
        if let Some(status) = reply.item_status.filter(|_| judged.verdict == Verdict::Commit) {
            self.items.end(&claimed.job, status, now);
        }
        self.items.lend(&mut self.ledger, &claimed.job, &items);
        let answer = reply.answer.as_ref().ok().map(|answer| AnswerSummary {
            elapsed: (reply.at - sent).to_std().unwrap_or_default(),
            earliest_change: effect.earliest_change,
            items,
            named: reply.items.len() as u64,
            is_over_budget: answer.is_over_budget,
            item_status: reply.item_status,
            histogram: self.histogram(claimed, &reply),
            ..full_answer(answered_at(claimed.now, vendor_clock), answer.rows)
        });
        self.verdicts.insert(judged.verdict.as_str());
        self.ledger.settle(claimed.job.id, &judged.verdict, answer.as_ref(), &self.rules, now);
        self.ledger.has_vendor_clock |= vendor_clock.is_some();
        if vendor_clock.is_none_or(|clock| clock.agrees()) {
            self.ledger.forget_future(now, &self.rules);
        }
        for window in days.iter().flat_map(|day| &day.windows) {
            self.ledger.coverage.unsettle(*window);
        }
        self.reopened += u32::try_from(days.iter().filter(|day| day.was_final).count()).unwrap();
        self.store();
        self.lane.release(&claimed.lease, now, reply.idle);
        self.lane.note_result(reply.answer.as_ref().map(|_| ()), claimed.refusals, now);
        if let Some(closure) = &judged.closure {
            self.lane.close(closure.clone());
            self.closed_at = now;
        }
        self.check_fresh(dataset, &before, (sent, reply.at));
        self.check_coverage_ends(vendor_clock);
        Some(judged)
    }

    /// Commits the rows of a mail and the job that it answers.
    pub fn take(&mut self, dataset: &Dataset, id: i64, rows: &[SentRow], sent_at: DateTime<Utc>, now: DateTime<Utc>) {
        let before = self.ledger.coverage.clone();
        let earliest_change = self.upsert(rows).earliest_change;
        let answer =
            AnswerSummary { elapsed: Duration::ZERO, earliest_change, ..full_answer(sent_at, rows.len() as u64) };
        self.ledger.settle(id, &Verdict::Commit, Some(&answer), &self.rules, now);
        self.check_fresh(dataset, &before, (now, now));
    }

    /// The state of a row that the vendor still has, as far as the table knows.
    pub fn state(&self, id: usize) -> Option<State> {
        self.table.get(&id).map(|(_, state)| *state).filter(|_| !self.gone.contains(&id))
    }

    /// The coverage of lists without the spans of their open items.
    pub fn known_coverage(&mut self) -> Coverage {
        self.ledger.items = self.items.sums();
        self.ledger.effective_coverage()
    }

    fn changed_days(&mut self, job: &Job, changes: RowChanges, items: &NamedItems) -> Vec<DayChange> {
        self.ledger.items = self.items.sums();
        let own = job.missing_scope.filter(|_| job.slice.is_named());
        let changes = own.map_or(changes.clone(), |own| changes.outside(own));
        let first: Vec<_> = items.first_fetch.iter().filter_map(|item| item.scope.map(|scope| scope.from())).collect();
        day_changes(&self.ledger, &changes, &first, &self.rules, chrono_tz::America::Bogota)
    }

    fn histogram(&self, claimed: &Claim, reply: &Reply) -> Option<RowHistogram> {
        let mut histogram = RowHistogram::new(claimed.job.slice.window()?, claimed.now, &self.rules);
        reply.rows.iter().for_each(|(_, at, _)| histogram.add(*at));
        Some(histogram)
    }

    /// Upserts rows.
    fn upsert(&mut self, rows: &[SentRow]) -> Effect {
        let mut effect = Effect::default();
        for (id, at, state) in rows {
            let before = self.table.insert(*id, (*at, *state)).map(|(_, state)| state);
            if before != Some(*state) || self.gone.remove(id) {
                effect.add(*at, self.ledger.coverage.held().contains(*at));
            }
        }
        effect
    }

    /// Marks the rows of `window` that a full answer lacks.
    fn find_gone_rows(&mut self, window: Window, rows: &[SentRow], effect: &mut Effect) -> Result<(), Fault> {
        let named: BTreeSet<usize> = rows.iter().map(|(id, ..)| *id).collect();
        let of_window = self.table.iter().filter(|(_, (at, _))| window.contains(*at));
        let (ids, stored): (Vec<usize>, Vec<StoredRow>) = of_window
            .map(|(id, (at, _))| {
                let is_gone = self.gone.contains(id);
                (*id, StoredRow { at: *at, is_gone, is_named: named.contains(id) })
            })
            .unzip();
        let gone = newly_gone(&stored).map_err(|doubt| Fault::Incomplete(format!("{doubt:?}")))?;
        for index in gone {
            self.gone.insert(ids[index]);
            effect.add(stored[index].at, true);
        }
        Ok(())
    }

    /// Checks P3: spans that have just become final equal what the vendor showed during the exchange.
    fn check_fresh(&self, dataset: &Dataset, before: &Coverage, shown: (DateTime<Utc>, DateTime<Utc>)) {
        // A list is final before its items are read.
        if self.rules.items_per_list.is_some() {
            return;
        }
        for settled in self.ledger.coverage.settled().windows() {
            for fresh in before.settled().gaps(*settled) {
                dataset.within(fresh).for_each(|row| self.check_final(row, fresh, shown));
            }
        }
    }

    /// Checks P3 for items: each item of a final span was read after it had ended.
    pub fn check_items(&mut self, dataset: &Dataset) {
        for settled in self.known_coverage().settled().windows() {
            for row in dataset.within(*settled) {
                let held = self.state(row.id);
                assert!(matches!(held, Some(State::Closed | State::Edited)), "the item at {} is {held:?}", row.at);
            }
        }
    }

    fn check_final(&self, row: &Row, window: Window, (sent, at): (DateTime<Utc>, DateTime<Utc>)) {
        let held = self.state(row.id);
        assert!(
            [row.state(sent), row.state(at)].contains(&held),
            "{window} is final, but the row at {} is {held:?}, not {:?}",
            row.at,
            row.state(at)
        );
        assert!(!matches!(held, Some(State::Open(_))), "{window} is final, but the row at {} is {held:?}", row.at);
    }

    /// Checks that coverage never reaches beyond the vendor's clock, as the answers so far have shown it.
    fn check_coverage_ends(&mut self, vendor_clock: Option<VendorClock>) {
        let Some(clock) = vendor_clock else { return };
        self.vendor_time = self.vendor_time.max(clock.first + TimeDelta::seconds(1));
        if let Some(newest) = self.ledger.coverage.held().windows().last() {
            let (end, date) = (newest.to(), self.vendor_time);
            assert!(end <= date, "coverage reaches to {end}, beyond the vendor's {date}");
        }
    }
}
