//! An account's own settings.

use super::{Ultimate, rules};
use crate::address;
use crate::nearest::nearest;
use crate::settings::Settings;
use crate::vendor::Opened;
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;

/// Ultimate's own keys.
pub const KEYS: &[&str] =
    &["token", "organization_id", "bot_ids", "base_url", "version", "auth_scheme", "ttl", "max_lookback_days"];

/// How long addresses of files are good where the settings say nothing; the vendor would give them a day.
const TTL: Duration = Duration::from_hours(1);
/// "Dates within 30 days of today."
const KEPT: i64 = 30;
/// An id as the vendor shows it.
const EXAMPLE: &str = "6a41cee6fbfda88b1060d653";

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let organization = organization(settings);
    let bots = bots(settings);
    let base = base_url(settings);
    let version = choice(settings, "version", &["v2", "v3"]);
    let scheme = choice(settings, "auth_scheme", &["raw", "bearer"]);
    let ttl = ttl(settings);
    let kept = kept(settings);
    let rules = settings.rules(&rules::defaults(TimeDelta::days(kept.unwrap_or(KEPT))), &rules::limits());

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
    Some(Opened { source, since })
}

fn organization(settings: &mut Settings<'_>) -> Option<String> {
    let instead = format!("organization_id = \"{EXAMPLE}\"");
    if settings.value("organization_id").is_none() {
        settings.refuse("organization_id", "missing", instead);
        return None;
    }
    let id = settings.text("organization_id", EXAMPLE)?;
    if !is_id(&id) {
        settings.refuse("organization_id", "is no id", instead);
        return None;
    }
    Some(id)
}

fn bots(settings: &mut Settings<'_>) -> Option<Vec<String>> {
    let instead = format!("bot_ids = [\"{EXAMPLE}\"]");
    if settings.value("bot_ids").is_none() {
        settings.refuse("bot_ids", "missing", instead);
        return None;
    }
    let ids = settings.texts("bot_ids", EXAMPLE)?;
    let twice = |(at, id): (usize, &String)| ids.iter().take(at).any(|other| other.eq_ignore_ascii_case(id));
    if !ids.iter().all(|id| is_id(id)) {
        settings.refuse("bot_ids", "holds something that is no id", instead);
        return None;
    }
    if ids.iter().enumerate().any(twice) {
        settings.refuse("bot_ids", "names a bot twice", instead);
        return None;
    }
    Some(ids)
}

/// Whether it can be sent in a header, and be the name of a stream.
fn is_id(text: &str) -> bool {
    text.len() <= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn base_url(settings: &mut Settings<'_>) -> Option<String> {
    let instead = "base_url = \"https://api.ultimate.ai\", \"https://api.us.ultimate.ai\", or \
                   \"https://{subdomain}.zendesk.com/ai-agents/api\" with your own subdomain";
    if settings.value("base_url").is_none() {
        settings.refuse("base_url", "missing", instead);
        return None;
    }
    address::base_url(settings, "https://api.ultimate.ai", instead)
}

/// One of two words, the first where nothing is written.
fn choice(settings: &mut Settings<'_>, key: &str, words: &[&'static str; 2]) -> Option<&'static str> {
    if settings.value(key).is_none() {
        return Some(words[0]);
    }
    let written = settings.text(key, words[0])?;
    let found = words.iter().find(|word| **word == written).copied();
    if found.is_none() {
        let meant = nearest(&written, words.iter().copied()).unwrap_or(words[0]);
        let why = format!("must be {:?} or {:?}", words[0], words[1]);
        settings.refuse(key, why, format!("{key} = \"{meant}\""));
    }
    found
}

fn ttl(settings: &mut Settings<'_>) -> Option<Duration> {
    if settings.value("ttl").is_none() {
        return Some(TTL);
    }
    let ttl = settings.duration("ttl")?;
    let is_good = ttl.as_secs() % 60 == 0 && ttl.subsec_nanos() == 0 && (60..=86_400).contains(&ttl.as_secs());
    if !is_good {
        settings.refuse("ttl", "must be whole minutes, a day at most", "ttl = \"60m\"");
    }
    is_good.then_some(ttl)
}

fn kept(settings: &mut Settings<'_>) -> Option<i64> {
    let days: u32 = settings.whole("max_lookback_days", KEPT.unsigned_abs())?;
    if !(1..=3650).contains(&days) {
        settings.refuse("max_lookback_days", "must be 1 to 3650", "max_lookback_days = 30");
    }
    Some(i64::from(days))
}
