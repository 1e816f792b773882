//! An account's own settings.

use super::{Treble, rules};
use crate::settings::Settings;
use crate::vendor::Opened;
use crate::wolkvox::address::{BadAddress, plain_url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Treble's own keys.
pub const KEYS: &[&str] = &["token", "base_url", "webhook_secret"];

const BASE: &str = "https://main.treble.ai";

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url(settings);
    let webhook_secret = settings.value("webhook_secret").map(|_| webhook_secret(settings));
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let source = Arc::new(Treble {
        account: settings.account().to_owned(),
        base: base?,
        token: token?,
        webhook_secret: match webhook_secret {
            None => None,
            Some(secret) => Some(secret?),
        },
        rules: rules?,
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

fn base_url(settings: &mut Settings<'_>) -> Option<String> {
    if settings.value("base_url").is_none() {
        return Some(BASE.to_owned());
    }
    let written = settings.text("base_url", BASE)?;
    let why = match plain_url(&written) {
        Ok(url) => return Some(url),
        Err(BadAddress::Shape) => "is no address of a server",
        Err(BadAddress::Secret) => "must hold no user, password, query or fragment",
        Err(BadAddress::Readable) => "http would send the key readable by anyone on the way",
    };
    settings.refuse("base_url", why, format!("base_url = \"{BASE}\""));
    None
}
