//! The completeness of each day of each stream of an account.

use crate::accounts::Account;
use crate::lanes;
use crate::ledger;
use crate::reports::day_counts::{DayCount, DayNumbers};
use crate::snapshot::Snapshot;
use chrono::{DateTime, NaiveDate, Utc};
use domain::coverage::Completeness;
use domain::days::{Day, days, explain_closed_lane, unordered_days};
use domain::health::Reason;
use domain::lane::LaneClosure;
use sea_orm::DbErr;
use serde::Serialize;
use utoipa::ToSchema;

/// One day of one stream.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CoverageDay {
    /// The stream's name.
    pub stream: String,
    /// The day, in the account's zone.
    pub day: NaiveDate,
    /// The completeness of the day.
    pub state: Completeness,
    /// The number of stored rows that the vendor files under the day.
    pub rows: u64,
    /// The number of requests whose window overlaps the day.
    pub requests: u64,
    /// Why the day is not final.
    pub reason: Option<String>,
}

/// Computes the coverage of each stream of `account` on each day from `first` to `last`, both included.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn coverage(
    on: &Snapshot,
    account: &Account,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<Vec<CoverageDay>, DbErr> {
    let now = on.now();
    let zone = account.source.zone();
    let lane = lanes::load(on, &account.lane_key()).await?.map(|(_, lane)| lane);
    let closed = lane.and_then(|lane| lane.closed).filter(LaneClosure::needs_operator);
    let closed = closed.map(|closure| Reason::of_closure(&closure).text(account.source.account()));
    let mut found = Vec::new();
    let Some(numbers) = DayNumbers::new(first, last, zone) else { return Ok(found) };
    for (id, stream) in account.streams().iter().zip(account.source.streams()) {
        let ledger = ledger::load(on, id).await?;
        let counts = numbers.count(on, &stream, id).await?;
        let mut of_stream = days(account.view(&ledger, now), first, last);
        if let Some(reason) = &closed {
            explain_closed_lane(&mut of_stream, account.view(&ledger, now), reason);
        }
        for (from, to) in unordered_days(account.view(&ledger, now), account.since(&ledger, now)) {
            let reason = Reason::DaysUnordered { first: from, last: to }.text(account.source.account());
            let is_in = |day: &&mut Day| (from..=to).contains(&day.day) && day.state == Completeness::Missing;
            of_stream.iter_mut().filter(is_in).for_each(|day| day.reason = Some(reason.clone()));
        }
        for day in of_stream {
            let number = usize::try_from((day.day - first).num_days()).unwrap_or(usize::MAX);
            let DayCount { rows, requests } = counts.get(number).copied().unwrap_or_default();
            found.push(CoverageDay {
                stream: id.stream.clone(),
                day: day.day,
                state: day.state,
                rows,
                requests,
                reason: day.reason,
            });
        }
    }
    Ok(found)
}

/// The first and the last day of an account's coverage: from its `since`, or the earliest held day, to today.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn span(on: &Snapshot, account: &Account) -> Result<(NaiveDate, NaiveDate), DbErr> {
    let now = on.now();
    let day = |at: DateTime<Utc>| at.with_timezone(&account.source.zone()).date_naive();
    let mut first = day(now);
    for id in account.streams() {
        let ledger = ledger::load(on, &id).await?;
        let held = ledger.coverage.held().windows().first().map(|window| day(window.from()));
        first = first.min(day(account.since(&ledger, now))).min(held.unwrap_or(first));
    }
    Ok((first, day(now)))
}
