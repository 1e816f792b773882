//! The open items of a stream, summed over spans of time by one query.

use super::StreamId;
use chrono::{DateTime, Utc};
use domain::item_backlog::{ItemBacklog, ItemBucket, ItemCounts};
use domain::window::Window;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

/// The length of a bucket in seconds. The borders of days lie on whole buckets in every time zone.
const BUCKET: u32 = 900;

/// Sums the open items of a stream by the time at which they began. Items of unknown time delay no day.
pub(crate) async fn load_backlog(on: &impl ConnectionTrait, id: &StreamId) -> Result<ItemBacklog, DbErr> {
    let rows = on.query_all_raw(backlog_statement(on.get_database_backend(), id)).await?;
    let buckets = rows.iter().map(to_bucket).collect::<Result<Vec<_>, DbErr>>()?;
    Ok(ItemBacklog { buckets: buckets.into_iter().flatten().collect() })
}

/// The statement that sums the open items of a stream.
#[must_use]
pub fn backlog_statement(backend: DbBackend, id: &StreamId) -> Statement {
    let bucket = match backend {
        DbBackend::Postgres => format!("floor(extract(epoch FROM from_at) / {BUCKET})"),
        _ => format!("CAST(strftime('%s', from_at) AS INTEGER) / {BUCKET}"),
    };
    let sql = format!(
        "SELECT MIN(from_at) AS from_at, MAX(to_at) AS to_at, \
         MIN(CASE WHEN rechecks = 0 THEN from_at END) AS unread_from, \
         MAX(CASE WHEN rechecks = 0 THEN to_at END) AS unread_to, \
         MIN(CASE WHEN rechecks = 0 THEN missing_from_at END) AS missing_from, \
         MAX(CASE WHEN rechecks = 0 THEN missing_to_at END) AS missing_to, \
         MIN(CASE WHEN state = 'parked' THEN from_at END) AS blocked_from, \
         MAX(CASE WHEN state = 'parked' THEN to_at END) AS blocked_to, \
         SUM(CASE WHEN rechecks = 0 AND state <> 'parked' THEN 1 ELSE 0 END) AS unread, \
         SUM(CASE WHEN rechecks + failures = 0 AND state <> 'parked' THEN 1 ELSE 0 END) AS untried, \
         SUM(CASE WHEN rechecks > 0 AND state <> 'parked' THEN 1 ELSE 0 END) AS still_open, \
         SUM(CASE WHEN state = 'parked' THEN 1 ELSE 0 END) AS parked, MAX(failures) AS failures \
         FROM jobs WHERE account = $1 AND stream = $2 AND purpose = 'item' AND from_at IS NOT NULL \
         GROUP BY {bucket} ORDER BY 1"
    );
    Statement::from_sql_and_values(backend, sql, [id.account.as_str().into(), id.stream.as_str().into()])
}

fn to_bucket(row: &QueryResult) -> Result<Option<ItemBucket>, DbErr> {
    let window = |prefix: &str| -> Result<Option<Window>, DbErr> {
        let at = |end: &str| row.try_get::<Option<DateTime<Utc>>>(prefix, end);
        Ok(at("from")?.zip(at("to")?).and_then(|(from, to)| Window::new(from, to)))
    };
    let count = |name: &str| -> Result<u64, DbErr> { Ok(u64::try_from(row.try_get::<i64>("", name)?).unwrap_or(0)) };
    let all = row.try_get::<Option<DateTime<Utc>>>("", "from_at")?.zip(row.try_get("", "to_at")?);
    let Some(all) = all.and_then(|(from, to)| Window::new(from, to)) else { return Ok(None) };
    Ok(Some(ItemBucket {
        window: all,
        unread: window("unread_")?,
        missing: window("missing_")?,
        blocked: window("blocked_")?,
        counts: ItemCounts {
            unread: count("unread")?,
            untried: count("untried")?,
            open: count("still_open")?,
            parked: count("parked")?,
            failures: u32::try_from(row.try_get::<i32>("", "failures")?).unwrap_or(0),
        },
    }))
}
