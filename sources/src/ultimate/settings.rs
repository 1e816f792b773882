//! Reads the settings of an account.

use super::{Ultimate, rules};
use crate::server_url;
use crate::settings::{Settings, is_id};
use crate::vendor::ConfiguredAccount;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;

/// The settings that only Ultimate has.
pub const KEYS: &[&str] =
    &["token", "organization_id", "bot_ids", "base_url", "version", "auth_scheme", "ttl", "max_lookback_days"];

/// How long the URLs of files are valid, where the account does not set it. The vendor's own default is a day.
const DEFAULT_TTL: Duration = Duration::from_hours(1);
/// "Dates within 30 days of today."
const DEFAULT_LOOKBACK_DAYS: i64 = 30;
/// An id in the vendor's form.
const EXAMPLE: &str = "6a41cee6fbfda88b1060d653";

/// Opens an account. Problems go to `settings`.
pub fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let organization = organization(settings);
    let bots = settings.ids("bot_ids", EXAMPLE, "");
    let base = base_url(settings);
    let version = settings.one_of("version", &["v2", "v3"]);
    let scheme = settings.one_of("auth_scheme", &["raw", "bearer"]);
    let ttl = ttl(settings);
    let lookback = lookback_days(settings);
    let rules =
        settings.rules(&rules::defaults(TimeDelta::days(lookback.unwrap_or(DEFAULT_LOOKBACK_DAYS))), &rules::limits());

    let source = Arc::new(Ultimate {
        account: settings.account().to_owned(),
        base: base?,
        token: token?,
        organization: organization?,
        bots: bots?,
        version: version?,
        is_bearer: scheme? == "bearer",
        ttl: ttl?,
        rules: rules?,
    });
    Some(ConfiguredAccount { source, since })
}

fn organization(settings: &mut Settings<'_>) -> Option<String> {
    let instead = format!("organization_id = \"{EXAMPLE}\"");
    if settings.value("organization_id").is_none() {
        settings.refuse("organization_id", "missing", instead);
        return None;
    }
    let id = settings.text("organization_id", EXAMPLE)?;
    if !is_id(&id) {
        settings.refuse("organization_id", "this is not an id: letters, digits, - and _", instead);
        return None;
    }
    Some(id)
}

fn base_url(settings: &mut Settings<'_>) -> Option<String> {
    let instead = "base_url = \"https://api.ultimate.ai\", \"https://api.us.ultimate.ai\", or \
                   \"https://{subdomain}.zendesk.com/ai-agents/api\" with your own subdomain";
    if settings.value("base_url").is_none() {
        settings.refuse("base_url", "missing", instead);
        return None;
    }
    server_url::base_url(settings, "https://api.ultimate.ai", instead)
}

fn ttl(settings: &mut Settings<'_>) -> Option<Duration> {
    if settings.value("ttl").is_none() {
        return Some(DEFAULT_TTL);
    }
    let ttl = settings.duration("ttl")?;
    let is_good = ttl.as_secs() % 60 == 0 && ttl.subsec_nanos() == 0 && (60..=86_400).contains(&ttl.as_secs());
    if !is_good {
        settings.refuse("ttl", "must be whole minutes, and a day at most", "ttl = \"60m\"");
    }
    is_good.then_some(ttl)
}

fn lookback_days(settings: &mut Settings<'_>) -> Option<i64> {
    let days: u32 = settings.whole("max_lookback_days", DEFAULT_LOOKBACK_DAYS.unsigned_abs())?;
    if !(1..=3650).contains(&days) {
        settings.refuse("max_lookback_days", "must be a number from 1 to 3650", "max_lookback_days = 30");
    }
    Some(i64::from(days))
}
