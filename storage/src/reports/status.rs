//! The state of every account, lane and the queue: the answer of `convosync status`.

use super::queue_depth::{QueueDepth, queue_depth};
use super::webhook_stats::{Webhooks, webhooks};
use crate::accounts::{Account, Accounts};
use crate::lanes::quota::quota_counts;
use crate::snapshot::Snapshot;
use crate::{lanes, ledger};
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock_skew::skew_warning;
use domain::days::{DayCounts, blocked_warning, count, days, expiring_days};
use domain::ledger::Ledger;
use domain::live_slot::due_at;
use domain::window::Window;
use entities::streams;
use sea_orm::{DbErr, EntityTrait};
use serde::Serialize;
use utoipa::ToSchema;

/// The state of the service.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    /// The accounts, in the order of the settings.
    pub accounts: Vec<AccountStatus>,
    /// The lanes, one per credential.
    pub lanes: Vec<LaneStatus>,
    /// The jobs of all accounts, by state.
    pub queue: QueueDepth,
}

/// The state of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountStatus {
    /// The account's name in the settings.
    pub name: String,
    /// The vendor's name.
    pub source: String,
    /// The worst state of the account's streams.
    pub state: Health,
    /// The end of the span from `since` that all streams hold without a gap.
    pub proven_until: DateTime<Utc>,
    /// The time by which the newest held instant is later than the live interval allows, in seconds; 0 when on time.
    pub lateness_seconds: i64,
    /// The days from `since` to today by completeness, summed over all streams.
    pub days: DayCounts,
    /// The reason why a day, a job or the lane waits for an operator, or else the latest failure while requests fail.
    pub last_error: Option<String>,
    /// The warnings that an operator must handle: streams that fail, parked items, and data or a token about to expire.
    pub warnings: Vec<String>,
    /// The number of missing days that the vendor will soon delete, over all streams.
    pub days_at_risk: u64,
    /// When the credential expires, if it states so.
    pub credential_ends: Option<DateTime<Utc>>,
    /// The webhooks of the last seven days; absent if none arrived.
    pub webhooks: Option<Webhooks>,
}

/// The state of an account, from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// A day, a job or the lane waits for an operator.
    Parked,
    /// Its requests have failed for longer than a live interval.
    Down,
    /// The live sync is behind its interval.
    Late,
    /// The live sync is on time.
    Ok,
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
}

/// The lateness that is still on time, in seconds, because a poll takes time.
const LATE: i64 = 60;

/// The time from a stream's first failure until `status` warns of it. One failed request is no reason to warn.
const FAILING: TimeDelta = TimeDelta::seconds(30);

/// Reads the state of all accounts, lanes and jobs.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn status(on: &Snapshot, accounts: &Accounts) -> Result<Status, DbErr> {
    let now = on.now();
    let mut account_statuses = Vec::new();
    for account in accounts.all() {
        let lane = lanes::load(on, &account.source.lane()).await?.map(|(_, lane)| lane);
        let closed = lane.and_then(|lane| lane.closed?.next_step(account.source.account()));
        account_statuses.push(account_status(on, account, closed, now).await?);
    }
    let mut lanes = Vec::new();
    for spec in accounts.lanes() {
        let Some((_, lane)) = lanes::load(on, &spec.key).await? else { continue };
        let closed = lane.closed.filter(|closed| closed.holds(now));
        let counts = quota_counts(on, spec, now).await?;
        lanes.push(LaneStatus {
            account: spec.accounts.first().cloned().unwrap_or_default(),
            accounts: spec.accounts.clone(),
            width: lane.slots.len(),
            held: lane.slots.iter().filter(|slot| slot.until > now).count(),
            closed_until: closed.as_ref().and_then(|closed| closed.until),
            closed_reason: closed.map(|closed| closed.reason),
            quota: counts.used_of().map(|(_, quota)| quota),
            quota_used: counts.own.saturating_add(counts.others),
        });
    }
    Ok(Status { accounts: account_statuses, lanes, queue: queue_depth(on, now).await? })
}

async fn account_status(
    on: &Snapshot,
    account: &Account,
    closed_reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<AccountStatus, DbErr> {
    let (zone, rules) = (account.source.zone(), account.source.rules());
    let interval = rules.cadence();
    let mut status = AccountStatus {
        name: account.source.account().to_owned(),
        source: account.source.vendor().to_owned(),
        state: Health::Ok,
        proven_until: now,
        lateness_seconds: 0,
        days: DayCounts::default(),
        last_error: None,
        warnings: Vec::new(),
        days_at_risk: 0,
        credential_ends: account.source.credential_expires(),
        webhooks: webhooks(on, account, now).await?,
    };
    for id in account.streams() {
        let ledger = ledger::load(on, &id).await?;
        let row = streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(on).await?;
        let since = account.since(&ledger, now);
        let (first, today) = (since.with_timezone(&zone).date_naive(), now.with_timezone(&zone).date_naive());
        let days = days(account.view(&ledger, now), first, today);
        add(&mut status.days, count(&days));
        let blocked = blocked_warning(account.view(&ledger, now), &days);
        status.proven_until = status.proven_until.min(account.proven_until(&ledger, since));
        let ready = due_at(newest(&ledger, since), rules);
        let late = (now - ready - interval).num_seconds();
        status.lateness_seconds = status.lateness_seconds.max(late);
        let failing = row.as_ref().and_then(|row| row.failing_since);
        let state = if ledger.parked().is_some() || closed_reason.is_some() || blocked.is_some() {
            Health::Parked
        } else if failing.is_some_and(|since| now - since > interval) {
            Health::Down
        } else if late > LATE {
            Health::Late
        } else {
            Health::Ok
        };
        status.state = status.state.min(state);
        status.days_at_risk += expiring_days(account.view(&ledger, now), first).len() as u64;
        for warning in blocked.iter().cloned().chain(account.warnings(&ledger, now)) {
            if !status.warnings.contains(&warning) {
                status.warnings.push(warning);
            }
        }
        let failure = row.as_ref().and_then(|row| failure_warning(row, state, now));
        status.warnings.extend(failure);
        let skew = row.as_ref().and_then(|row| row.clock_skew_seconds).map(TimeDelta::seconds);
        status.warnings.extend(skew.and_then(|skew| skew_warning(&id.stream, skew)));
        let parked = ledger.parked().map(str::to_owned).or(blocked);
        status.last_error =
            closed_reason.clone().or(parked).or(row.and_then(|row| row.last_error)).or(status.last_error);
    }
    Ok(status)
}

/// The warning that a stream has had no usable answer for longer than [`FAILING`].
fn failure_warning(row: &streams::Model, state: Health, now: DateTime<Utc>) -> Option<String> {
    let since = row.failing_since.filter(|since| now - *since > FAILING)?;
    let next_step = match state {
        Health::Parked => "it waits for an operator, see `convosync jobs list` and `convosync lanes list`",
        Health::Down | Health::Late | Health::Ok => {
            "the worker tries again by itself, and `convosync check` sends one request to test the account"
        }
    };
    Some(format!(
        "account {}, stream {}: no usable answer since {} ({}); {next_step}",
        row.account,
        row.stream,
        since.format("%Y-%m-%d %H:%M:%S UTC"),
        row.last_error.as_deref().unwrap_or("unknown error"),
    ))
}

fn newest(ledger: &Ledger, since: DateTime<Utc>) -> DateTime<Utc> {
    ledger.coverage.held().windows().last().map_or(since, Window::to)
}

fn add(sum: &mut DayCounts, more: DayCounts) {
    sum.r#final += more.r#final;
    sum.provisional += more.provisional;
    sum.missing += more.missing;
    sum.blocked += more.blocked;
}
