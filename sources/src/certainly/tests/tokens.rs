use super::super::token::expires_at;
use super::*;
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

#[test]
fn reads_when_a_token_expires() {
    let token = |claims: &str| format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let end = Some(utc("2021-12-16T09:12:44Z"));
    assert_eq!(expires_at(&token(r#"{"user_id":7,"exp":1639645964}"#)), end);
    assert_eq!(expires_at(&token(r#"{"exp":1639645964.5,"n":"???>>>~~~"}"#)), end);
    assert_eq!(expires_at(&format!("a.{}.b", URL_SAFE.encode(r#"{"exp":1639645964 }"#))), end, "padded");
    let without_end = [
        token("{}"),
        token(r#"{"exp":"soon"}"#),
        token(r#"{"exp":-1}"#),
        token(r#"{"exp":1e300}"#),
        token("[]"),
        "no-jwt".to_owned(),
        "a.b".to_owned(),
        "a.*.c".to_owned(),
        format!("{}.d", token(r#"{"exp":1639645964}"#)),
        String::new(),
    ];
    for token in without_end {
        assert_eq!(expires_at(&token), None, "{token}");
    }
}
