//! An account's own settings.

use super::{Truora, rules};
use crate::address::base_url_or;
use crate::settings::Settings;
use crate::vendor::Opened;
use domain::rules::Rules;
use std::sync::Arc;

/// Truora's own keys.
pub const KEYS: &[&str] = &["token", "base_url", "webhook_secret", "pending_interval"];

const BASE: &str = "https://api.identity.truora.com";

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url_or(settings, BASE);
    let webhook_secret = settings.value("webhook_secret").map(|_| settings.password("webhook_secret"));
    let pending_interval = settings.pending_interval(rules::defaults().pending);
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
