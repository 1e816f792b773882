//! Reads the settings of an account.

use super::{Treble, rules};
use crate::server_url::base_url_or;
use crate::settings::Settings;
use crate::vendor::ConfiguredAccount;
use crate::webhook_secrets::{self, WebhookSecrets};
use domain::rules::Rules;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// The settings that only Treble has.
pub const KEYS: &[&str] =
    &["token", "base_url", webhook_secrets::CURRENT, webhook_secrets::PREVIOUS, "pending_interval", "session_lookback"];

const BASE: &str = "https://main.treble.ai";
/// "Replies arrive after session creation", and some sessions never close; other connectors look back for days.
const SESSION_LOOKBACK: Duration = Duration::from_hours(7 * 24);

/// Opens an account. Problems go to `settings`.
pub fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url_or(settings, BASE);
    let webhook_secrets = WebhookSecrets::read(settings, webhook_secret);
    let pending_interval = settings.wait("pending_interval", rules::defaults().pending);
    let session_lookback = settings.span("session_lookback", SESSION_LOOKBACK);
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let source = Arc::new(Treble {
        account: settings.account().to_owned(),
        base: base?,
        token: token?,
        webhook_secrets: webhook_secrets?,
        session_lookback: session_lookback?,
        rules: Rules { pending: pending_interval?, ..rules? },
    });
    Some(ConfiguredAccount { source, since })
}

/// A webhook secret, which is the last part of the webhook's URL.
fn webhook_secret(settings: &mut Settings<'_>, key: &str) -> Option<SecretString> {
    let secret = settings.secret(key)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if secret.expose_secret().bytes().all(is_allowed) {
        return Some(secret);
    }
    let why = "must contain only letters, digits, -, _, . and ~, because it is part of a URL";
    settings.refuse(key, why, format!("{key} = \"…\", some 32 random letters and digits"));
    None
}
