//! The HTTP interface: the same shapes as the command line's JSON.

use crate::problem::Problem;
use crate::{Server, within};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use chrono::NaiveDate;
use entities::progress::Progress;
use entities::report::{CoverageDay, Status};
use entities::{backfills, progress, report};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// The most days one answer holds: each costs two queries per stream.
const LONGEST: i64 = 1100;
/// How long counting the rows of many days may take.
const COUNTING: Duration = Duration::from_mins(1);

/// Days in the account's zone, both included.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
}

/// `GET /api/v1/status`
pub(crate) async fn status(State(server): State<Arc<Server>>) -> Result<Json<Status>, Problem> {
    server.glance(report::status(&server.database, &server.roster)).await.map(Json)
}

/// `GET /api/v1/accounts/{account}/coverage?from=&to=`
pub(crate) async fn coverage(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<Vec<CoverageDay>>, Problem> {
    let Query(asked) = span.map_err(|rejection| Problem::bad(rejection.body_text()))?;
    let Some(account) = server.roster.account(&name) else {
        return Err(Problem::not_found(format!("there is no account {name:?}")));
    };
    let owed = server.glance(report::span(&server.database, account)).await?;
    let (first, last) = (asked.from.unwrap_or(owed.0), asked.to.unwrap_or(owed.1));
    if last < first {
        return Err(Problem::bad(format!("from {first} to {last} is no span: it ends before it begins")));
    }
    let days = (last - first).num_days() + 1;
    if days > LONGEST {
        return Err(Problem::bad(format!(
            "from {first} to {last} are {days} days; ask for at most {LONGEST} at once, with `from` and `to`"
        )));
    }
    within(COUNTING, report::coverage(&server.database, account, first, last)).await.map(Json)
}

/// `GET /api/v1/backfills`, newest first
pub(crate) async fn backfills(State(server): State<Arc<Server>>) -> Result<Json<Vec<Progress>>, Problem> {
    let listing = async {
        let mut found = Vec::new();
        for order in backfills::list(server.database.connection()).await? {
            let account = server.roster.account(&order.account);
            found.extend(progress::progress(&server.database, account, order.id).await?);
        }
        Ok(found)
    };
    within(COUNTING, listing).await.map(Json)
}

/// `GET /api/v1/backfills/{id}`
pub(crate) async fn backfill(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
) -> Result<Json<Progress>, Problem> {
    let unknown = || Problem::not_found(format!("there is no backfill {name:?}"));
    let id: i64 = name.parse().map_err(|_| unknown())?;
    let finding = async {
        let Some((order, _)) = backfills::find(server.database.connection(), id).await? else { return Ok(None) };
        progress::progress(&server.database, server.roster.account(&order.account), id).await
    };
    server.glance(finding).await?.map(Json).ok_or_else(unknown)
}
