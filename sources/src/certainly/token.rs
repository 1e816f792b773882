//! What the token says of itself. It is a JWT: three parts, the second of which may name its end.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
struct Claims {
    exp: f64,
}

/// Parts of a JWT have no padding; some writers put it there all the same.
const PARTS: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// When `token` ends, where it is a JWT that says so.
pub fn ends(token: &str) -> Option<DateTime<Utc>> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims: Claims = serde_json::from_slice(&PARTS.decode(claims).ok()?).ok()?;
    let seconds = std::time::Duration::try_from_secs_f64(claims.exp).ok()?.as_secs();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
}
