//! Reads the settings of an account.

use super::{ServerHeader, Wolkvox, rules};
use crate::server_url;
use crate::settings::Settings;
use crate::suggest::suggest;
use crate::vendor::ConfiguredAccount;
use chrono_tz::{TZ_VARIANTS, Tz};
use std::sync::Arc;

/// The settings that only Wolkvox has.
pub const KEYS: &[&str] =
    &["token", "server", "base_url", "timezone", "daily_quota", "maintenance_pause", "server_header"];

/// Opens an account. Problems go to `settings`.
pub fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let address = server_address(settings);
    let header = server_header(settings);
    let zone = zone(settings);
    let quota = daily_quota(settings);
    let pause = settings.wait("maintenance_pause", rules::defaults().maintenance_pause);
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let (base, digits) = address?;
    let mut rules = rules?;
    rules.daily_quota = quota;
    rules.maintenance_pause = pause?;
    let header = Some(header?).filter(|name| !name.is_empty());
    let server = header.zip(digits).map(|(name, digits)| ServerHeader { name, digits });
    let account = settings.account().to_owned();
    let source = Arc::new(Wolkvox { account, base, token: token?, server, zone: zone?, rules });
    Some(ConfiguredAccount { source, since })
}

/// The address of the server, and its digits where they are known.
fn server_address(settings: &mut Settings<'_>) -> Option<(String, Option<String>)> {
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
        let digits = digits.or_else(|| server_digits(&base));
        return Some((base, digits));
    }
    digits.map(|digits| (format!("https://wv{digits}.wolkvox.com"), Some(digits)))
}

/// The digits of the server, where `base` is an address in the vendor's own style.
pub fn server_digits(base: &str) -> Option<String> {
    let url = server_url::parse(base)?;
    let digits = url.host_str()?.strip_prefix("wv")?.strip_suffix(".wolkvox.com")?;
    let is_good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_good.then(|| digits.to_owned())
}

fn server(settings: &mut Settings<'_>) -> Option<String> {
    // A number would have lost its leading zeros, so only text is taken.
    let digits = settings.text("server", "0042")?;
    let is_good = digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_good {
        settings.refuse("server", "must be the digits of the server and nothing else", "server = \"0042\"");
    }
    is_good.then_some(digits)
}

fn base_url(settings: &mut Settings<'_>) -> Option<String> {
    let example = "https://wv0042.wolkvox.com";
    server_url::base_url(settings, example, &format!("base_url = \"{example}\""))
}

/// The name of the header that holds the server's digits; empty where the account switches the header off.
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
        settings.refuse("server_header", "this is not the name of a header, or the token's own header", instead);
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
        let meant = suggest(&name, TZ_VARIANTS.iter().map(|zone| zone.name())).unwrap_or_default();
        settings.refuse("timezone", format!("{name:?} is not an IANA time zone"), format!("timezone = \"{meant}\""));
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
