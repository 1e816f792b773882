//! Verifies a webhook. Its body is a JSON web token, signed with the account's webhook secret.

use crate::base64url;
use crate::json::Json;
use crate::members::Members;
use crate::webhook_secrets::WebhookSecrets;
use domain::webhook::WebhookFault;

/// The claims of the token in `body`: the token alone, as a JSON string, or as `{"token": "…"}`. Anyone may send a body, so
/// nothing of it is parsed before its signature is verified.
///
/// # Errors
/// [`WebhookFault::Forged`] unless the token is signed with one of `secrets`; [`WebhookFault::Malformed`] where its claims
/// are not JSON.
pub fn verify(secrets: &WebhookSecrets, body: &[u8]) -> Result<Json, WebhookFault> {
    let mut fault = WebhookFault::Forged("the body has no token");
    for [header, claims, signature, signed] in tokens(body) {
        let Some(signature) = base64url::decode(signature) else {
            fault = WebhookFault::Forged("the signature is not base64url");
            continue;
        };
        if !secrets.signed(signed.as_bytes(), &signature) {
            fault = WebhookFault::Forged("the signature is wrong");
            continue;
        }
        // RFC 8725, 3.1: the receiver fixes the algorithm, and uses no key under another one.
        if decode(header).and_then(Members::of).and_then(|header| header.text("alg")).as_deref() != Some("HS256") {
            return Err(WebhookFault::Forged("the token's algorithm is not HS256"));
        }
        return decode(claims).ok_or_else(|| WebhookFault::Malformed("claims that are not JSON".to_owned()));
    }
    Err(fault)
}

/// Each token in `body`: header, claims, signature, and the text that is signed. None of a token's characters is escaped in
/// JSON, so that a token is found without parsing what is around it. Tokens do not overlap: to verify all of them takes no
/// longer than to verify one as long as the body.
fn tokens(body: &[u8]) -> impl Iterator<Item = [&str; 4]> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=.".contains(byte);
    body.split(move |byte| !is_token(byte)).filter_map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        let (signed, signature) = word.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some([header, claims, signature, signed])
    })
}

/// A part of the token that is JSON.
fn decode(part: &str) -> Option<Json> {
    Json::parse(std::str::from_utf8(&base64url::decode(part)?).ok()?)
}
