//! The read API: the JSON of `convosync status`, `coverage` and `backfill`, described in OpenAPI 3.1.

mod description;

use crate::Server;
use crate::problem::Problem;
use crate::query_timeout::within;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::{Json, Router};
use chrono::NaiveDate;
use description::{ApiDescription, BadRequest, GuardedRoute, NotFound};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use storage::ledger::backfills;
use storage::ledger::progress;
use storage::ledger::progress::Progress;
use storage::reports;
use storage::reports::coverage::CoverageDay;
use storage::reports::status::Status;
use utoipa::openapi::OpenApi as Description;
use utoipa::{IntoParams, OpenApi as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The most days in one answer: each day costs two queries per stream.
const MAX_DAYS: i64 = 1100;
/// The time limit of an answer that counts the rows of many days.
const COUNT_TIMEOUT: Duration = Duration::from_mins(1);

/// The routes below `/api/v1`, and their description.
pub(crate) fn router() -> (Router<Arc<Server>>, Json<Description>) {
    let (router, description) = OpenApiRouter::with_openapi(ApiDescription::openapi())
        .routes(routes!(status))
        .routes(routes!(coverage))
        .routes(routes!(list_backfills))
        .routes(routes!(show_backfill))
        .split_for_parts();
    (router, Json(description))
}

/// A range of days in the account's time zone.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DayRange {
    /// The first day. Default: the first day that the account must cover.
    from: Option<NaiveDate>,
    /// The last day, included. Default: today.
    to: Option<NaiveDate>,
}

/// Accounts, lanes and queue, as `convosync status --output json` prints them.
#[utoipa::path(get, path = "/api/v1/status", responses((status = 200, body = Status), GuardedRoute))]
async fn status(State(server): State<Arc<Server>>) -> Result<Json<Status>, Problem> {
    server.status().await.map(Json)
}

/// The completeness of each stream and day of an account, as `convosync coverage --output json` prints it.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{account}/coverage",
    params(("account" = String, Path, description = "The name of the account in the settings."), DayRange),
    responses((status = 200, body = Vec<CoverageDay>), GuardedRoute, BadRequest, NotFound)
)]
async fn coverage(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    range: Result<Query<DayRange>, QueryRejection>,
) -> Result<Json<Vec<CoverageDay>>, Problem> {
    let Query(range) = range.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let Some(account) = server.accounts.account(&name) else {
        return Err(Problem::not_found(format!("there is no account {name:?}")));
    };
    let snapshot = server.query(server.database.report_snapshot()).await?;
    let (earliest, today) = server.query(reports::coverage::span(&snapshot, account)).await?;
    let (first, last) = (range.from.unwrap_or(earliest), range.to.unwrap_or(today));
    if last < first {
        return Err(Problem::bad_request(format!("the range from {first} to {last} ends before it begins")));
    }
    let days = (last - first).num_days() + 1;
    if days > MAX_DAYS {
        return Err(Problem::bad_request(format!(
            "the range from {first} to {last} has {days} days; ask for at most {MAX_DAYS} at once, with `from` and `to`"
        )));
    }
    within(COUNT_TIMEOUT, reports::coverage::coverage(&snapshot, account, first, last)).await.map(Json)
}

/// All backfills, newest first, as `convosync backfill list --output json` prints them.
#[utoipa::path(get, path = "/api/v1/backfills", responses((status = 200, body = Vec<Progress>), GuardedRoute))]
async fn list_backfills(State(server): State<Arc<Server>>) -> Result<Json<Vec<Progress>>, Problem> {
    let list = async {
        let (mut found, snapshot) = (Vec::new(), server.database.report_snapshot().await?);
        for backfill in backfills::list(&snapshot).await? {
            let account = server.accounts.account(&backfill.account);
            found.extend(progress::progress(&snapshot, account, backfill.id).await?);
        }
        Ok(found)
    };
    within(COUNT_TIMEOUT, list).await.map(Json)
}

/// One backfill, as `convosync backfill show --output json` prints it.
#[utoipa::path(
    get,
    path = "/api/v1/backfills/{id}",
    params(("id" = i64, Path, description = "The id that `backfill start` printed.")),
    responses((status = 200, body = Progress), GuardedRoute, NotFound)
)]
async fn show_backfill(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Result<Json<Progress>, Problem> {
    let unknown = || Problem::not_found(format!("there is no backfill {name:?}"));
    let id: i64 = name.parse().map_err(|_| unknown())?;
    let find = async {
        let snapshot = server.database.report_snapshot().await?;
        let Some((backfill, _)) = backfills::find(&snapshot, id).await? else { return Ok(None) };
        progress::progress(&snapshot, server.accounts.account(&backfill.account), id).await
    };
    server.query(find).await?.map(Json).ok_or_else(unknown)
}
