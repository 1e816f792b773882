//! The operator token: who may look.

use crate::Server;
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Lets a request through that may look. Browsers ask for the password when they see the `Basic` challenge.
pub(crate) async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if is_operator(&server, request.headers()) {
        return next.run(request).await;
    }
    let mut response = Problem::unauthorised().into_response();
    for challenge in ["Bearer realm=\"convosync\"", "Basic realm=\"convosync\", charset=\"UTF-8\""] {
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// Whether whoever sent these headers may look.
pub(crate) fn is_operator(server: &Server, headers: &HeaderMap) -> bool {
    let Some(token) = &server.operator_token else { return true };
    headers.get(header::AUTHORIZATION).and_then(offered).is_some_and(|offer| is_same(token, &offer))
}

/// What is offered as the token: a bearer token, or the password of HTTP Basic whoever the user is.
fn offered(value: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = BASE64_STANDARD.decode(rest).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    pair.get(colon + 1..).map(<[u8]>::to_vec)
}

/// Takes the same time whatever the offer: what is compared are digests, and all of them.
fn is_same(token: &SecretString, offer: &[u8]) -> bool {
    let token = token.expose_secret();
    let (wanted, got) = (Sha256::digest(token.as_bytes()), Sha256::digest(offer));
    let difference = wanted.iter().zip(got.iter()).fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(difference) == 0 && !token.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{is_same, offered};
    use axum::http::HeaderValue;
    use secrecy::SecretString;

    fn offers(value: &'static str) -> Option<String> {
        offered(&HeaderValue::from_static(value)).map(|offer| String::from_utf8_lossy(&offer).into_owned())
    }

    #[test]
    fn both_schemes_are_read() {
        assert_eq!(offers("Bearer s3cret").as_deref(), Some("s3cret"));
        assert_eq!(offers("bearer   s3cret ").as_deref(), Some("s3cret"));
        assert_eq!(offers("Basic YW5hOnMzY3JldA==").as_deref(), Some("s3cret"));
        assert_eq!(offers("Basic OmE6Yg==").as_deref(), Some("a:b"));
        for other in ["s3cret", "Digest s3cret", "Basic s3cret", "Basic YW5h"] {
            assert_eq!(offers(other), None, "{other}");
        }
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = SecretString::from("s3cret");
        assert!(is_same(&token, b"s3cret"));
        for other in ["", "s3cre", "s3cret ", "S3cret"] {
            assert!(!is_same(&token, other.as_bytes()), "{other}");
        }
        assert!(!is_same(&SecretString::from(""), b""));
    }
}
