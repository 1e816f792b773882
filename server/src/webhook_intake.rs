//! The routes that vendors post webhooks to. An event is proven by the account's secret and stored before the vendor
//! gets its answer.

use crate::Server;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::webhook::{Webhook, WebhookFault};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use storage::deliveries::webhook_intake::accept;
use tracing::warn;

/// The largest body that is read; a larger one is answered with 413.
pub(crate) const MAX_BODY_BYTES: usize = 1 << 20;

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
    // Where the database fails, the vendor sends the event again, or a later list names what the event named.
    let accepted = server.query(accept(&server.database, &stream, &events)).await?;
    count("committed", accepted.new_events);
    count("duplicate", accepted.repeated);
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"success": true}))).into_response())
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
