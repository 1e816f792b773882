//! Reads the settings that say which mails of the mailbox are believed.

use crate::settings::Settings;
use domain::mail_trust::{AllowedSender, MailPolicy};

/// A setting is invalid; the settings hold the problem.
struct InvalidSetting;

/// The policy of a mailbox. Only programs of the own host can write to a Maildir, so that its mails need no proof.
pub fn mail_policy(settings: &mut Settings<'_>, is_maildir: bool) -> Option<MailPolicy> {
    let senders = senders(settings)?;
    let authserv_id = authserv_id(settings).ok()?;
    if authserv_id.is_some() && senders.is_empty() {
        let why = "lets in every authentic sender unless mailbox_from names the vendor's";
        return settings.wrong("mailbox_authserv_id", why, "mailbox_from = [\"@certainly.io\"]");
    }
    Some(MailPolicy { senders, authserv_id, is_trusted_folder: is_maildir })
}

fn senders(settings: &mut Settings<'_>) -> Option<Vec<AllowedSender>> {
    const EXAMPLE: &str = "@certainly.io";
    if settings.value("mailbox_from").is_none() {
        return Some(Vec::new());
    }
    let written = settings.texts("mailbox_from", EXAMPLE)?;
    let senders: Option<Vec<AllowedSender>> = written.iter().map(|text| AllowedSender::parse(text)).collect();
    let why = "must be mail addresses or domains with an @ before them";
    senders.or_else(|| settings.wrong("mailbox_from", why, format!("mailbox_from = [\"{EXAMPLE}\"]")))
}

/// The server's name: a word, as it stands before the first semicolon in the header.
fn authserv_id(settings: &mut Settings<'_>) -> Result<Option<String>, InvalidSetting> {
    const EXAMPLE: &str = "mx.example.com";
    if settings.value("mailbox_authserv_id").is_none() {
        return Ok(None);
    }
    let id = settings.text("mailbox_authserv_id", EXAMPLE).ok_or(InvalidSetting)?;
    let is_part = |byte: u8| byte.is_ascii_graphic() && !b"()<>,;:\\\"/[]?=".contains(&byte);
    if !id.bytes().all(is_part) {
        let why = "must be the word before the first semicolon of a header Authentication-Results";
        settings.refuse("mailbox_authserv_id", why, format!("mailbox_authserv_id = \"{EXAMPLE}\""));
        return Err(InvalidSetting);
    }
    Ok(Some(id))
}
