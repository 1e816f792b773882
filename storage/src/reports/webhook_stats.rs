//! What has come by webhook of late, and what has not.

use crate::accounts::Account;
use crate::snapshot::Snapshot;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde::Serialize;
use utoipa::ToSchema;

/// An account's webhooks of the last seven days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Webhooks {
    /// Events that were taken, each counted once.
    pub taken: u64,
    /// Things that have ended as no webhook has told: they were found by asking. Absent where webhooks name nothing that
    /// could be asked for.
    pub lost: Option<u64>,
}

/// How far back one looks.
const LATELY: TimeDelta = TimeDelta::days(7);

const TAKEN: &str = "SELECT COUNT(*) AS taken, COUNT(slice_key) AS naming, MIN(received_at) AS first FROM deliveries WHERE \
     account = $1 AND kind = 'webhook' AND received_at >= $2";
/// What began before the first webhook of all may have been told to nobody.
const LOST: &str = "SELECT COUNT(*) AS lost FROM items f WHERE f.account = $1 AND f.began_at >= $2 AND f.ended_at <= $3 AND \
     NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.slice_key = f.slice_key AND d.account = f.account AND d.kind = \
     'webhook' AND (f.version_at IS NULL OR d.version_at >= f.version_at))";

/// Those of `account` up to `now`; `None` where none has come. What has just ended may still be told: it counts as lost when
/// one would look at it again.
///
/// # Errors
/// Returns the database error.
pub async fn webhooks(on: &Snapshot, account: &Account, now: DateTime<Utc>) -> Result<Option<Webhooks>, DbErr> {
    let ask = async |sql: &str, values: Vec<Value>| {
        on.query_one_raw(Statement::from_sql_and_values(on.get_database_backend(), sql, values)).await
    };
    let name = || Value::from(account.source.account());
    let Some(row) = ask(TAKEN, vec![name(), (now - LATELY).into()]).await? else { return Ok(None) };
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let (taken, naming) = (count(row.try_get("", "taken")?), count(row.try_get("", "naming")?));
    let Some(first) = row.try_get::<Option<DateTime<Utc>>>("", "first")? else { return Ok(None) };
    let mut lost = None;
    if naming > 0 {
        let pending = TimeDelta::from_std(account.source.rules().pending).unwrap_or(LATELY);
        let row = ask(LOST, vec![name(), first.into(), (now - pending).into()]).await?;
        lost = Some(count(row.map_or(Ok(0), |row| row.try_get("", "lost"))?));
    }
    Ok(Some(Webhooks { taken, lost }))
}
