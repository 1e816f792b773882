//! Reads the settings of an account.

use super::days::ToDate;
use super::mail_policy::mail_policy;
use super::{Certainly, rules};
use crate::server_url::base_url_or;
use crate::settings::Settings;
use crate::vendor::ConfiguredAccount;
use domain::rules::Export;
use domain::source::Mailbox;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The settings that only Certainly has.
pub const KEYS: &[&str] = &[
    "token",
    "bot_ids",
    "base_url",
    "message_report_path",
    "report_id",
    "to_date",
    "mailbox",
    "mailbox_password",
    "mailbox_token_command",
    "mailbox_ca_file",
    "mailbox_from",
    "mailbox_authserv_id",
    "mailbox_interval",
    "busy_retry",
    "export_patience",
];

const BASE: &str = "https://app.certainly.io/api";
const PATH: &str = "frontend/reports/messages/";
const BOT: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const BOT_HINT: &str = ", the id in the address of each chatbot in the Conversation Builder";

/// Opens an account. Problems go to `settings`.
pub fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let bots = settings.ids("bot_ids", BOT, BOT_HINT);
    let base = base_url_or(settings, BASE);
    let path = path(settings);
    let report = report(settings);
    let to_date = to_date(settings);
    let mailbox = mailbox(settings);
    let busy_retry = settings.wait("busy_retry", Duration::from_mins(15));
    let patience = settings.wait("export_patience", Duration::from_hours(24));
    let rules = settings.rules(&rules::defaults(), &rules::limits());

    let mailbox = mailbox.ok()?;
    let (busy_retry, patience) = (busy_retry?, patience?);
    let mut rules = rules?;
    // Without a mailbox the answer to an export would never arrive.
    rules.export = mailbox.as_ref().map(|_| Export { busy_retry, patience });
    let source = Arc::new(Certainly {
        account: settings.account().to_owned(),
        base: base?,
        path: path?,
        token: token?,
        bots: bots?,
        report: report?,
        to_date: to_date?,
        includes_to_date: Arc::new(AtomicBool::new(false)),
        mailbox,
        rules,
    });
    Some(ConfiguredAccount { source, since })
}

/// The path of the report, without slashes around it, which the request adds.
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
        settings.refuse(
            "message_report_path",
            "must be a path below base_url: words with slashes between them",
            instead,
        );
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
        let instead = "report_id = 1 for message data, 2 for standard, 3 for advanced, 4 for content management";
        settings.refuse("report_id", "there is no such report", instead);
        return None;
    }
    Some(report)
}

fn to_date(settings: &mut Settings<'_>) -> Option<ToDate> {
    match settings.one_of("to_date", &["inclusive", "exclusive"])? {
        "exclusive" => Some(ToDate::Exclusive),
        _ => Some(ToDate::Inclusive),
    }
}

/// The mailbox is invalid; the settings hold the problem.
struct InvalidMailbox;

fn mailbox(settings: &mut Settings<'_>) -> Result<Option<Mailbox>, InvalidMailbox> {
    let interval = settings.wait("mailbox_interval", Duration::from_mins(1));
    let password =
        settings.value("mailbox_password").map(|_| settings.password("mailbox_password").ok_or(InvalidMailbox));
    let password = password.transpose()?;
    let token_command = token_command(settings, password.is_some())?;
    if settings.value("mailbox").is_none() {
        for key in ["mailbox_token_command", "mailbox_from", "mailbox_authserv_id"] {
            if settings.value(key).is_some() {
                settings.refuse(key, "the account has no mailbox", format!("mailbox = \"…\", or leave {key} out"));
                return Err(InvalidMailbox);
            }
        }
        if password.is_some() {
            let instead = "mailbox = \"imaps://user@host/INBOX\", or leave mailbox_password out";
            settings.refuse("mailbox_password", "the account has no mailbox", instead);
            return Err(InvalidMailbox);
        }
        return Ok(None);
    }
    let address = settings.text("mailbox", "maildir:/var/mail/certainly").ok_or(InvalidMailbox)?;
    let why = match address.split_once(':') {
        Some(("maildir", path)) if path.starts_with('/') => {
            let has_login = password.is_some() || token_command.is_some();
            has_login.then_some("a Maildir takes no mailbox_password and no mailbox_token_command")
        }
        Some(("imap" | "imaps", server)) => wrong_server(server),
        _ => Some("must be a Maildir or an IMAP mailbox"),
    };
    if let Some(why) = why {
        let instead = "mailbox = \"maildir:/path\", \"imap://user@host/Folder\" or \"imaps://user@host/Folder\"";
        settings.refuse("mailbox", why, instead);
        return Err(InvalidMailbox);
    }
    let is_server = !address.starts_with("maildir:");
    let password = match password {
        None if is_server && token_command.is_none() => {
            Some(settings.password("mailbox_password").ok_or(InvalidMailbox)?)
        }
        password => password,
    };
    let policy = mail_policy(settings, !is_server).ok_or(InvalidMailbox)?;
    let ca_file = settings
        .value("mailbox_ca_file")
        .map(|_| settings.text("mailbox_ca_file", "/etc/ssl/company.pem").ok_or(InvalidMailbox));
    let (ca_file, interval) = (ca_file.transpose()?, interval.ok_or(InvalidMailbox)?);
    Ok(Some(Mailbox { address, password, token_command, ca_file, interval, policy }))
}

/// The command that prints an access token: a list, because a text would need a shell to be split.
fn token_command(settings: &mut Settings<'_>, has_password: bool) -> Result<Option<Vec<String>>, InvalidMailbox> {
    const KEY: &str = "mailbox_token_command";
    let instead = "mailbox_token_command = [\"/usr/local/bin/mail-token\", \"reports@example.com\"]";
    let words: Option<Vec<String>> = match settings.value(KEY) {
        None => return Ok(None),
        Some(Value::Array(words)) if words.is_empty() => return Ok(None),
        Some(Value::Array(words)) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    let why = match &words {
        _ if has_password => Some("must not be set beside mailbox_password: the mailbox takes one of them"),
        Some(words) if words.first().is_some_and(|program| !program.trim().is_empty()) => None,
        _ => Some("must be a list of a program and its arguments, in quotes"),
    };
    match why {
        None => Ok(words),
        Some(why) => {
            settings.refuse(KEY, why, instead);
            Err(InvalidMailbox)
        }
    }
}

fn wrong_server(server: &str) -> Option<&'static str> {
    let Some((user, host)) = server.strip_prefix("//").and_then(|server| server.split('/').next()?.rsplit_once('@'))
    else {
        return Some("must name a user before the host");
    };
    if user.contains(':') {
        return Some("must not contain the password; write the password to mailbox_password");
    }
    (user.is_empty() || host.is_empty()).then_some("must name a user before the host")
}
