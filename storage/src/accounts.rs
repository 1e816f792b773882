//! The accounts of the settings and the lanes that they share. Scheduler, worker, server and CLI read this list.

use crate::lanes::LaneSpec;
use crate::ledger::StreamId;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::days::DaysView;
use domain::health::{StreamFacts, StreamHealth, credential_end, stream_health};
use domain::lane::{LaneKey, LaneSecret};
use domain::ledger::Ledger;
use domain::live_slot::slot_at;
use domain::source::Source;
use domain::window::{Window, midnight};
use entities::rows::RowBatch;
use entities::streams;
use std::sync::Arc;

/// One account: its source, and the first day of its live sync.
#[derive(Clone)]
pub struct Account {
    /// The source that builds the account's requests and parses the responses.
    pub source: Arc<dyn Source<RowBatch>>,
    /// The first day of the live sync, in the account's zone; `None` if the settings do not give one.
    pub since: Option<NaiveDate>,
    /// The installation's secret, once the database is open.
    secret: Option<LaneSecret>,
}

/// All accounts, and the lanes that they share.
#[derive(Clone, Default)]
pub struct Accounts {
    accounts: Vec<Account>,
    lanes: Vec<LaneSpec>,
}

impl Accounts {
    /// Builds the list. Accounts with the same credential share one lane, which follows the strictest of their rules.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        let mut lanes: Vec<LaneSpec> = Vec::new();
        for account in &accounts {
            let spec = lane_of(account);
            match lanes.iter_mut().find(|lane| lane.key == spec.key) {
                Some(lane) => join(lane, spec),
                None => lanes.push(spec),
            }
        }
        Self { accounts, lanes }
    }

    /// The same accounts, whose lanes have the names that the installation with this secret stores.
    #[must_use]
    pub fn keyed(self, secret: &LaneSecret) -> Self {
        let keyed = |account: Account| Account { secret: Some(secret.clone()), ..account };
        Self::new(self.accounts.into_iter().map(keyed).collect())
    }

    /// The accounts, in the order of the settings.
    #[must_use]
    pub fn all(&self) -> &[Account] {
        &self.accounts
    }

    /// The lanes, one per credential.
    #[must_use]
    pub fn lanes(&self) -> &[LaneSpec] {
        &self.lanes
    }

    /// Finds the account `name`.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.source.account() == name)
    }

    /// Finds the lane of the account `name`.
    #[must_use]
    pub fn lane(&self, name: &str) -> Option<&LaneSpec> {
        self.lanes.iter().find(|lane| lane.accounts.iter().any(|account| account == name))
    }
}

impl Account {
    /// An account whose lane is not keyed yet: see [`Accounts::keyed`].
    #[must_use]
    pub fn new(source: Arc<dyn Source<RowBatch>>, since: Option<NaiveDate>) -> Self {
        Self { source, since, secret: None }
    }

    /// The key of the account's lane, as the database stores it.
    #[must_use]
    pub fn lane_key(&self) -> LaneKey {
        self.stored(self.source.lane())
    }

    fn stored(&self, key: LaneKey) -> LaneKey {
        match &self.secret {
            Some(secret) => key.keyed(secret),
            None => key,
        }
    }

    /// The identities of the account's streams in the ledger.
    #[must_use]
    pub fn streams(&self) -> Vec<StreamId> {
        let id = |stream: domain::source::Stream| StreamId {
            account: self.source.account().to_owned(),
            stream: stream.name,
            source: self.source.vendor().to_owned(),
        };
        self.source.streams().into_iter().map(id).collect()
    }

    /// The start of the span that the live sync must cover: the setting `since`; without it the start that the ledger
    /// recorded with the stream's first plan; without both the first day whose answers may still change at `now`.
    #[must_use]
    pub fn since(&self, ledger: &Ledger, now: DateTime<Utc>) -> DateTime<Utc> {
        let zone = self.source.zone();
        let unsettled = || (now - self.source.rules().settle).with_timezone(&zone).date_naive();
        match (self.since, ledger.since) {
            (Some(day), _) => midnight(day, zone),
            // A clock that was ahead may have chosen a start that lies in the future.
            (None, Some(since)) if since <= now => since,
            (None, _) => midnight(unsettled(), zone),
        }
    }

    /// Combines a stream's ledger with the account's rules, to compute the completeness of days at `now`.
    #[must_use]
    pub fn view<'a>(&'a self, ledger: &'a Ledger, now: DateTime<Utc>) -> DaysView<'a> {
        let (rules, zone) = (self.source.rules(), self.source.zone());
        DaysView { ledger, rules, zone, now, due: self.due(now) }
    }

    /// The window to request so that `window` becomes complete. It ends later where the vendor files rows late, up to
    /// the newest live slot, and starts later where the vendor has deleted older data. `None` if nothing of it is left.
    /// A window that reaches into the future keeps its end.
    #[must_use]
    pub fn askable(&self, window: Window, now: DateTime<Utc>) -> Option<Window> {
        let rules = self.source.rules();
        let until = window.to().max((window.to() + rules.late_filing).min(slot_at(now, rules)));
        Window::new(rules.oldest(now).map_or(window.from(), |oldest| window.from().max(oldest)), until)
    }

    /// The health of one stream at `now`. `row` is the stream's row, which says since when its requests fail.
    #[must_use]
    pub fn stream_health(
        &self,
        stream: &str,
        ledger: &Ledger,
        row: Option<&streams::Model>,
        now: DateTime<Utc>,
    ) -> StreamHealth {
        stream_health(StreamFacts {
            stream,
            view: self.view(ledger, now),
            since: self.since(ledger, now),
            failing_since: row.and_then(|row| row.failing_since),
            last_error: row.and_then(|row| row.last_error.as_deref()),
            clock_skew: row.and_then(|row| row.clock_skew_seconds).map(TimeDelta::seconds),
        })
    }

    /// The warning that the credential has expired or soon expires, with the next step.
    #[must_use]
    pub fn ending(&self, now: DateTime<Utc>) -> Option<String> {
        let reason = credential_end(self.source.credential_expires(), now)?;
        Some(reason.text(self.source.account()))
    }

    /// The end of the span from `since` that the ledger holds without a gap, less the time by which the vendor files
    /// rows late.
    #[must_use]
    pub fn proven_until(&self, ledger: &Ledger, since: DateTime<Utc>) -> DateTime<Utc> {
        since.max(ledger.effective_coverage().proven_until(since) - self.source.rules().late_filing)
    }

    /// The live slot up to which the live sync should be complete at `now`: the one before the newest, because a worker
    /// may still fetch the newest. For a vendor that publishes a file per slot it is the newest: a published file that
    /// no worker fetched is missing at once.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let rules = self.source.rules();
        let slot = slot_at(now, rules);
        if rules.ready_after.is_some() { slot } else { slot - rules.cadence() }
    }
}

fn lane_of(account: &Account) -> LaneSpec {
    let source = account.source.as_ref();
    LaneSpec {
        key: account.lane_key(),
        vendor: source.vendor(),
        accounts: vec![source.account().to_owned()],
        rules: source.rules().clone(),
        zone: source.zone(),
        quota_group: source.quota_group().map(|group| account.stored(group)),
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
