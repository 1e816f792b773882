//! The tokens that guard every route but health and webhooks.

use crate::Server;
use crate::loopback_host::names_loopback;
use crate::problem::Problem;
use crate::rate_limits::client;
use crate::tokens::Scope;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;

/// Middleware: refuses a request that may not read the dashboard and the API. The `Basic` challenge makes browsers ask for
/// a password.
pub(crate) async fn require_read(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    require(&server, Scope::Read, request, next).await
}

/// Middleware: refuses a request that may not read the metrics.
pub(crate) async fn require_metrics(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    require(&server, Scope::Metrics, request, next).await
}

/// Whether the request may use the routes of `scope`.
///
/// # Errors
/// 401 without one of the tokens, 403 with one that opens other routes only, 429 after too many wrong tokens; 421 where no
/// token guards the routes, and the request came by a name that is not this machine's.
pub(crate) fn admit(server: &Server, scope: Scope, request: &Request) -> Result<(), Problem> {
    if !server.tokens.guard(scope) {
        let is_local = names_loopback(request.uri(), request.headers());
        return if is_local { Ok(()) } else { Err(Problem::misdirected()) };
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(credential);
    let given = given.ok_or_else(Problem::unauthorised)?;
    let client = client(request);
    server.rate_limits.may_try_token(client)?;
    if server.tokens.open(scope, &given) {
        return Ok(());
    }
    if server.tokens.know(&given) {
        return Err(Problem::forbidden());
    }
    server.rate_limits.note_wrong_token(client);
    Err(Problem::unauthorised())
}

async fn require(server: &Server, scope: Scope, request: Request, next: Next) -> Response {
    let problem = match admit(server, scope, &request) {
        Ok(()) => return next.run(request).await,
        Err(problem) => problem,
    };
    let mut response = problem.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        for challenge in ["Bearer realm=\"convosync\"", "Basic realm=\"convosync\", charset=\"UTF-8\""] {
            response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    response
}

/// The credential in an `Authorization` header: a bearer token, or the password of HTTP Basic with any user name.
fn credential(authorization: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, rest) = authorization.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let user_and_password = BASE64_STANDARD.decode(rest).ok()?;
    let colon = user_and_password.iter().position(|byte| *byte == b':')?;
    user_and_password.get(colon + 1..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::credential;
    use axum::http::HeaderValue;

    fn parse(header: &'static str) -> Option<String> {
        credential(&HeaderValue::from_static(header)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    #[test]
    fn reads_bearer_and_basic_credentials() {
        assert_eq!(parse("Bearer s3cret").as_deref(), Some("s3cret"));
        assert_eq!(parse("bearer   s3cret ").as_deref(), Some("s3cret"));
        assert_eq!(parse("Basic YW5hOnMzY3JldA==").as_deref(), Some("s3cret"));
        assert_eq!(parse("Basic OmE6Yg==").as_deref(), Some("a:b"));
        for malformed in ["s3cret", "Digest s3cret", "Basic s3cret", "Basic YW5h"] {
            assert_eq!(parse(malformed), None, "{malformed}");
        }
    }
}
