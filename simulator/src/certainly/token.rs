//! Tokens of the vendor, and their expiry.

use crate::random::generator;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use rand::Rng;
use serde_json::{Value, json};

const SALT: u64 = 0x70CE;

/// A token with the `exp` claim. Its signature has the right length but no meaning: the simulator compares tokens as
/// texts.
pub(super) fn issue(seed: u64, expires_at: DateTime<Utc>) -> String {
    let mut random = generator(seed ^ SALT, u64::try_from(expires_at.timestamp()).unwrap_or_default());
    let number: u128 = random.random();
    let claims = json!({"token_type": "access", "exp": expires_at.timestamp(), "jti": format!("{number:032x}"), "user_id": 4711});
    let signature: [u8; 32] = random.random();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = json!({"alg": "HS256", "typ": "JWT"});
    format!("{}.{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()), part(&signature))
}

/// Whether the `exp` claim of `token` is over. A token without the claim never expires.
pub(super) fn has_expired(token: &str, now: DateTime<Utc>) -> bool {
    let payload = token.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let claims: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    let expires = claims.as_ref().and_then(|claims| claims.get("exp")?.as_i64());
    expires.is_some_and(|expires| expires <= now.timestamp())
}
