//! Parses a mail: its sender, date and text, and the attachments that may be CSV.

use chrono::{DateTime, Utc};
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType};

/// A parsed mail. It is personal data, so it has no `Debug` that a log could use by mistake.
pub struct ParsedMail {
    /// The header `Message-ID`, without the angle brackets.
    pub message_id: Option<String>,
    /// The address of the first sender.
    pub from: Option<String>,
    /// The header `Date`.
    pub date: Option<DateTime<Utc>>,
    /// The header `Subject`.
    pub subject: Option<String>,
    /// The text body.
    pub text: String,
    /// The attachments that may be CSV, in order.
    pub attachments: Vec<Attachment>,
}

/// An attached or inline part that may be CSV.
pub struct Attachment {
    /// The file name.
    pub name: Option<String>,
    /// The declared media type, in lower case: `text/csv`.
    pub content_type: String,
    /// The decoded content; converted to UTF-8 if the mail declares another known character set.
    pub bytes: Vec<u8>,
}

/// Why a mail cannot be used. The text holds nothing of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailParseError {
    /// The mail has no valid header.
    #[error("the mail has no valid header")]
    NoHeader,
    /// The transfer encoding of an attachment is invalid, so its content would differ from what was sent.
    #[error("an attachment's transfer encoding is invalid")]
    InvalidEncoding,
    /// The only attachments are zip files.
    #[error(
        "the attachment is a zip file, which is not read; let the vendor send CSV, or run `convosync import` with the unpacked file"
    )]
    Zip,
}

impl ParsedMail {
    /// Parses a message.
    ///
    /// # Errors
    /// If it is not a mail, is damaged, or has only zip attachments.
    pub fn parse(raw: &[u8]) -> Result<Self, MailParseError> {
        let message = MessageParser::default().parse(raw).ok_or(MailParseError::NoHeader)?;
        let mut attachments = Vec::new();
        let has_zip = collect_csv(&message, &mut attachments)?;
        if attachments.is_empty() && has_zip {
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

    /// Whether the text, the subject or a file name contains `word`, such as the id of a bot; case does not matter.
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let names = self.attachments.iter().filter_map(|attachment| attachment.name.as_deref());
        let texts = names.chain(self.subject.as_deref()).chain([self.text.as_str()]);
        !word.is_empty() && texts.into_iter().any(|text| text.to_lowercase().contains(&word))
    }
}

/// Adds the parts that may be CSV, also those of forwarded mails, as deep as the parser descends. Returns whether there
/// is a zip file.
fn collect_csv(message: &Message<'_>, attachments: &mut Vec<Attachment>) -> Result<bool, MailParseError> {
    let mut has_zip = false;
    for part in &message.parts {
        match &part.body {
            PartType::Multipart(_) => {}
            PartType::Message(inner) => has_zip |= collect_csv(inner, attachments)?,
            _ => {
                let content_type = content_type(part);
                let name = part.attachment_name().map(str::to_owned);
                has_zip |= is_zip(&content_type, name.as_deref());
                if may_be_csv(&content_type, name.as_deref()) {
                    let bytes = bytes(message, part)?;
                    attachments.push(Attachment { name, content_type, bytes });
                }
            }
        }
    }
    Ok(has_zip)
}

/// Whether the media type is CSV, or the name ends in `.csv`: mail programs often send CSV under another type.
fn may_be_csv(content_type: &str, name: Option<&str>) -> bool {
    let csv_types = ["text/csv", "text/x-csv", "application/csv", "application/x-csv", "text/comma-separated-values"];
    csv_types.contains(&content_type) || ends_in(name, ".csv")
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

/// A part's content, byte by byte. The parser converts text to UTF-8, which would change invalid or undeclared
/// characters; its conversion is used only if the mail declares a character set other than UTF-8.
fn bytes(message: &Message<'_>, part: &MessagePart<'_>) -> Result<Vec<u8>, MailParseError> {
    if part.is_encoding_problem {
        return Err(MailParseError::InvalidEncoding);
    }
    let charset = part.content_type().and_then(|declared| declared.attribute("charset")).unwrap_or("utf-8");
    let is_utf8 = ["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name));
    match &part.body {
        PartType::Text(text) | PartType::Html(text) if !is_utf8 => Ok(text.as_bytes().to_vec()),
        PartType::Text(_) | PartType::Html(_) => {
            let raw = message.raw_message.get(part.offset_body as usize..part.offset_end as usize);
            let raw = raw.ok_or(MailParseError::InvalidEncoding)?;
            match part.encoding {
                Encoding::None => Some(raw.to_vec()),
                Encoding::Base64 => base64_decode(raw),
                Encoding::QuotedPrintable => quoted_printable_decode(raw),
            }
            .ok_or(MailParseError::InvalidEncoding)
        }
        _ => Ok(part.contents().to_vec()),
    }
}

#[cfg(test)]
mod tests;
