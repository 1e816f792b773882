//! Reads the settings of an account.

use super::{Truora, rules};
use crate::server_url::base_url_or;
use crate::settings::Settings;
use crate::vendor::ConfiguredAccount;
use domain::rules::Rules;
use std::sync::Arc;

/// The settings that only Truora has.
pub const KEYS: &[&str] = &["token", "base_url", "webhook_secret", "pending_interval"];

const BASE: &str = "https://api.identity.truora.com";

/// Opens an account. Problems go to `settings`.
pub fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url_or(settings, BASE);
    let webhook_secret = settings.value("webhook_secret").map(|_| settings.password("webhook_secret"));
    let pending_interval = settings.wait("pending_interval", rules::defaults().pending);
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
    Some(ConfiguredAccount { source, since })
}
