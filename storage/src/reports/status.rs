//! The state of every account, lane and the queue: the answer of `convosync status`.

use super::queue_depth::{QueueDepth, queue_depth};
use super::webhook_stats::{Webhooks, webhooks};
use crate::accounts::{Account, Accounts};
use crate::snapshot::Snapshot;
use crate::{lanes, ledger};
use chrono::{DateTime, Utc};
use domain::days::{DayCounts, count, days, expiring_days};
use domain::ledger::Ledger;
use domain::live_slot::due_at;
use domain::window::Window;
use entities::streams;
use sea_orm::{DbErr, EntityTrait};
use serde::Serialize;
use utoipa::ToSchema;

/// Everything at a glance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Status {
    /// In the order of the settings.
    pub accounts: Vec<AccountStatus>,
    /// One per credential.
    pub lanes: Vec<LaneStatus>,
    /// All jobs together.
    pub queue: QueueDepth,
}

/// One account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountStatus {
    /// Its name in the settings.
    pub name: String,
    /// The vendor.
    pub source: String,
    /// In one word.
    pub state: Health,
    /// Everything from its `since` up to here is held.
    pub proven_until: DateTime<Utc>,
    /// How far the newest held instant lies behind where the live cadence should have brought it; 0 when on time.
    pub lateness_seconds: i64,
    /// The days since its `since`, today included, over all its streams.
    pub days: DayCounts,
    /// The last failure, while requests fail.
    pub last_error: Option<String>,
    /// The warnings that an operator must handle before data expires.
    pub warnings: Vec<String>,
    /// How many missing days the vendor will soon have forgotten, over all its streams.
    pub days_at_risk: u64,
    /// When the credential ends, where it says so itself.
    pub credential_ends: Option<DateTime<Utc>>,
    /// What has come by webhook of late; absent where nothing has.
    pub webhooks: Option<Webhooks>,
}

/// An account's state in one word, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Waits for a person.
    Parked,
    /// Its requests have failed for longer than a live interval.
    Down,
    /// Behind its cadence.
    Late,
    /// As it should be.
    Ok,
}

/// One lane.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LaneStatus {
    /// An account on it; others with the same credential share it.
    pub account: String,
    /// All accounts on it.
    pub accounts: Vec<String>,
    /// How many requests may be in flight.
    pub width: usize,
    /// How many are.
    pub held: usize,
    /// When it opens again by itself.
    pub closed_until: Option<DateTime<Utc>>,
    /// Why it is closed; without `closed_until`, a person must open it.
    pub closed_reason: Option<String>,
}

/// Behind by this much is not late yet: a poll takes its time.
const LATE: i64 = 60;

/// How everything stands.
///
/// # Errors
/// Returns the database error.
pub async fn status(on: &Snapshot, accounts: &Accounts) -> Result<Status, DbErr> {
    let now = on.now();
    let mut account_statuses = Vec::new();
    for account in accounts.all() {
        let lane = lanes::load(on, &account.source.lane()).await?.map(|(_, lane)| lane);
        let shut = lane.and_then(|lane| lane.closed).filter(|closed| closed.until.is_none());
        account_statuses.push(account_status(on, account, shut.map(|closed| closed.reason), now).await?);
    }
    let mut lanes = Vec::new();
    for spec in accounts.lanes() {
        let Some((_, lane)) = lanes::load(on, &spec.key).await? else { continue };
        let closed = lane.closed.filter(|closed| closed.holds(now));
        lanes.push(LaneStatus {
            account: spec.accounts.first().cloned().unwrap_or_default(),
            accounts: spec.accounts.clone(),
            width: lane.slots.len(),
            held: lane.slots.iter().filter(|slot| slot.until > now).count(),
            closed_until: closed.as_ref().and_then(|closed| closed.until),
            closed_reason: closed.map(|closed| closed.reason),
        });
    }
    Ok(Status { accounts: account_statuses, lanes, queue: queue_depth(on, now).await? })
}

async fn account_status(
    on: &Snapshot,
    account: &Account,
    shut: Option<String>,
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
        add(&mut status.days, count(&days(account.view(&ledger, now), first, today)));
        status.proven_until = status.proven_until.min(account.proven_until(&ledger, since));
        let ready = due_at(newest(&ledger, since), rules);
        let late = (now - ready - interval).num_seconds();
        status.lateness_seconds = status.lateness_seconds.max(late);
        let failing = row.as_ref().and_then(|row| row.failing_since);
        let state = if ledger.parked().is_some() || shut.is_some() {
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
        for warning in account.warnings(&ledger, now) {
            if !status.warnings.contains(&warning) {
                status.warnings.push(warning);
            }
        }
        let parked = ledger.parked().map(str::to_owned);
        status.last_error = shut.clone().or(parked).or(row.and_then(|row| row.last_error)).or(status.last_error);
    }
    Ok(status)
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
