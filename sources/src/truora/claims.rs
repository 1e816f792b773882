//! A webhook's body is a JSON web token. What it claims is believed only if it is signed with the account's secret.

use crate::json::Json;
use crate::proof::is_signed;
use crate::record::Members;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use domain::hook::HookFault;
use secrecy::SecretString;

/// Parts of a JWT have no padding; some writers put it there all the same.
const PARTS: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What `body` claims: a token, bare or as `{"token": "…"}`.
pub fn believed(secret: &SecretString, body: &[u8]) -> Result<Json, HookFault> {
    let body = std::str::from_utf8(body).map_err(|_| HookFault::Forged("no token"))?.trim();
    let token = match Json::read(body) {
        None => body.to_owned(),
        Some(Json::Text(token)) => token,
        Some(json) => {
            let token = Members::of(json).and_then(|members| members.text("token"));
            token.ok_or(HookFault::Forged("JSON without a token"))?
        }
    };
    let (signed, signature) = token.trim().rsplit_once('.').ok_or(HookFault::Forged("no token"))?;
    let (header, claims) = signed.split_once('.').ok_or(HookFault::Forged("no token"))?;
    // The header is the sender's word: it may not choose how it is to be proved.
    let header = part(header).and_then(Members::of).ok_or(HookFault::Forged("no token"))?;
    if header.text("alg").as_deref() != Some("HS256") {
        return Err(HookFault::Forged("another algorithm than HS256"));
    }
    let signature = PARTS.decode(signature).map_err(|_| HookFault::Forged("no signature"))?;
    if !is_signed(secret, signed.as_bytes(), &signature) {
        return Err(HookFault::Forged("a wrong signature"));
    }
    part(claims).ok_or_else(|| HookFault::Malformed("claims that are no JSON".to_owned()))
}

/// A part that is JSON.
fn part(text: &str) -> Option<Json> {
    Json::read(std::str::from_utf8(&PARTS.decode(text).ok()?).ok()?)
}
