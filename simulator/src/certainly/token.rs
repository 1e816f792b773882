//! Tokens: what the vendor issues, and when one expires.

use super::truth::generator;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use rand::Rng;
use serde_json::{Value, json};

/// Keeps the draws of tokens apart from others.
const SALT: u64 = 0x70CE;

/// A token with the `exp` claim. Its signature is of the right length and signs nothing: the simulator knows its
/// tokens by heart.
pub(super) fn issued(seed: u64, expires_at: DateTime<Utc>) -> String {
    let mut random = generator(seed ^ SALT, u64::try_from(expires_at.timestamp()).unwrap_or_default());
    let number: u128 = random.random();
    let claims = json!({"token_type": "access", "exp": expires_at.timestamp(), "jti": format!("{number:032x}"), "user_id": 4711});
    let signature: [u8; 32] = random.random();
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = json!({"alg": "HS256", "typ": "JWT"});
    format!("{}.{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()), part(&signature))
}

/// Whether `token` says that it has expired. One that says nothing never does.
pub(super) fn has_expired(token: &str, now: DateTime<Utc>) -> bool {
    let payload = token.split('.').nth(1).and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
    let claims: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    let expires = claims.as_ref().and_then(|claims| claims.get("exp")?.as_i64());
    expires.is_some_and(|expires| expires <= now.timestamp())
}
