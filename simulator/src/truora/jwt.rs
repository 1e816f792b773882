//! JSON web tokens: HS256, and forgeries of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// `claims`, signed with `secret`.
pub(super) fn signed(claims: &Value, secret: &str) -> String {
    let head = hs256_head(claims);
    let signature = URL_SAFE_NO_PAD.encode(signature(&head, secret));
    format!("{head}.{signature}")
}

/// `claims` under the algorithm `none`, without a signature.
pub(super) fn unsigned(claims: &Value) -> String {
    format!("{}.", head("none", claims))
}

/// `claims` under a signature with one wrong bit.
pub(super) fn badly_signed(claims: &Value, secret: &str) -> String {
    let head = hs256_head(claims);
    let mut signature = signature(&head, secret);
    if let Some(last) = signature.last_mut() {
        *last ^= 1;
    }
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `claims` under the signature of `others`.
pub(super) fn transplanted(claims: &Value, others: &Value, secret: &str) -> String {
    let other = signed(others, secret);
    format!("{}.{}", hs256_head(claims), other.rsplit('.').next().unwrap_or_default())
}

fn hs256_head(claims: &Value) -> String {
    head("HS256", claims)
}

/// Header and claims, as the signature covers them.
fn head(algorithm: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(&json!({"alg": algorithm, "typ": "JWT"})), part(claims))
}

/// HMAC-SHA-256. HMAC takes a key of any length, so the empty signature of an error never occurs.
fn signature(head: &str, secret: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    mac.map(|mac| mac.chain_update(head).finalize().into_bytes().to_vec()).unwrap_or_default()
}

#[test]
fn the_header_is_the_usual_one() {
    assert_eq!(hs256_head(&json!({})), "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30");
}
