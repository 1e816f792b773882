//! An account's own settings.

use super::address::server_of;
use super::{ServerHeader, Wolkvox, rules};
use crate::address;
use crate::nearest::nearest;
use crate::settings::Settings;
use crate::vendor::Opened;
use chrono_tz::{TZ_VARIANTS, Tz};
use std::sync::Arc;
use std::time::Duration;

/// Wolkvox' own keys.
pub const KEYS: &[&str] =
    &["token", "server", "base_url", "timezone", "daily_quota", "maintenance_pause", "server_header"];

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let address = address(settings);
    let header = server_header(settings);
    let zone = zone(settings);
    let quota = daily_quota(settings);
    let pause = maintenance_pause(settings);
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let (base, digits) = address?;
    let mut rules = rules?;
    rules.daily_quota = quota;
    rules.maintenance_pause = pause.unwrap_or(rules.maintenance_pause);
    let header = Some(header?).filter(|name| !name.is_empty());
    let server = header.zip(digits).map(|(name, digits)| ServerHeader { name, digits });
    let account = settings.account().to_owned();
    let source = Arc::new(Wolkvox { account, base, token: token?, server, zone: zone?, rules });
    Some(Opened { source, since })
}

/// Where to ask, and the server's digits where they are known.
fn address(settings: &mut Settings<'_>) -> Option<(String, Option<String>)> {
    let has_base = settings.value("base_url").is_some();
    if settings.value("server").is_none() && !has_base {
        let instead =
            "server = \"0042\", the digits in the address of your Wolkvox Manager, or base_url = \"https://…\"";
        settings.refuse("server", "missing", instead);
        return None;
    }
    let digits = match settings.value("server") {
        None => None,
        Some(_) => Some(server(settings)?),
    };
    if has_base {
        let base = base_url(settings)?;
        let digits = digits.or_else(|| server_of(&base));
        return Some((base, digits));
    }
    digits.map(|digits| (format!("https://wv{digits}.wolkvox.com"), Some(digits)))
}

fn server(settings: &mut Settings<'_>) -> Option<String> {
    // A number would have lost its leading zeros, so only text is taken.
    let digits = settings.text("server", "0042")?;
    let is_good = digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_good {
        settings.refuse("server", "must be the server's digits and nothing else", "server = \"0042\"");
    }
    is_good.then_some(digits)
}

fn base_url(settings: &mut Settings<'_>) -> Option<String> {
    let example = "https://wv0042.wolkvox.com";
    address::base_url(settings, example, &format!("base_url = \"{example}\""))
}

/// The name of the further header; empty where it is switched off.
fn server_header(settings: &mut Settings<'_>) -> Option<String> {
    match settings.value("server_header").map(|value| value.as_str().map(str::trim)) {
        None => return Some("wolkvox_server".to_owned()),
        Some(Some("")) => return Some(String::new()),
        Some(_) => {}
    }
    let name = settings.text("server_header", "wolkvox_server")?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) || name.eq_ignore_ascii_case(super::request::TOKEN_HEADER) {
        let instead = "server_header = \"wolkvox_server\", or \"\" to leave it out";
        settings.refuse("server_header", "is no name for this header", instead);
        return None;
    }
    Some(name)
}

fn zone(settings: &mut Settings<'_>) -> Option<Tz> {
    if settings.value("timezone").is_none() {
        return Some(Tz::America__Bogota);
    }
    let name = settings.text("timezone", "America/Bogota")?;
    let zone = name.parse().ok();
    if zone.is_none() {
        let meant = nearest(&name, TZ_VARIANTS.iter().map(|zone| zone.name())).unwrap_or_default();
        settings.refuse("timezone", format!("{name:?} is no IANA time zone"), format!("timezone = \"{meant}\""));
    }
    zone
}

fn daily_quota(settings: &mut Settings<'_>) -> Option<u32> {
    let quota = settings.whole("daily_quota", 1000)?;
    if quota == 0 {
        let instead = "daily_quota = 1000 for each licence, or leave it out";
        settings.refuse("daily_quota", "0 would forbid every request", instead);
    }
    Some(quota)
}

fn maintenance_pause(settings: &mut Settings<'_>) -> Option<Duration> {
    let pause = settings.duration("maintenance_pause")?;
    if pause < Duration::from_secs(1) {
        let why = "a vendor that is being maintained must be left alone for a moment";
        settings.refuse("maintenance_pause", why, "maintenance_pause = \"10m\"");
    }
    Some(pause)
}
