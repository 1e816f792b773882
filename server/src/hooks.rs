//! Where vendors post what has happened. Whoever knows the account's secret is believed; what he says is stored before he is
//! answered.

use crate::Server;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::hook::{Hook, HookFault};
use entities::hooks::accept;
use secrecy::SecretString;
use std::sync::Arc;

/// The longest body: more is no webhook.
pub(crate) const LONGEST: usize = 1 << 20;

/// `POST /hooks/{vendor}/{account}`, for webhooks that are signed.
pub(crate) async fn signed(
    State(server): State<Arc<Server>>,
    Path((vendor, account)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    take(&server, (&vendor, &account), None, &headers, &body).await
}

/// `POST /hooks/{vendor}/{account}/{secret}`, for vendors that can only be told an address.
pub(crate) async fn addressed(
    State(server): State<Arc<Server>>,
    Path((vendor, account, secret)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    take(&server, (&vendor, &account), Some(SecretString::from(secret)), &headers, &body).await
}

async fn take(
    server: &Server,
    (vendor, account): (&str, &str),
    secret: Option<SecretString>,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    let of = server.roster.account(account).filter(|of| of.source.vendor() == vendor);
    let Some((of, id)) = of.and_then(|of| Some((of, of.streams().into_iter().next()?))) else {
        count("unknown");
        return Problem::not_found("there is no such account").into_response();
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let events = match of.source.hook(&Hook { secret, content_type, body }) {
        Ok(events) => events,
        Err(fault) => return refused(account, &fault),
    };
    match server.glance(accept(&server.database, &id, &events)).await {
        Ok(accepted) => {
            metrics::counter!("convosync_deliveries_total", "kind" => "webhook", "state" => "committed")
                .increment(accepted.fresh);
            metrics::counter!("convosync_deliveries_total", "kind" => "webhook", "state" => "duplicate")
                .increment(accepted.repeated);
            let json = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::ACCEPTED, json, "{\"success\":true}").into_response()
        }
        // Not taken: the vendor will send it again, or the list will name what it named.
        Err(problem) => problem.into_response(),
    }
}

fn refused(account: &str, fault: &HookFault) -> Response {
    let state = match fault {
        HookFault::Forged(_) => "forged",
        HookFault::Malformed(_) => "unreadable",
        HookFault::None => "unknown",
    };
    count(state);
    tracing::warn!(account, state, %fault, "a webhook was not taken");
    match fault {
        HookFault::Forged(_) => Problem::forged().into_response(),
        HookFault::Malformed(why) => Problem::bad(why.clone()).into_response(),
        HookFault::None => Problem::not_found("this vendor sends no webhooks").into_response(),
    }
}

fn count(state: &'static str) {
    metrics::counter!("convosync_deliveries_total", "kind" => "webhook", "state" => state).increment(1);
}
