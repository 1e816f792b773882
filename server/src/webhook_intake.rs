//! The routes that vendors post webhooks to. An event is proven by the account's secret and recorded before the vendor
//! gets its answer. Treble demands 200 "within 5 s", so the answer waits for no other transaction.

use crate::Server;
use crate::problem::Problem;
use crate::query_timeout::within;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::webhook::{Webhook, WebhookFault};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use storage::deliveries::webhook_intake::{record, store_recorded};
use tracing::{debug, warn};

/// The largest body that is read; a larger one is answered with 413.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;
/// The limit for recording an event.
const RECORD_TIMEOUT: Duration = Duration::from_millis(2_500);
/// The time from the arrival of a webhook to its answer, if the event is recorded.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2_800);
/// The wait that a vendor is asked for when an event could not be recorded.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// `POST /hooks/{vendor}/{account}`, for vendors that sign their webhooks.
pub(crate) async fn receive_signed(
    State(server): State<Arc<Server>>,
    Path((vendor, account)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    receive(&server, (&vendor, &account), None, &headers, &body).await
}

/// `POST /hooks/{vendor}/{account}/{secret}`, for vendors that only know an address.
pub(crate) async fn receive_at_secret_path(
    State(server): State<Arc<Server>>,
    Path((vendor, account, secret)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    receive(&server, (&vendor, &account), Some(SecretString::from(secret)), &headers, &body).await
}

async fn receive(
    server: &Server,
    (vendor, name): (&str, &str),
    secret: Option<SecretString>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, Problem> {
    let account = server.accounts.account(name).filter(|account| account.source.vendor() == vendor);
    let Some((account, stream)) = account.and_then(|account| Some((account, account.streams().into_iter().next()?)))
    else {
        count("unknown", 1);
        return Err(Problem::not_found("there is no such account"));
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let events =
        account.source.webhook(&Webhook { secret, content_type, body }).map_err(|fault| rejection(name, fault))?;
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

/// Counts and logs a webhook that the source did not accept.
fn rejection(account: &str, fault: WebhookFault) -> Problem {
    let state = match fault {
        WebhookFault::Forged(_) => "forged",
        WebhookFault::Malformed(_) => "unreadable",
        WebhookFault::Unsupported => "unknown",
    };
    count(state, 1);
    warn!(account, state, %fault, "webhook rejected");
    match fault {
        WebhookFault::Forged(_) => Problem::forged_webhook(),
        WebhookFault::Malformed(reason) => Problem::bad_request(reason),
        WebhookFault::Unsupported => Problem::not_found("this vendor sends no webhooks"),
    }
}

fn count(state: &'static str, events: u64) {
    metrics::counter!("convosync_deliveries_total", "kind" => "webhook", "state" => state).increment(events);
}
