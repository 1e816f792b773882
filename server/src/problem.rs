//! Errors as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// An error response.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
    /// Sent as `Retry-After`.
    retry_after: Option<Duration>,
}

/// The body of every error response.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemDetails {
    /// Always `about:blank`: the status says which kind of problem it is.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The name of the status.
    #[schema(example = "Not Found")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What happened, and what to do about it.
    #[schema(example = "there is no account \"shop\"")]
    detail: String,
}

impl Problem {
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn unauthorised() -> Self {
        let detail = "send a token of the settings: `Authorization: Bearer TOKEN`, or as the password of HTTP Basic";
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub(crate) fn forbidden() -> Self {
        let detail = "this token opens /metrics only; send the read token or the operator token";
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// The request names another host than this machine's loopback, and no token guards the route.
    pub(crate) fn misdirected() -> Self {
        let detail = "without a token this server answers only to localhost, 127.0.0.1 and [::1]; ask it by one of them, or \
                      set server.operator_token";
        Self::new(StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// The one answer to a webhook without proof. It does not say whether there is such an account.
    pub(crate) fn forged_webhook() -> Self {
        let detail = "the webhook does not prove that it comes from the vendor; compare its address and its secret with \
                      the account in the settings";
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    pub(crate) fn too_large(most_bytes: usize) -> Self {
        let detail = format!("the body has more than {} KiB; send fewer events at once", most_bytes >> 10);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    pub(crate) fn body_timeout(limit: Duration) -> Self {
        let detail = format!("the body did not arrive within {} s; send it again", limit.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, detail)
    }

    /// Asks the client to wait: whole seconds, at least one.
    pub(crate) fn too_many_requests(detail: &str, wait: Duration) -> Self {
        let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        let detail = format!("{detail}; send the next one in {seconds} s");
        let retry_after = Some(Duration::from_secs(seconds));
        Self { retry_after, ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The same problem, and the wait that the client is asked for, in whole seconds.
    pub(crate) fn with_retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The error as a sentence for operators.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemDetails {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().into());
        }
        response
    }
}

/// Fallback for a path without a route.
pub(crate) async fn unknown_path(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

/// Fallback for a route that does not take the method. Webhook routes take POST, all others GET.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let allowed = if uri.path().starts_with("/hooks/") { "POST" } else { "GET" };
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}; use {allowed}", uri.path()))
}

#[cfg(test)]
mod tests {
    use super::{IntoResponse, Problem};
    use std::time::Duration;

    #[test]
    fn rounds_the_wait_up_to_whole_seconds() {
        for (milliseconds, seconds) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2"), (59_999, "60")] {
            let problem = Problem::too_many_requests("too many requests", Duration::from_millis(milliseconds));
            let response = problem.into_response();
            assert_eq!(response.headers()["retry-after"], seconds, "{milliseconds} ms");
        }
    }
}
