//! The end of the token's validity. The token is a JSON web token: three parts, of which the second may name the end.

use crate::base64url;
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    exp: f64,
}

/// When `token` expires; `None` where the token does not say.
pub fn expires_at(token: &str) -> Option<DateTime<Utc>> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&base64url::decode(claims)?).ok()?;
    let seconds = std::time::Duration::try_from_secs_f64(claims.exp).ok()?.as_secs();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}
