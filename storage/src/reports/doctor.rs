//! Contradictions in the database that should never be there.

use crate::accounts::Accounts;
use crate::database::Database;
use crate::ledger;
use crate::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use domain::spans::Spans;
use domain::window::Window;
use entities::{coverage, jobs, lanes, requests};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter};

/// Something that is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub remedy: String,
}

/// The checks, by name, in the order they are made.
pub const CHECKS: [&str; 5] = ["clock", "evidence", "overlap", "orphans", "lanes"];

/// Makes every check.
///
/// # Errors
/// Returns the database error.
pub async fn examine(db: &Database, accounts: &Accounts) -> Result<Vec<Finding>, DbErr> {
    let mut found = Vec::new();
    let on = &db.report_snapshot().await?;
    found.extend(clock(on, db.host_now()));
    for account in accounts.all() {
        for id in account.streams() {
            found.extend(evidence(on, &id).await?);
        }
    }
    found.extend(overlap(on).await?);
    found.extend(orphans(on, accounts).await?);
    found.extend(shut(on, accounts).await?);
    Ok(found)
}

/// Hosts may disagree with the database's clock, which counts; but windows are cut by it, so it should be right.
fn clock(on: &Snapshot, host_now: DateTime<Utc>) -> Option<Finding> {
    let apart = (on.now() - host_now).num_seconds().abs();
    (apart > 30).then(|| Finding {
        check: "clock",
        wrong: format!("the database's clock and this host's are {apart} s apart"),
        remedy: "set both by NTP".to_owned(),
    })
}

/// What is held must have been asked for and answered in full.
async fn evidence(on: &Snapshot, id: &ledger::StreamId) -> Result<Vec<Finding>, DbErr> {
    let seen = requests::Entity::find()
        .filter(requests::Column::Account.eq(&id.account))
        .filter(requests::Column::Stream.eq(&id.stream))
        .filter(requests::Column::Verdict.eq("commit"))
        .all(on)
        .await?;
    let seen: Spans = seen.iter().filter_map(|row| Window::new(row.from_at?, row.to_at?)).collect();
    let ledger = ledger::load(on, id).await?;
    let bare = ledger.coverage.held().windows().iter().flat_map(|held| seen.gaps(*held));
    Ok(bare
        .map(|window| Finding {
            check: "evidence",
            wrong: format!("{} {}: {window} is held, but no request for it was answered", id.account, id.stream),
            remedy: "order a backfill of these days with --mode all".to_owned(),
        })
        .collect())
}

async fn overlap(on: &Snapshot) -> Result<Vec<Finding>, DbErr> {
    let mut rows = coverage::Entity::find().all(on).await?;
    rows.sort_by_key(|row| (row.account.clone(), row.stream.clone(), row.from_at));
    let twice = rows
        .iter()
        .zip(rows.iter().skip(1))
        .filter(|(one, next)| (&one.account, &one.stream) == (&next.account, &next.stream) && next.from_at < one.to_at);
    Ok(twice
        .map(|(one, next)| Finding {
            check: "overlap",
            wrong: format!("{} {}: two stored windows overlap at {}", one.account, one.stream, next.from_at),
            remedy: "somebody else wrote into the table coverage; restore it from a backup".to_owned(),
        })
        .collect())
}

/// Jobs of accounts that are no longer in the settings are never asked for.
async fn orphans(on: &Snapshot, accounts: &Accounts) -> Result<Vec<Finding>, DbErr> {
    let rows = jobs::Entity::find().all(on).await?;
    let orphans = rows.iter().filter(|row| accounts.account(&row.account).is_none()).count();
    Ok(Vec::from_iter((orphans > 0).then(|| Finding {
        check: "orphans",
        wrong: format!("{orphans} jobs belong to accounts that are not in the settings"),
        remedy: "put the account back, or discard them: convosync jobs list".to_owned(),
    })))
}

/// A lane that waits for a person stays shut until somebody opens it.
async fn shut(on: &Snapshot, accounts: &Accounts) -> Result<Vec<Finding>, DbErr> {
    let rows = lanes::Entity::find().filter(lanes::Column::ClosedAt.is_not_null()).all(on).await?;
    let named = |row: &lanes::Model| {
        accounts.lanes().iter().find(|lane| lane.key.as_str() == row.lane)?.accounts.first().cloned()
    };
    Ok(rows
        .iter()
        .filter(|row| row.closed_until.is_none())
        .filter_map(|row| Some((named(row)?, row.closed_reason.clone().unwrap_or_default())))
        .map(|(account, reason)| Finding {
            check: "lanes",
            wrong: format!("the lane of {account} waits for a person: {reason}"),
            remedy: format!("mend it, then: convosync lanes open {account}"),
        })
        .collect())
}
