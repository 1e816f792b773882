//! Checks the database for contradictions that a correct service never produces.

use crate::accounts::{Account, Accounts};
use crate::database::Database;
use crate::deliveries::DeliveryState;
use crate::ledger;
use crate::retention;
use crate::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use domain::health::Reason;
use domain::lane::LaneClosure;
use domain::ledger::Ledger;
use domain::spans::Spans;
use domain::stalled::stalled_backfills;
use domain::window::Window;
use entities::{coverage, deliveries, jobs, lanes, rejects, requests};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait};

/// A contradiction, and the operator's remedy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// The contradiction.
    pub wrong: String,
    /// The operator's next step.
    pub remedy: String,
}

/// The names of the checks, in the order in which they run.
pub const CHECKS: [&str; 7] = ["clock", "evidence", "backfills", "overlap", "orphans", "lanes", "mailboxes"];

/// Runs all checks and returns their findings.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn examine(db: &Database, accounts: &Accounts) -> Result<Vec<Finding>, DbErr> {
    let mut findings = Vec::new();
    let on = &db.report_snapshot().await?;
    findings.extend(clock(on, db.host_now()));
    let pruned_before = retention::evidence_pruned_before(on).await?;
    for account in accounts.all() {
        for id in account.streams() {
            let ledger = ledger::load(on, &id).await?;
            findings.extend(evidence(on, &id, &ledger, pruned_before).await?);
            findings.extend(stalled(account, &id, &ledger, on.now()));
        }
    }
    findings.extend(overlap(on).await?);
    findings.extend(orphans(on, accounts).await?);
    findings.extend(closed_lanes(on, accounts).await?);
    findings.extend(accounts.all().iter().filter_map(open_mailbox));
    Ok(findings)
}

/// Compares the database's clock with this host's. Leases and windows follow the database's clock, so it must be right.
fn clock(on: &Snapshot, host_now: DateTime<Utc>) -> Option<Finding> {
    let apart = (on.now() - host_now).num_seconds().abs();
    (apart > 30).then(|| Finding {
        check: "clock",
        wrong: format!("the database's clock and this host's are {apart} s apart"),
        remedy: "set both by NTP".to_owned(),
    })
}

/// Finds held windows that no stored request answered in full and no mail or file brought. A window before `pruned_before` may
/// have lost its evidence; what ends later was answered later.
async fn evidence(
    on: &Snapshot,
    id: &ledger::StreamId,
    ledger: &Ledger,
    pruned_before: Option<DateTime<Utc>>,
) -> Result<Vec<Finding>, DbErr> {
    let windows = answered(on, id).await?.into_iter().chain(delivered(on, id).await?);
    let proven: Spans = windows.filter_map(|(from, to)| Window::new(from?, to?)).collect();
    let since = pruned_before.unwrap_or(DateTime::<Utc>::MIN_UTC);
    let held =
        ledger.coverage.held().windows().iter().filter_map(|held| Window::new(Ord::max(held.from(), since), held.to()));
    let unproven = held.flat_map(|held| proven.gaps(held));
    Ok(unproven
        .map(|window| Finding {
            check: "evidence",
            wrong: format!("{} {}: {window} is held, but no answer, mail or file brought it", id.account, id.stream),
            remedy: "start a backfill of these days with --mode all".to_owned(),
        })
        .collect())
}

/// Finds running backfills of which windows are missing, while no job fetches them and the planner adds none.
fn stalled(account: &Account, id: &ledger::StreamId, ledger: &Ledger, now: DateTime<Utc>) -> Vec<Finding> {
    let found = stalled_backfills(now, account.since(ledger, now), account.source.rules(), ledger);
    let finding = |backfill: i64| Finding {
        check: "backfills",
        wrong: format!(
            "{} {}: backfill {backfill} is running and days of it are missing, but no job fetches them and none is planned",
            id.account, id.stream
        ),
        remedy: format!(
            "report this with the output of convosync jobs list; meanwhile cancel it and start it again: convosync backfill \
             cancel {backfill}"
        ),
    };
    found.into_iter().map(finding).collect()
}

/// The two ends of a stored window.
type Ends = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The windows of the requests that the vendor answered in full.
async fn answered(on: &Snapshot, id: &ledger::StreamId) -> Result<Vec<Ends>, DbErr> {
    use requests::Column;
    let find = requests::Entity::find().select_only().columns([Column::FromAt, Column::ToAt]);
    let of_stream = find.filter(Column::Account.eq(&id.account)).filter(Column::Stream.eq(&id.stream));
    of_stream.filter(Column::Verdict.eq("commit")).into_tuple().all(on).await
}

/// The windows of the mails and files that were stored in full. One with rejected rows proves nothing.
async fn delivered(on: &Snapshot, id: &ledger::StreamId) -> Result<Vec<Ends>, DbErr> {
    use deliveries::Column;
    // One transaction stores a delivery and its rejected rows at one instant.
    let rejects = rejects::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(Expr::col((rejects::Entity, rejects::Column::Account)).equals((deliveries::Entity, Column::Account)))
        .filter(Expr::col((rejects::Entity, rejects::Column::Stream)).equals((deliveries::Entity, Column::Stream)))
        .filter(
            Expr::col((rejects::Entity, rejects::Column::RejectedAt)).equals((deliveries::Entity, Column::ReceivedAt)),
        );
    let find = deliveries::Entity::find().select_only().columns([Column::FromAt, Column::ToAt]);
    let of_stream = find.filter(Column::Account.eq(&id.account)).filter(Column::Stream.eq(&id.stream));
    of_stream
        .filter(Column::State.eq(DeliveryState::Committed.as_str()))
        .filter(Expr::not_exists(rejects.into_query()))
        .into_tuple()
        .all(on)
        .await
}

/// Finds an account that believes no mail, because anyone can mail its mailbox.
fn open_mailbox(account: &Account) -> Option<Finding> {
    let name = account.source.account();
    account.source.mailbox().filter(|mailbox| mailbox.policy.believes_nothing()).map(|_| Finding {
        check: "mailboxes",
        wrong: format!(
            "{name} believes no mail: anyone can mail its mailbox, and no setting says which mails are the vendor's"
        ),
        remedy: format!("set accounts.{name}.mailbox_from and accounts.{name}.mailbox_authserv_id"),
    })
}

/// Finds windows of one stream that overlap in `coverage`.
async fn overlap(on: &Snapshot) -> Result<Vec<Finding>, DbErr> {
    let mut rows = coverage::Entity::find().all(on).await?;
    rows.sort_by_key(|row| (row.account.clone(), row.stream.clone(), row.from_at));
    let overlaps = rows.iter().zip(rows.iter().skip(1)).filter(|(window, next)| {
        (&window.account, &window.stream) == (&next.account, &next.stream) && next.from_at < window.to_at
    });
    Ok(overlaps
        .map(|(window, next)| Finding {
            check: "overlap",
            wrong: format!("{} {}: two stored windows overlap at {}", window.account, window.stream, next.from_at),
            remedy: "another program wrote to the table coverage; restore the table from a backup".to_owned(),
        })
        .collect())
}

/// Finds jobs of accounts that the settings no longer name. No worker fetches them.
async fn orphans(on: &Snapshot, accounts: &Accounts) -> Result<Vec<Finding>, DbErr> {
    let rows = jobs::Entity::find().all(on).await?;
    let orphans = rows.iter().filter(|row| accounts.account(&row.account).is_none()).count();
    Ok(Vec::from_iter((orphans > 0).then(|| Finding {
        check: "orphans",
        wrong: format!("{orphans} jobs belong to accounts that are not in the settings"),
        remedy: "add the account to the settings again, or discard the jobs: convosync jobs list, convosync jobs discard".to_owned(),
    })))
}

/// Finds lanes that stay closed until an operator opens them.
async fn closed_lanes(on: &Snapshot, accounts: &Accounts) -> Result<Vec<Finding>, DbErr> {
    let rows = lanes::Entity::find().filter(lanes::Column::ClosedAt.is_not_null()).all(on).await?;
    let account_of = |row: &lanes::Model| {
        accounts.lanes().iter().find(|lane| lane.key.as_str() == row.lane)?.accounts.first().cloned()
    };
    Ok(rows
        .iter()
        .filter(|row| row.closed_until.is_none())
        .filter_map(|row| {
            let closure = LaneClosure { until: None, reason: row.closed_reason.clone().unwrap_or_default() };
            Some((account_of(row)?, Reason::of_closure(&closure)))
        })
        .map(|(account, reason)| Finding {
            check: "lanes",
            wrong: format!("the lane of {account} is closed until an operator opens it: {}", reason.sentence(&account)),
            remedy: reason.next_step(&account),
        })
        .collect())
}
