//! The accounts in force: the list that scheduler, workers, server and command line read.

use crate::lanes::LaneSpec;
use crate::ledger::StreamId;
use chrono::{DateTime, NaiveDate, Utc};
use domain::days::{DaysView, EXPIRY_WARNING, expiring_days};
use domain::ledger::Ledger;
use domain::live_slot::slot_at;
use domain::source::Source;
use domain::window::{Window, midnight};
use entities::rows::RowBatch;
use std::sync::Arc;

/// One account: how to ask, and from when on its live sync must be complete.
#[derive(Clone)]
pub struct Account {
    /// How to ask.
    pub source: Arc<dyn Source<RowBatch>>,
    /// The first day of the live sync, where the settings say one.
    pub since: Option<NaiveDate>,
}

/// All accounts, and the lanes they share.
#[derive(Clone, Default)]
pub struct Accounts {
    accounts: Vec<Account>,
    lanes: Vec<LaneSpec>,
}

impl Accounts {
    /// Of these accounts. Accounts with one credential share one lane, under the strictest rules among them.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        let mut lanes: Vec<LaneSpec> = Vec::new();
        for account in &accounts {
            let spec = lane_of(account.source.as_ref());
            match lanes.iter_mut().find(|lane| lane.key == spec.key) {
                Some(lane) => join(lane, spec),
                None => lanes.push(spec),
            }
        }
        Self { accounts, lanes }
    }

    /// The accounts, as the settings list them.
    #[must_use]
    pub fn all(&self) -> &[Account] {
        &self.accounts
    }

    /// The lanes.
    #[must_use]
    pub fn lanes(&self) -> &[LaneSpec] {
        &self.lanes
    }

    /// The account `name`.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.source.account() == name)
    }

    /// The lane of the account `name`.
    #[must_use]
    pub fn lane(&self, name: &str) -> Option<&LaneSpec> {
        self.lanes.iter().find(|lane| lane.accounts.iter().any(|account| account == name))
    }
}

impl Account {
    /// Its streams, as the ledger knows them.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamId> {
        let id = |stream: domain::source::Stream| StreamId {
            account: self.source.account().to_owned(),
            stream: stream.name,
            source: self.source.vendor().to_owned(),
        };
        self.source.streams().into_iter().map(id).collect()
    }

    /// What its live sync must cover from: what the settings say; else what was noted when the stream was first seen;
    /// else, now, the day on which answers may still change.
    #[must_use]
    pub fn since(&self, ledger: &Ledger, now: DateTime<Utc>) -> DateTime<Utc> {
        let zone = self.source.zone();
        let unsettled = || (now - self.source.rules().settle).with_timezone(&zone).date_naive();
        match (self.since, ledger.since) {
            (Some(day), _) => midnight(day, zone),
            (None, Some(since)) => since,
            (None, None) => midnight(unsettled(), zone),
        }
    }

    /// One of its streams at `now`, to tell its days.
    #[must_use]
    pub fn view<'a>(&'a self, ledger: &'a Ledger, now: DateTime<Utc>) -> DaysView<'a> {
        let (rules, zone) = (self.source.rules(), self.source.zone());
        DaysView { ledger, rules, zone, now, due: self.due(now) }
    }

    /// What must be asked for to have all of `window`, as far as the vendor has it: some may be filed later than it
    /// happened, and some be forgotten. What is not over yet counts as if it were.
    #[must_use]
    pub fn askable(&self, window: Window, now: DateTime<Utc>) -> Option<Window> {
        let rules = self.source.rules();
        let until = window.to().max((window.to() + rules.late_filing).min(slot_at(now, rules)));
        Window::new(rules.oldest(now).map_or(window.from(), |oldest| window.from().max(oldest)), until)
    }

    /// The warnings that an operator should handle: days that the vendor will soon delete, parked items, an ending credential.
    #[must_use]
    pub fn warnings(&self, ledger: &Ledger, now: DateTime<Utc>) -> Vec<String> {
        let first = self.since(ledger, now).with_timezone(&self.source.zone()).date_naive();
        let days = expiring_days(self.view(ledger, now), first);
        let kept = self.source.rules().retention.map_or(0, |kept| kept.num_days());
        let forgotten = days.first().map(|day| match days.len() {
            1 => format!("{day} is missing, and the vendor keeps {kept} days only"),
            more => format!("{more} days from {day} on are missing, and the vendor keeps {kept} days only"),
        });
        let named = ledger.jobs.iter().filter(|job| job.slice.is_named() && job.is_parked()).count();
        let named = match named {
            0 => None,
            1 => Some("one thing that was named by a list or a webhook waits for a person; see the jobs".to_owned()),
            more => Some(format!("{more} things that were named by lists or webhooks wait for a person; see the jobs")),
        };
        forgotten.into_iter().chain(named).chain(self.ending(now)).collect()
    }

    /// That the credential has ended, or soon will.
    #[must_use]
    pub fn ending(&self, now: DateTime<Utc>) -> Option<String> {
        let end = self.source.credential_expires().filter(|end| *end - now < EXPIRY_WARNING)?;
        let when = end.format("%Y-%m-%d %H:%M UTC");
        Some(if end <= now { format!("the token ended at {when}") } else { format!("the token ends at {when}") })
    }

    /// Everything from `since` up to here is held: what the vendor may still file later is not.
    #[must_use]
    pub fn proven_until(&self, ledger: &Ledger, since: DateTime<Utc>) -> DateTime<Utc> {
        since.max(ledger.effective_coverage().proven_until(since) - self.source.rules().late_filing)
    }

    /// Up to when live work should have asked by `now`: the slot before the newest, which may still be on its way. But a
    /// file that is there and was not fetched is missing: nobody waits a day to be told.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let rules = self.source.rules();
        let slot = slot_at(now, rules);
        if rules.ready_after.is_some() { slot } else { slot - rules.cadence() }
    }
}

fn lane_of(source: &dyn Source<RowBatch>) -> LaneSpec {
    LaneSpec {
        key: source.lane(),
        vendor: source.vendor(),
        accounts: vec![source.account().to_owned()],
        rules: source.rules().clone(),
        zone: source.zone(),
    }
}

fn join(lane: &mut LaneSpec, other: LaneSpec) {
    lane.accounts.extend(other.accounts);
    lane.rules.max_in_flight = lane.rules.max_in_flight.min(other.rules.max_in_flight);
    lane.rules.spacing = lane.rules.spacing.max(other.rules.spacing);
    lane.rules.lease = lane.rules.lease.max(other.rules.lease);
    lane.rules.timeout = lane.rules.timeout.max(other.rules.timeout);
    lane.rules.interval = lane.rules.interval.min(other.rules.interval);
    let rates = [lane.rules.requests_per_second, other.rules.requests_per_second];
    lane.rules.requests_per_second = rates.into_iter().flatten().reduce(f64::min);
    let quotas = [lane.rules.daily_quota, other.rules.daily_quota];
    lane.rules.daily_quota = quotas.into_iter().flatten().min();
}
