//! The state of every account, lane, process and the queue: the answer of `convosync status`.

use super::queue_depth::{QueueDepth, queue_depth};
use super::webhook_stats::{Webhooks, accounts_with_webhooks, webhooks};
use crate::accounts::{Account, Accounts};
use crate::lanes::quota::quota_counts_among;
use crate::snapshot::Snapshot;
use crate::{lanes, ledger, processes};
use chrono::{DateTime, Utc};
use domain::days::DayCounts;
use domain::health::{
    AccountFacts, AccountHealth, Explanation, Health, InstallationHealth, Reason, account_health, installation_health,
};
use domain::lane::Lane;
use domain::process::{Absence, Process, absence};
use entities::streams;
use sea_orm::{DbErr, EntityTrait};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use utoipa::ToSchema;

/// The state of the service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    /// The health of the whole installation.
    pub health: InstallationHealth,
    /// The accounts, in the order of the settings.
    pub accounts: Vec<AccountStatus>,
    /// The lanes, one per credential.
    pub lanes: Vec<LaneStatus>,
    /// The jobs of all accounts, by state.
    pub queue: QueueDepth,
    /// The processes that have reported themselves within a day, the newest report first.
    pub processes: Vec<ProcessStatus>,
}

/// The state of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountStatus {
    /// The account's name in the settings.
    pub name: String,
    /// The vendor's name.
    pub source: String,
    /// The state that the most severe reason brings.
    pub state: Health,
    /// Why the account is not well, the most severe reason first, each with the operator's next step.
    pub reasons: Vec<Explanation>,
    /// The end of the span from `since` that all streams hold without a gap.
    pub proven_until: DateTime<Utc>,
    /// The time by which the newest held instant is later than the live interval allows, in seconds; 0 when on time.
    pub lateness_seconds: i64,
    /// The days from `since` to today by completeness, summed over all streams.
    pub days: DayCounts,
    /// The most severe reason of the account itself, with the next step, or else the latest failure while requests fail.
    pub last_error: Option<String>,
    /// The account's own reasons in words, without its lateness. What concerns every account is in the health of the
    /// installation.
    pub warnings: Vec<String>,
    /// The number of missing days that the vendor will soon delete, over all streams.
    pub days_at_risk: u64,
    /// When the credential expires, if it states so.
    pub credential_ends: Option<DateTime<Utc>>,
    /// The webhooks of the last seven days; absent if none arrived.
    pub webhooks: Option<Webhooks>,
}

/// The state of a lane.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LaneStatus {
    /// The first account of the lane.
    pub account: String,
    /// All accounts of the lane: they share its credential.
    pub accounts: Vec<String>,
    /// The maximum number of requests in flight.
    pub width: usize,
    /// The number of slots that workers hold.
    pub held: usize,
    /// When the lane opens again by itself.
    pub closed_until: Option<DateTime<Utc>>,
    /// Why the lane is closed. Without `closed_until` an operator must open it.
    pub closed_reason: Option<String>,
    /// The requests a day that the settings or the vendor permit; absent if neither states a quota.
    pub quota: Option<u32>,
    /// Today's requests against the quota, with all credentials of the operation, as far as they are known.
    pub quota_used: u32,
    /// Why the lane is closed, in a sentence with the operator's next step.
    pub closed_because: Option<String>,
}

/// A process of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProcessStatus {
    /// The host's name and the process id.
    pub name: String,
    /// The roles that the process runs: `scheduler`, `worker`, `server`.
    pub roles: Vec<&'static str>,
    /// The host's name.
    pub host: String,
    /// The version of the program.
    pub version: String,
    /// When the process last reported itself.
    pub last_seen_at: DateTime<Utc>,
    /// How long ago that was, in seconds.
    pub last_seen_seconds: i64,
    /// Whether that was recent enough for a process that runs.
    pub is_seen: bool,
}

/// Reads the state of all accounts, lanes, processes and jobs.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn status(on: &Snapshot, accounts: &Accounts) -> Result<Status, DbErr> {
    let now = on.now();
    let processes = processes::list(on).await?;
    let absence = absence(&processes, now);
    let facts = Facts::load(on, absence).await?;
    let mut account_statuses = Vec::new();
    for account in accounts.all() {
        account_statuses.push(account_status(on, account, &facts).await?);
    }
    let states: Vec<Health> = account_statuses.iter().map(|account| account.state).collect();
    Ok(Status {
        health: installation_health(absence, &states),
        accounts: account_statuses,
        lanes: to_statuses(&facts.lanes, accounts, now),
        queue: queue_depth(on, now).await?,
        processes: processes.into_iter().map(|process| process_status(process, now)).collect(),
    })
}

/// Reads the state of all lanes.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn lane_statuses(on: &Snapshot, accounts: &Accounts) -> Result<Vec<LaneStatus>, DbErr> {
    Ok(to_statuses(&lanes::load_all(on).await?, accounts, on.now()))
}

/// What the states of all accounts are derived from, loaded at once: the number of queries does not grow with the accounts.
struct Facts {
    absence: Option<Absence>,
    lanes: Lanes,
    streams: HashMap<(String, String), streams::Model>,
    with_webhooks: BTreeSet<String>,
}

/// The lanes by key.
type Lanes = HashMap<String, (entities::lanes::Model, Lane)>;

impl Facts {
    async fn load(on: &Snapshot, absence: Option<Absence>) -> Result<Self, DbErr> {
        let streams = streams::Entity::find().all(on).await?;
        let streams = streams.into_iter().map(|row| ((row.account.clone(), row.stream.clone()), row)).collect();
        let with_webhooks = accounts_with_webhooks(on, on.now()).await?;
        Ok(Self { absence, lanes: lanes::load_all(on).await?, streams, with_webhooks })
    }
}

fn to_statuses(lanes: &Lanes, accounts: &Accounts, now: DateTime<Utc>) -> Vec<LaneStatus> {
    let mut found = Vec::new();
    for spec in accounts.lanes() {
        let Some((_, lane)) = lanes.get(spec.key.as_str()) else { continue };
        let closed = lane.closed.clone().filter(|closed| closed.holds(now));
        let account = spec.accounts.first().cloned().unwrap_or_default();
        let counts = quota_counts_among(lanes.values().map(|(row, _)| row), spec, now);
        found.push(LaneStatus {
            accounts: spec.accounts.clone(),
            width: lane.slots.len(),
            held: lane.slots.iter().filter(|slot| slot.until > now).count(),
            closed_until: closed.as_ref().and_then(|closed| closed.until),
            closed_because: closed.as_ref().map(|closed| Reason::of_closure(closed).text(&account)),
            closed_reason: closed.map(|closed| closed.reason),
            quota: counts.used_of().map(|(_, quota)| quota),
            quota_used: counts.own.saturating_add(counts.others),
            account,
        });
    }
    found
}

async fn account_status(on: &Snapshot, account: &Account, facts: &Facts) -> Result<AccountStatus, DbErr> {
    let now = on.now();
    let name = account.source.account();
    let mut proven_until = now;
    let mut streams = Vec::new();
    for id in account.streams() {
        let ledger = ledger::load(on, &id).await?;
        let row = facts.streams.get(&(id.account.clone(), id.stream.clone()));
        proven_until = proven_until.min(account.proven_until(&ledger, account.since(&ledger, now)));
        streams.push(account.stream_health(&id.stream, &ledger, row, now));
    }
    let closure = facts.lanes.get(account.lane_key().as_str()).and_then(|(_, lane)| lane.closed.as_ref());
    let credential_ends = account.source.credential_expires();
    let has_webhooks = facts.with_webhooks.contains(name);
    let facts = AccountFacts { now, closure, credential_ends, absence: facts.absence };
    let AccountHealth { state, sum } = account_health(facts, &streams);
    let own = || sum.reasons.iter().filter(|reason| !matches!(reason, Reason::NobodyWorking(_)));
    let worst = own().find(|reason| reason.state() != Health::Ok && !is_described_by_error(reason));
    Ok(AccountStatus {
        name: name.to_owned(),
        source: account.source.vendor().to_owned(),
        state,
        reasons: sum.reasons.iter().map(|reason| reason.explain(name)).collect(),
        proven_until,
        lateness_seconds: sum.lateness_seconds,
        days: sum.days,
        last_error: worst.map(|reason| reason.text(name)).or_else(|| sum.last_error.clone()),
        warnings: own().filter(|reason| !is_lateness(reason)).map(|reason| reason.text(name)).collect(),
        days_at_risk: sum.days_at_risk,
        credential_ends,
        webhooks: if has_webhooks { webhooks(on, account, now).await? } else { None },
    })
}

/// Whether the latest failure says more than the reason: why requests fail, or why the live sync is late.
fn is_described_by_error(reason: &Reason) -> bool {
    matches!(reason, Reason::VendorFails { .. } | Reason::LiveLate { .. })
}

/// Whether the reason is the lateness, which has a field of its own.
fn is_lateness(reason: &Reason) -> bool {
    matches!(reason, Reason::LiveLate { .. })
}

fn process_status(process: Process, now: DateTime<Utc>) -> ProcessStatus {
    ProcessStatus {
        roles: process.roles.iter().map(|role| role.as_str()).collect(),
        last_seen_seconds: (now - process.last_seen_at).num_seconds().max(0),
        is_seen: process.is_seen(now),
        name: process.name,
        host: process.host,
        version: process.version,
        last_seen_at: process.last_seen_at,
    }
}
