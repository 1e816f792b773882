//! Contradictions in the database that should never be there.

use crate::database::Database;
use crate::ledger;
use crate::roster::Roster;
use crate::tables::{coverage, lanes, requests, wants};
use domain::spans::Spans;
use domain::window::Window;
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
/// What the database says.
pub async fn examine(db: &Database, roster: &Roster) -> Result<Vec<Finding>, DbErr> {
    let mut found = Vec::new();
    found.extend(clock(db).await?);
    for account in roster.accounts() {
        for id in account.streams() {
            found.extend(evidence(db, &id).await?);
        }
    }
    found.extend(overlap(db).await?);
    found.extend(orphans(db, roster).await?);
    found.extend(shut(db, roster).await?);
    Ok(found)
}

/// Hosts may disagree with the database's clock, which counts; but windows are cut by it, so it should be right.
async fn clock(db: &Database) -> Result<Option<Finding>, DbErr> {
    let apart = (db.now(db.connection()).await? - db.host_now()).num_seconds().abs();
    Ok((apart > 30).then(|| Finding {
        check: "clock",
        wrong: format!("the database's clock and this host's are {apart} s apart"),
        remedy: "set both by NTP".to_owned(),
    }))
}

/// What is held must have been asked for and answered in full.
async fn evidence(db: &Database, id: &ledger::StreamId) -> Result<Vec<Finding>, DbErr> {
    let seen = requests::Entity::find()
        .filter(requests::Column::Account.eq(&id.account))
        .filter(requests::Column::Stream.eq(&id.stream))
        .filter(requests::Column::Verdict.eq("commit"))
        .all(db.connection())
        .await?;
    let seen: Spans = seen.iter().filter_map(|row| Window::new(row.from_at?, row.to_at?)).collect();
    let ledger = ledger::load(db.connection(), id).await?;
    let bare = ledger.coverage.held().windows().iter().flat_map(|held| seen.gaps(*held));
    Ok(bare
        .map(|window| Finding {
            check: "evidence",
            wrong: format!("{} {}: {window} is held, but no request for it was answered", id.account, id.stream),
            remedy: "order a backfill of these days with --mode all".to_owned(),
        })
        .collect())
}

async fn overlap(db: &Database) -> Result<Vec<Finding>, DbErr> {
    let mut rows = coverage::Entity::find().all(db.connection()).await?;
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

/// Wants of accounts that are no longer in the settings are never asked for.
async fn orphans(db: &Database, roster: &Roster) -> Result<Vec<Finding>, DbErr> {
    let rows = wants::Entity::find().all(db.connection()).await?;
    let orphans = rows.iter().filter(|row| roster.account(&row.account).is_none()).count();
    Ok(Vec::from_iter((orphans > 0).then(|| Finding {
        check: "orphans",
        wrong: format!("{orphans} wants belong to accounts that are not in the settings"),
        remedy: "put the account back, or discard them: convosync jobs list".to_owned(),
    })))
}

/// A lane that waits for a person stays shut until somebody opens it.
async fn shut(db: &Database, roster: &Roster) -> Result<Vec<Finding>, DbErr> {
    let rows = lanes::Entity::find().filter(lanes::Column::ClosedAt.is_not_null()).all(db.connection()).await?;
    let named = |row: &lanes::Model| {
        roster.lanes().iter().find(|lane| lane.key.as_str() == row.lane)?.accounts.first().cloned()
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
