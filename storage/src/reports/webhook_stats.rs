//! Counts the webhooks that arrived, and the item ends that no webhook reported.

use crate::accounts::Account;
use crate::snapshot::Snapshot;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// An account's webhooks of the last seven days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Webhooks {
    /// The number of events that arrived, each counted once.
    pub taken: u64,
    /// The number of items whose end a fetch found and no webhook reported. Absent if no webhook of the account names an
    /// item.
    pub lost: Option<u64>,
}

/// The period that the counts cover.
const PERIOD: TimeDelta = TimeDelta::days(7);

const TAKEN: &str = "SELECT COUNT(*) AS taken, COUNT(slice_key) AS naming, MIN(received_at) AS first FROM deliveries WHERE \
     account = $1 AND kind = 'webhook' AND received_at >= $2";
/// Items that began before the first webhook do not count: the vendor may not have sent webhooks then.
const LOST: &str = "SELECT COUNT(*) AS lost FROM items f WHERE f.account = $1 AND f.began_at >= $2 AND f.ended_at <= $3 AND \
     NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.slice_key = f.slice_key AND d.account = f.account AND d.kind = \
     'webhook' AND (f.version_at IS NULL OR d.version_at >= f.version_at))";

/// The accounts that webhooks have arrived for in the last seven days.
pub(crate) async fn accounts_with_webhooks(on: &Snapshot, now: DateTime<Utc>) -> Result<BTreeSet<String>, DbErr> {
    let sql =
        "SELECT DISTINCT account FROM deliveries WHERE kind = 'webhook' AND received_at >= $1 AND account IS NOT NULL";
    let since = Value::from(now - PERIOD);
    let rows = on.query_all_raw(Statement::from_sql_and_values(on.get_database_backend(), sql, [since])).await?;
    rows.iter().map(|row| row.try_get("", "account")).collect()
}

/// Counts the webhooks of `account` in the last seven days; `None` if none arrived. A webhook about an item that has just
/// ended may still arrive, so the item counts as lost only after the time at which a worker would fetch it again.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn webhooks(on: &Snapshot, account: &Account, now: DateTime<Utc>) -> Result<Option<Webhooks>, DbErr> {
    let query = async |sql: &str, values: Vec<Value>| {
        on.query_one_raw(Statement::from_sql_and_values(on.get_database_backend(), sql, values)).await
    };
    let name = || Value::from(account.source.account());
    let Some(row) = query(TAKEN, vec![name(), (now - PERIOD).into()]).await? else { return Ok(None) };
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let (taken, naming) = (count(row.try_get("", "taken")?), count(row.try_get("", "naming")?));
    let Some(first) = row.try_get::<Option<DateTime<Utc>>>("", "first")? else { return Ok(None) };
    let mut lost = None;
    if naming > 0 {
        let pending = TimeDelta::from_std(account.source.rules().pending).unwrap_or(PERIOD);
        let row = query(LOST, vec![name(), first.into(), (now - pending).into()]).await?;
        lost = Some(count(row.map_or(Ok(0), |row| row.try_get("", "lost"))?));
    }
    Ok(Some(Webhooks { taken, lost }))
}
