//! An account's own settings.

use super::{Truora, rules};
use crate::settings::Settings;
use crate::vendor::Opened;
use crate::wolkvox::address::{BadAddress, plain_url};
use domain::rules::Rules;
use std::sync::Arc;
use std::time::Duration;

/// Truora's own keys.
pub const KEYS: &[&str] = &["token", "base_url", "webhook_secret", "pending_interval"];

const BASE: &str = "https://api.identity.truora.com";
/// How often to look at a process that has not ended yet.
const PENDING: Duration = Duration::from_mins(5);

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url(settings);
    let webhook_secret = settings.value("webhook_secret").map(|_| settings.password("webhook_secret"));
    let pending_interval = pending_interval(settings);
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let source = Arc::new(Truora {
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

/// How often to look at what has not ended.
pub fn pending_interval(settings: &mut Settings<'_>) -> Option<Duration> {
    if settings.value("pending_interval").is_none() {
        return Some(PENDING);
    }
    let interval = settings.duration("pending_interval")?;
    if interval < Duration::from_secs(1) {
        settings.refuse("pending_interval", "less than a second is no wait", "pending_interval = \"5m\"");
        return None;
    }
    Some(interval)
}
