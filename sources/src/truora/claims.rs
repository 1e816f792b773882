//! Verifies a webhook. Its body is a JSON web token, signed with the account's webhook secret.

use crate::base64url;
use crate::json::Json;
use crate::members::Members;
use crate::signature::verify_hmac;
use domain::webhook::WebhookFault;
use secrecy::SecretString;

/// The claims of the token in `body`: the token alone, as a JSON string, or as `{"token": "…"}`.
///
/// # Errors
/// [`WebhookFault::Forged`] unless the token is signed with `secret`; [`WebhookFault::Malformed`] where its claims are not
/// JSON.
pub fn verify(secret: &SecretString, body: &[u8]) -> Result<Json, WebhookFault> {
    let no_token = WebhookFault::Forged("the body is not a token");
    let Ok(body) = std::str::from_utf8(body) else { return Err(no_token) };
    let token = match Json::parse(body.trim()) {
        None => body.trim().to_owned(),
        Some(Json::Text(token)) => token,
        Some(json) => {
            let token = Members::of(json).and_then(|members| members.text("token"));
            token.ok_or(WebhookFault::Forged("the body is JSON without a token"))?
        }
    };
    let Some((signed, signature)) = token.trim().rsplit_once('.') else { return Err(no_token) };
    let Some((header, claims)) = signed.split_once('.') else { return Err(no_token) };
    // The sender wrote the header, so the header must not choose the algorithm.
    let Some(header) = decode(header).and_then(Members::of) else { return Err(no_token) };
    if header.text("alg").as_deref() != Some("HS256") {
        return Err(WebhookFault::Forged("the token's algorithm is not HS256"));
    }
    let signature = base64url::decode(signature).ok_or(WebhookFault::Forged("the signature is not base64url"))?;
    if !verify_hmac(secret, signed.as_bytes(), &signature) {
        return Err(WebhookFault::Forged("the signature is wrong"));
    }
    decode(claims).ok_or_else(|| WebhookFault::Malformed("claims that are not JSON".to_owned()))
}

/// A part of the token that is JSON.
fn decode(part: &str) -> Option<Json> {
    Json::parse(std::str::from_utf8(&base64url::decode(part)?).ok()?)
}
