//! What operators ask: how each account stands, and each of its days.

use crate::database::Database;
use crate::lanes;
use crate::ledger::{self, StreamId};
use crate::roster::{Account, Roster, cadence};
use crate::shape::quoted;
use crate::tables::{requests, streams, wants};
use crate::webhooks::{Webhooks, webhooks};
use chrono::{DateTime, NaiveDate, Utc};
use domain::coverage::Trust;
use domain::days::{DayCounts, at_risk, count, days};
use domain::ledger::Ledger;
use domain::plan::due_at;
use domain::source::Stream;
use domain::window::Window;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Statement, Value,
};
use serde::Serialize;
use std::fmt::Write;

/// Everything at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// In the order of the settings.
    pub accounts: Vec<AccountStatus>,
    /// One per credential.
    pub lanes: Vec<LaneStatus>,
    /// All wants together.
    pub queue: Depth,
}

/// One account.
#[derive(Clone, Debug, Serialize)]
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
    /// What people should look at before it is too late.
    pub warnings: Vec<String>,
    /// How many missing days the vendor will soon have forgotten, over all its streams.
    pub days_at_risk: u64,
    /// When the credential ends, where it says so itself.
    pub credential_ends: Option<DateTime<Utc>>,
    /// What has come by webhook of late; absent where nothing has.
    pub webhooks: Option<Webhooks>,
}

/// An account's state in one word, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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

/// How many wants stand where.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Depth {
    /// Could be asked for now.
    pub due: u64,
    /// Wait for their time.
    pub waiting: u64,
    /// Are being asked for.
    pub running: u64,
    /// Wait for a person.
    pub parked: u64,
    /// How long the oldest due want has been due, in seconds.
    pub oldest_due_seconds: i64,
}

/// One day of one stream.
#[derive(Clone, Debug, Serialize)]
pub struct CoverageDay {
    /// The stream.
    pub stream: String,
    /// The day, as the account's clocks have it.
    pub day: NaiveDate,
    /// How much it can be trusted.
    pub state: Trust,
    /// Rows stored for it.
    pub rows: u64,
    /// Requests whose window touched it.
    pub requests: u64,
    /// Why it is not final.
    pub reason: Option<String>,
}

/// Behind by this much is not late yet: a poll takes its time.
const LATE: i64 = 60;

/// How everything stands.
///
/// # Errors
/// What the database says.
pub async fn status(db: &Database, roster: &Roster) -> Result<Status, DbErr> {
    let on = db.connection();
    let now = db.now(on).await?;
    let mut accounts = Vec::new();
    for account in roster.accounts() {
        let lane = lanes::load(on, &account.source.lane()).await?.map(|(_, lane)| lane);
        let shut = lane.and_then(|lane| lane.closed).filter(|closed| closed.until.is_none());
        accounts.push(account_status(on, account, shut.map(|closed| closed.reason), now).await?);
    }
    let mut lanes = Vec::new();
    for spec in roster.lanes() {
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
    Ok(Status { accounts, lanes, queue: depth(on, now).await? })
}

/// How many wants stand where.
///
/// # Errors
/// What the database says.
pub async fn depth(on: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Depth, DbErr> {
    let rows: Vec<(String, DateTime<Utc>)> = wants::Entity::find()
        .select_only()
        .columns([wants::Column::Standing, wants::Column::DueAt])
        .into_tuple()
        .all(on)
        .await?;
    let mut depth = Depth::default();
    for (standing, due) in rows {
        match standing.as_str() {
            "running" => depth.running += 1,
            "awaiting" => depth.waiting += 1,
            "parked" => depth.parked += 1,
            _ if due > now => depth.waiting += 1,
            _ => {
                depth.due += 1;
                depth.oldest_due_seconds = depth.oldest_due_seconds.max((now - due).num_seconds());
            }
        }
    }
    Ok(depth)
}

/// Each stream and day of `account` from `first` to `last`, both included.
///
/// # Errors
/// What the database says.
pub async fn coverage(
    db: &Database,
    account: &Account,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<Vec<CoverageDay>, DbErr> {
    let on = db.connection();
    let now = db.now(on).await?;
    let zone = account.source.zone();
    let mut found = Vec::new();
    for (id, stream) in account.streams().iter().zip(account.source.streams()) {
        let ledger = ledger::load(on, id).await?;
        for day in days(account.view(&ledger, now), first, last) {
            let Some(window) = Window::of_day(day.day, zone) else { continue };
            found.push(CoverageDay {
                stream: id.stream.clone(),
                day: day.day,
                state: day.state,
                rows: rows_in(on, &stream, id, window).await?,
                requests: requests_in(on, id, window).await?,
                reason: day.reason,
            });
        }
    }
    Ok(found)
}

/// The first and the last day on which `account` owes anything: from its `since`, or the earliest day held, to today.
///
/// # Errors
/// What the database says.
pub async fn span(db: &Database, account: &Account) -> Result<(NaiveDate, NaiveDate), DbErr> {
    let on = db.connection();
    let now = db.now(on).await?;
    let day = |at: DateTime<Utc>| at.with_timezone(&account.source.zone()).date_naive();
    let mut first = day(now);
    for id in account.streams() {
        let ledger = ledger::load(on, &id).await?;
        let held = ledger.coverage.held().windows().first().map(|window| day(window.from()));
        first = first.min(day(account.since(&ledger, now))).min(held.unwrap_or(first));
    }
    Ok((first, day(now)))
}

async fn account_status(
    on: &impl ConnectionTrait,
    account: &Account,
    shut: Option<String>,
    now: DateTime<Utc>,
) -> Result<AccountStatus, DbErr> {
    let (zone, rules) = (account.source.zone(), account.source.rules());
    let interval = cadence(rules);
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
        credential_ends: account.source.credential_ends(),
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
        status.days_at_risk += at_risk(account.view(&ledger, now), first).len() as u64;
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

/// The question for the rows of a stream whose instant lies in `window`. The names come from the sources, never from
/// people.
pub(crate) fn counting(stream: &Stream, id: &StreamId, window: Window) -> (String, Vec<Value>) {
    let (table, at) = (quoted(stream.table), quoted(stream.at));
    let mut sql = format!("SELECT COUNT(*) AS rows FROM {table} WHERE account = $1 AND {at} >= $2 AND {at} < $3");
    let mut values: Vec<Value> = vec![id.account.as_str().into(), window.from().into(), window.to().into()];
    if let Some(part) = stream.part {
        let _ = write!(sql, " AND {} = $4", quoted(part));
        values.push(id.stream.as_str().into());
    }
    (sql, values)
}

async fn rows_in(on: &impl ConnectionTrait, stream: &Stream, id: &StreamId, window: Window) -> Result<u64, DbErr> {
    let (sql, values) = counting(stream, id, window);
    let row = on.query_one_raw(Statement::from_sql_and_values(on.get_database_backend(), sql, values)).await?;
    let rows: i64 = row.map_or(Ok(0), |row| row.try_get("", "rows"))?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

async fn requests_in(on: &impl ConnectionTrait, id: &StreamId, window: Window) -> Result<u64, DbErr> {
    requests::Entity::find()
        .filter(requests::Column::Account.eq(&id.account))
        .filter(requests::Column::Stream.eq(&id.stream))
        .filter(requests::Column::FromAt.lt(window.to()))
        .filter(requests::Column::ToAt.gt(window.from()))
        .count(on)
        .await
}
