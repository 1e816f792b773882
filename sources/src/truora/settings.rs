//! Reads the settings of an account.

use super::list_call::ListCall;
use super::process_result::Lifetime;
use super::{Truora, rules};
use crate::server_url::base_url_or;
use crate::settings::Settings;
use crate::vendor::ConfiguredAccount;
use crate::webhook_secrets::{self, WebhookSecrets};
use domain::rules::Rules;
use std::sync::Arc;
use std::time::Duration;

/// The settings that only Truora has.
pub const KEYS: &[&str] = &[
    "token",
    "base_url",
    webhook_secrets::CURRENT,
    webhook_secrets::PREVIOUS,
    "pending_interval",
    "list_query",
    "list_page_size",
    "list_next_parameter",
    "expires_after",
    "recheck_after",
];

const BASE: &str = "https://api.identity.truora.com";
/// "The process expiration time has passed (typically 24 hours)"; twice that is safe.
const EXPIRES_AFTER: Duration = Duration::from_hours(48);
/// An operator may "override" a result, at a time that no document bounds.
const RECHECK_AFTER: Duration = Duration::from_hours(7 * 24);

/// Opens an account. Problems go to `settings`.
pub fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = base_url_or(settings, BASE);
    let webhook_secrets = WebhookSecrets::read(settings, Settings::password);
    let pending_interval = settings.wait("pending_interval", rules::defaults().pending);
    let list = ListCall::read(settings);
    let expires_after = settings.span("expires_after", EXPIRES_AFTER);
    let recheck_after = settings.span("recheck_after", RECHECK_AFTER);
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let source = Arc::new(Truora {
        account: settings.account().to_owned(),
        base: base?,
        token: token?,
        webhook_secrets: webhook_secrets?,
        list: list?,
        lifetime: Lifetime { expires_after: expires_after?, recheck_after: recheck_after? },
        rules: Rules { pending: pending_interval?, ..rules? },
    });
    Some(ConfiguredAccount { source, since })
}
