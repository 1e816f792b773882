//! Errors as `application/problem+json` (RFC 9457).

use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request was not answered.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    detail: String,
}

impl Problem {
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: detail.into() }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: detail.into() }
    }

    pub(crate) fn unauthorised() -> Self {
        let detail = "send the operator token: `Authorization: Bearer TOKEN`, or as the password of HTTP Basic";
        Self { status: StatusCode::UNAUTHORIZED, detail: detail.to_owned() }
    }

    pub(crate) fn forged() -> Self {
        let detail = "the webhook does not prove that it comes from the vendor; compare the secret in the settings";
        Self { status: StatusCode::UNAUTHORIZED, detail: detail.to_owned() }
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, detail: detail.into() }
    }

    /// For people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            // The kind of problem is the status; the detail says the rest.
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

/// There is no such path.
pub(crate) async fn unknown(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

/// The path is there, and can only be read.
pub(crate) async fn method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} cannot be asked with {method}; use GET", uri.path());
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, detail }
}
