//! The rules for the server's tokens.

use super::ServerSettings;
use secrecy::{ExposeSecret, SecretString};

/// The fewest characters of a token that cannot be guessed.
const MIN_LENGTH: usize = 16;

/// The first token that may not be used: its key, the reason, and what to write.
pub fn refusal(server: &ServerSettings) -> Option<(&'static str, String)> {
    let tokens = [
        ("server.operator_token", &server.operator_token),
        ("server.read_token", &server.read_token),
        ("server.metrics_token", &server.metrics_token),
    ];
    let is_set = |token: &SecretString| !token.expose_secret().is_empty();
    let instead = "write 32 random letters and digits, such as `openssl rand -hex 16` prints";
    for (at, (key, token)) in tokens.into_iter().enumerate().filter(|(_, (_, token))| is_set(token)) {
        let text = token.expose_secret();
        if text.chars().count() < MIN_LENGTH {
            let reason = format!("has fewer than {MIN_LENGTH} characters, so that it can be guessed; {instead}");
            return Some((key, reason));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let reason = format!("has a blank or a character outside ASCII, which a header cannot carry; {instead}");
            return Some((key, reason));
        }
        if let Some((other, _)) = tokens[..at].iter().find(|(_, other)| other.expose_secret() == text) {
            return Some((key, format!("is the same as {other}, and would open all that it opens; {instead}")));
        }
    }
    None
}
