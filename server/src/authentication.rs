//! The operator token that guards every route but health and webhooks.

use crate::Server;
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Middleware: answers 401 unless the request carries the operator token. The `Basic` challenge makes browsers ask for
/// a password.
pub(crate) async fn require_operator(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if is_operator(&server, request.headers()) {
        return next.run(request).await;
    }
    let mut response = Problem::unauthorised().into_response();
    for challenge in ["Bearer realm=\"convosync\"", "Basic realm=\"convosync\", charset=\"UTF-8\""] {
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// Whether the request carries the operator token. Always true on a server without one.
pub(crate) fn is_operator(server: &Server, headers: &HeaderMap) -> bool {
    let Some(token) = &server.operator_token else { return true };
    headers.get(header::AUTHORIZATION).and_then(credential).is_some_and(|credential| is_token(token, &credential))
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

/// Compares in constant time, so that timing reveals no prefix of the token. An empty token matches nothing.
fn is_token(token: &SecretString, credential: &[u8]) -> bool {
    let token = token.expose_secret().as_bytes();
    !token.is_empty() && bool::from(token.ct_eq(credential))
}

#[cfg(test)]
mod tests {
    use super::{credential, is_token};
    use axum::http::HeaderValue;
    use secrecy::SecretString;

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

    #[test]
    fn accepts_only_the_whole_token() {
        let token = SecretString::from("s3cret");
        assert!(is_token(&token, b"s3cret"));
        for wrong in ["", "s3cre", "s3cret ", "S3cret"] {
            assert!(!is_token(&token, wrong.as_bytes()), "{wrong}");
        }
        assert!(!is_token(&SecretString::from(""), b""));
    }
}
