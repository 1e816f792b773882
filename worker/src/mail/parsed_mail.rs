//! A mail, opened: who wrote it, and the files in it that may be CSV.

use chrono::{DateTime, Utc};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

/// A mail. All of it is personal data: it has no `Debug`, so that no log gets it by mistake.
pub struct ParsedMail {
    /// As the sender's program named it, without the angle brackets.
    pub message_id: Option<String>,
    /// The first sender's bare address.
    pub from: Option<String>,
    /// When it says it was written.
    pub date: Option<DateTime<Utc>>,
    /// What it says it is about.
    pub subject: Option<String>,
    /// What it says in plain words.
    pub text: String,
    /// The files that may be CSV, in the order in which they stand.
    pub attachments: Vec<Attachment>,
}

/// A file in a mail, or a part shown inline, that may be CSV.
pub struct Attachment {
    /// What it is called.
    pub name: Option<String>,
    /// What it is said to be, in lower case: `text/csv`.
    pub content_type: String,
    /// Decoded. In UTF-8 where the mail declares another character set that is known.
    pub bytes: Vec<u8>,
}

/// Why a mail cannot be used. It holds nothing of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailParseError {
    /// Not even one header.
    #[error("the mail has no header that can be read")]
    Headless,
    /// A part's encoding is broken, so that its content would not be what was sent.
    #[error("an attachment's encoding is broken")]
    Broken,
    /// Nothing but zip files.
    #[error("the mail brings a zip file, which is not read; have the report sent as CSV, or import the file by hand")]
    Zip,
}

impl ParsedMail {
    /// Opens it.
    ///
    /// # Errors
    /// Where it is no mail, is damaged, or brings its files only zipped.
    pub fn read(raw: &[u8]) -> Result<Self, MailParseError> {
        let message = MessageParser::default().parse(raw).ok_or(MailParseError::Headless)?;
        let mut attachments = Vec::new();
        let zipped = gather(&message, &mut attachments)?;
        if attachments.is_empty() && zipped {
            return Err(MailParseError::Zip);
        }
        let sender = message.from().and_then(|from| from.first()).and_then(|sender| sender.address());
        Ok(Self {
            message_id: message.message_id().map(str::to_owned),
            from: sender.map(str::to_owned),
            date: message.date().and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0)),
            subject: message.subject().map(str::to_owned),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            attachments,
        })
    }

    /// Whether its text, its subject or a file's name has `word` in it, such as the id of a bot.
    #[must_use]
    pub fn names(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let names = self.attachments.iter().filter_map(|attachment| attachment.name.as_deref());
        let said = names.chain(self.subject.as_deref()).chain([self.text.as_str()]);
        !word.is_empty() && said.into_iter().any(|said| said.to_lowercase().contains(&word))
    }
}

/// Adds what may be CSV; true where there is a zip file. Goes into mails that were forwarded as an attachment too,
/// as deep as the parser does.
fn gather(message: &Message<'_>, attachments: &mut Vec<Attachment>) -> Result<bool, MailParseError> {
    let mut zipped = false;
    for part in &message.parts {
        match &part.body {
            PartType::Multipart(_) => {}
            PartType::Message(inner) => zipped |= gather(inner, attachments)?,
            _ => {
                let content_type = content_type(part);
                let name = part.attachment_name().map(str::to_owned);
                zipped |= is_zip(&content_type, name.as_deref());
                if may_be_csv(&content_type, name.as_deref()) {
                    let bytes = bytes(message, part)?;
                    attachments.push(Attachment { name, content_type, bytes });
                }
            }
        }
    }
    Ok(zipped)
}

/// A type that says CSV is enough; another type, as mail programs guess it, needs the name to say so.
fn may_be_csv(content_type: &str, name: Option<&str>) -> bool {
    let says_so = ["text/csv", "text/x-csv", "application/csv", "application/x-csv", "text/comma-separated-values"];
    says_so.contains(&content_type) || ends_in(name, ".csv")
}

fn is_zip(content_type: &str, name: Option<&str>) -> bool {
    ["application/zip", "application/x-zip-compressed"].contains(&content_type) || ends_in(name, ".zip")
}

fn ends_in(name: Option<&str>, ending: &str) -> bool {
    name.is_some_and(|name| name.trim_end().to_lowercase().ends_with(ending))
}

fn content_type(part: &MessagePart<'_>) -> String {
    let declared = part.content_type().map(|declared| (declared.ctype(), declared.subtype().unwrap_or("plain")));
    let (kind, subtype) = declared.unwrap_or(("text", "plain"));
    format!("{kind}/{subtype}").to_ascii_lowercase()
}

/// A part's content, byte by byte. The parser turns text into UTF-8 by force, which would change a character that is
/// wrong or not declared: it is asked only where the mail declares a character set that is not UTF-8 anyway.
fn bytes(message: &Message<'_>, part: &MessagePart<'_>) -> Result<Vec<u8>, MailParseError> {
    if part.is_encoding_problem {
        return Err(MailParseError::Broken);
    }
    let charset = part.content_type().and_then(|declared| declared.attribute("charset")).unwrap_or("utf-8");
    let is_utf8 = ["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known));
    match &part.body {
        PartType::Text(text) | PartType::Html(text) if !is_utf8 => Ok(text.as_bytes().to_vec()),
        PartType::Text(_) | PartType::Html(_) => {
            let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize);
            let raw = raw.ok_or(MailParseError::Broken)?;
            match part.encoding {
                Encoding::None => Some(raw.to_vec()),
                Encoding::Base64 => base64_decode(raw),
                Encoding::QuotedPrintable => quoted_printable_decode(raw),
            }
            .ok_or(MailParseError::Broken)
        }
        _ => Ok(part.contents().to_vec()),
    }
}

#[cfg(test)]
mod tests;
