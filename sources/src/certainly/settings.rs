//! An account's own settings.

use super::days::ToDate;
use super::{Certainly, rules};
use crate::address::base_url_or;
use crate::settings::Settings;
use crate::vendor::Opened;
use domain::rules::Export;
use domain::source::Mailbox;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Certainly's own keys.
pub const KEYS: &[&str] = &[
    "token",
    "bot_ids",
    "base_url",
    "message_report_path",
    "report_id",
    "to_date",
    "mailbox",
    "mailbox_password",
    "mailbox_ca_file",
    "mailbox_interval",
    "busy_retry",
    "export_patience",
];

const BASE: &str = "https://app.certainly.io/api";
const PATH: &str = "frontend/reports/messages/";
const BOT: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/// Opens an account, or tells `settings` what is wrong with it.
pub fn open(settings: &mut Settings<'_>) -> Option<Opened> {
    let since = settings.since();
    let token = settings.secret("token");
    let bots = bots(settings);
    let base = base_url_or(settings, BASE);
    let path = path(settings);
    let report = report(settings);
    let to_date = to_date(settings);
    let mailbox = mailbox(settings);
    let busy_retry = pause(settings, "busy_retry", Duration::from_mins(15));
    let patience = pause(settings, "export_patience", Duration::from_hours(24));
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let mailbox = mailbox.ok()?;
    let (busy_retry, patience) = (busy_retry?, patience?);
    let mut rules = rules?;
    // Nothing that comes by mail could be seen without a mailbox.
    rules.export = mailbox.as_ref().map(|_| Export { busy_retry, patience });
    let source = Arc::new(Certainly {
        account: settings.account().to_owned(),
        base: base?,
        path: path?,
        token: token?,
        bots: bots?,
        report: report?,
        to_date: to_date?,
        counts_in: Arc::new(AtomicBool::new(false)),
        mailbox,
        rules,
    });
    Some(Opened { source, since })
}

fn bots(settings: &mut Settings<'_>) -> Option<Vec<String>> {
    let instead = format!("bot_ids = [\"{BOT}\"], the id in the address of each chatbot in the Conversation Builder");
    if settings.value("bot_ids").is_none() {
        settings.refuse("bot_ids", "missing", instead);
        return None;
    }
    let bots = settings.texts("bot_ids", BOT)?;
    let is_id = |bot: &String| {
        bot.len() <= 128 && bot.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if let Some(bad) = bots.iter().find(|bot| !is_id(bot)) {
        settings.refuse("bot_ids", format!("{bad:?} is no id of a bot"), instead);
        return None;
    }
    let twice = |bot: &&String| bots.iter().filter(|other| other.eq_ignore_ascii_case(bot)).count() > 1;
    if let Some(bot) = bots.iter().find(twice) {
        settings.refuse("bot_ids", format!("{bot:?} is there twice"), instead);
        return None;
    }
    Some(bots)
}

/// Without slashes around it: the request puts them there.
fn path(settings: &mut Settings<'_>) -> Option<String> {
    let written = match settings.value("message_report_path") {
        None => PATH.to_owned(),
        Some(_) => settings.text("message_report_path", PATH)?,
    };
    let path = written.trim_matches('/');
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte))
    };
    if !path.split('/').all(is_part) {
        let instead = format!("message_report_path = \"{PATH}\" or \"reports/messages/\"");
        settings.refuse("message_report_path", "is no path below base_url", instead);
        return None;
    }
    Some(path.to_owned())
}

fn report(settings: &mut Settings<'_>) -> Option<u8> {
    if settings.value("report_id").is_none() {
        return Some(1);
    }
    let report = settings.whole("report_id", 1)?;
    if !(1..=4).contains(&report) {
        let instead = "1 for message data, 2 for standard, 3 for advanced, 4 for content management";
        settings.refuse("report_id", "there is no such report", instead);
        return None;
    }
    Some(report)
}

fn to_date(settings: &mut Settings<'_>) -> Option<ToDate> {
    if settings.value("to_date").is_none() {
        return Some(ToDate::Inclusive);
    }
    match settings.text("to_date", "inclusive")?.as_str() {
        "inclusive" => Some(ToDate::Inclusive),
        "exclusive" => Some(ToDate::Exclusive),
        other => {
            let why = format!("{other:?} is neither of the two");
            settings.refuse("to_date", why, "to_date = \"inclusive\" or \"exclusive\"");
            None
        }
    }
}

/// What was wrong has been told.
struct Told;

fn mailbox(settings: &mut Settings<'_>) -> Result<Option<Mailbox>, Told> {
    let interval = pause(settings, "mailbox_interval", Duration::from_mins(1));
    let password = settings.value("mailbox_password").map(|_| settings.password("mailbox_password").ok_or(Told));
    let password = password.transpose()?;
    if settings.value("mailbox").is_none() {
        if password.is_some() {
            let instead = "mailbox = \"imaps://user@host/INBOX\", or leave mailbox_password out";
            settings.refuse("mailbox_password", "there is no mailbox", instead);
            return Err(Told);
        }
        return Ok(None);
    }
    let address = settings.text("mailbox", "maildir:/var/mail/certainly").ok_or(Told)?;
    let why = match address.split_once(':') {
        Some(("maildir", path)) if path.starts_with('/') => password.as_ref().map(|_| "takes no mailbox_password"),
        Some(("imap" | "imaps", server)) => wrong_server(server),
        _ => Some("is no mailbox"),
    };
    if let Some(why) = why {
        let instead = "mailbox = \"maildir:/path\", \"imap://user@host/Folder\" or \"imaps://user@host/Folder\"";
        settings.refuse("mailbox", why, instead);
        return Err(Told);
    }
    let is_server = !address.starts_with("maildir:");
    let password = match password {
        None if is_server => Some(settings.password("mailbox_password").ok_or(Told)?),
        password => password,
    };
    let ca_file =
        settings.value("mailbox_ca_file").map(|_| settings.text("mailbox_ca_file", "/etc/ssl/company.pem").ok_or(Told));
    Ok(Some(Mailbox { address, password, ca_file: ca_file.transpose()?, interval: interval.ok_or(Told)? }))
}

fn wrong_server(server: &str) -> Option<&'static str> {
    let Some((user, host)) = server.strip_prefix("//").and_then(|server| server.split('/').next()?.rsplit_once('@'))
    else {
        return Some("must name a user before the host");
    };
    if user.contains(':') {
        return Some("must hold no password; that is mailbox_password");
    }
    (user.is_empty() || host.is_empty()).then_some("must name a user before the host")
}

fn pause(settings: &mut Settings<'_>, key: &str, default: Duration) -> Option<Duration> {
    if settings.value(key).is_none() {
        return Some(default);
    }
    let pause = settings.duration(key)?;
    if pause < Duration::from_secs(1) {
        let instead = format!("{key} = \"{}s\"", default.as_secs());
        settings.refuse(key, "less than a second is no wait", instead);
        return None;
    }
    Some(pause)
}
