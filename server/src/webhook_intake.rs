//! The routes that vendors post webhooks to. An event is proven by the account's secret and recorded before the vendor
//! gets its answer. Treble demands 200 "within 5 s", so the answer waits for no other transaction.
//!
//! Anyone may post here. So the address is checked before the body is read, the proof before the body is parsed, and all
//! that lack it get the same answer.

mod body;

use crate::Server;
use crate::problem::Problem;
use crate::query_timeout::within;
use crate::refusal_log::RefusalLog;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use body::BodyBudget;
use domain::webhook::{Webhook, WebhookFault};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use storage::deliveries::webhook_intake::{record, store_recorded};
use tracing::{debug, warn};

/// The limit for recording an event.
const RECORD_TIMEOUT: Duration = Duration::from_millis(2_500);
/// The time from the arrival of a webhook to its answer, if the event is recorded.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_800);
/// The wait that a vendor is asked for when an event could not be recorded.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What the routes remember between two webhooks.
#[derive(Default)]
pub(crate) struct WebhookState {
    refusals: RefusalLog,
    bodies: BodyBudget,
}

/// `POST /hooks/{vendor}/{account}`, for vendors that sign their webhooks.
pub(crate) async fn receive_signed(
    State(server): State<Arc<Server>>,
    Path((vendor, account)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&server, (&vendor, &account), None, request).await
}

/// `POST /hooks/{vendor}/{account}/{secret}`, for vendors that only know an address.
pub(crate) async fn receive_at_secret_path(
    State(server): State<Arc<Server>>,
    Path((vendor, account, secret)): Path<(String, String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    receive(&server, (&vendor, &account), Some(SecretString::from(secret)), request).await
}

async fn receive(
    server: &Server,
    (vendor, name): (&str, &str),
    secret: Option<SecretString>,
    request: Request,
) -> Result<Response, Problem> {
    // Before the account, so that a large body tells nothing about it.
    body::check_declared_length(request.headers()).inspect_err(|_| count("unreadable", 1))?;
    let account = server.accounts.account(name).filter(|account| account.source.vendor() == vendor);
    let Some((account, stream)) = account.and_then(|account| Some((account, account.streams().into_iter().next()?)))
    else {
        return Err(refuse(server, None, &WebhookFault::Unsupported));
    };
    let refuse = |fault: WebhookFault| refuse(server, Some(name), &fault);
    account.source.webhook_address(secret.as_ref()).map_err(refuse)?;
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
    let body = server.state.webhooks.bodies.read(request).await.inspect_err(|_| count("unreadable", 1))?;
    let webhook = Webhook { secret, content_type, body: body.bytes() };
    let events = account.source.webhook(&webhook).map_err(refuse)?;
    drop(body);
    server.rate_limits.take_webhook(name)?;
    let started = server.database.elapsed();
    // Where the database fails, the vendor sends the event again, or a later list names what the event named.
    let recorded = within(RECORD_TIMEOUT, record(&server.database, &stream, &events)).await;
    let recorded = recorded.map_err(|problem| problem.with_retry_after(RETRY_AFTER))?;
    count("committed", recorded.counts.new_events);
    count("duplicate", recorded.counts.repeated);
    let left = ANSWER_TIMEOUT.saturating_sub(server.database.elapsed().saturating_sub(started));
    match tokio::time::timeout(left, store_recorded(&server.database, &recorded.open)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(account = name, %error, "the rows of a recorded event are stored later"),
        Err(_) => debug!(account = name, "the rows of a recorded event are stored later: the database is slow"),
    }
    Ok((StatusCode::OK, axum::Json(json!({"success": true}))).into_response())
}

/// Counts a webhook that is not accepted, and logs it now and then. Only a proven one gets an answer of its own.
fn refuse(server: &Server, account: Option<&str>, fault: &WebhookFault) -> Problem {
    let state = match fault {
        WebhookFault::Forged(_) => "forged",
        WebhookFault::Malformed(_) => "unreadable",
        WebhookFault::Unsupported => "unknown",
    };
    let reason = if account.is_some() { fault.to_string() } else { "the vendor has no such account".to_owned() };
    count(state, 1);
    if let Some(refused) = server.state.webhooks.refusals.count(account, state, server.database.elapsed()) {
        let next = "the metric convosync_deliveries_total counts those that follow, and the level debug shows them";
        warn!(account, state, reason, refused, "webhook rejected; {next}");
    } else {
        debug!(account, state, reason, "webhook rejected");
    }
    match fault {
        WebhookFault::Forged(_) | WebhookFault::Unsupported => Problem::forged_webhook(),
        WebhookFault::Malformed(reason) => Problem::bad_request(reason),
    }
}

fn count(state: &'static str, events: u64) {
    metrics::counter!("convosync_deliveries_total", "kind" => "webhook", "state" => state).increment(events);
}
