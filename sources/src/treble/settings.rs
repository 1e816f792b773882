//! An account's own settings.

use super::{Treble, rules};
use crate::address::base_url_or;
use crate::settings::Settings;
use crate::vendor::Opened;
use domain::rules::Rules;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Treble's own keys.
pub const KEYS: &[&str] = &["token", "base_url", "webhook_secret", "pending_interval"];

const BASE: &str = "https://main.treble.ai";

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url_or(settings, BASE);
    let webhook_secret = settings.value("webhook_secret").map(|_| webhook_secret(settings));
    let pending_interval = settings.pending_interval(rules::defaults().pending);
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let source = Arc::new(Treble {
        account: settings.account().to_owned(),
        base: base?,
        token: token?,
        webhook_secret: match webhook_secret {
            None => None,
            Some(secret) => Some(secret?),
        },
        rules: Rules { pending: pending_interval?, ..rules? },
    });
    Some(Opened { source, since })
}

/// It is the last part of a path.
fn webhook_secret(settings: &mut Settings<'_>) -> Option<SecretString> {
    let secret = settings.secret("webhook_secret")?;
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let text = secret.expose_secret();
    if text.bytes().all(is_sign) && !matches!(text, "." | "..") {
        return Some(secret);
    }
    let why = "must have letters, digits, -, _, . and ~ only: it stands in an address";
    settings.refuse("webhook_secret", why, "webhook_secret = \"…\", some 32 letters and digits by chance");
    None
}
