//! Parses a mail: its sender, date and text, and the attachments that may be CSV.

use super::mime_part::{DEEPEST, LONGEST_HEADER, MOST_PARTS, header, leaves};
use chrono::{DateTime, Utc};
use mail_parser::{Address, HeaderName, Message};

/// A parsed mail. It is personal data, so it has no `Debug` that a log could use by mistake.
pub struct ParsedMail {
    /// The header `Message-ID`, without the angle brackets.
    pub message_id: Option<String>,
    /// The address of the sender; `None` unless there is exactly one.
    pub from: Option<String>,
    /// The values of the headers `Authentication-Results`, the topmost one first.
    pub authentication_results: Vec<String>,
    /// The header `Date`.
    pub date: Option<DateTime<Utc>>,
    /// The header `Subject`.
    pub subject: Option<String>,
    /// The beginning of the text body.
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
    /// A header is too long.
    #[error("a header of the mail is longer than {LONGEST_HEADER} bytes")]
    HeaderTooLong,
    /// The mail has too many parts.
    #[error("the mail has more than {MOST_PARTS} parts")]
    TooManyParts,
    /// The parts are nested too deep.
    #[error("the parts of the mail are nested deeper than {DEEPEST}")]
    TooDeep,
    /// The mail has too many files.
    #[error("the mail has more than {MOST_FILES} CSV files; run `convosync import` for each")]
    TooManyFiles,
    /// The transfer encoding of an attachment is invalid, so its content would differ from what was sent.
    #[error("an attachment's transfer encoding is invalid")]
    InvalidEncoding,
    /// The only attachments are zip files.
    #[error(
        "the attachment is a zip file, which is not read; let the vendor send CSV, or run `convosync import` with the unpacked file"
    )]
    Zip,
}

/// The most CSV files in a mail: each is read for each outstanding export.
const MOST_FILES: usize = 10;
/// The longest text of a mail in which names are looked for, in bytes.
const LONGEST_TEXT: usize = 64 << 10;

impl ParsedMail {
    /// Parses a message.
    ///
    /// # Errors
    /// If it is not a mail, is damaged or beyond a bound, or has only zip attachments.
    pub fn parse(raw: &[u8]) -> Result<Self, MailParseError> {
        let header = header(raw)?.ok_or(MailParseError::NoHeader)?;
        let (mut attachments, mut text, mut has_zip) = (Vec::new(), None, false);
        for part in leaves(raw)? {
            has_zip |= is_zip(&part.content_type, part.name.as_deref());
            if may_be_csv(&part.content_type, part.name.as_deref()) {
                if attachments.len() == MOST_FILES {
                    return Err(MailParseError::TooManyFiles);
                }
                let bytes = part.decode()?;
                attachments.push(Attachment { name: part.name, content_type: part.content_type, bytes });
            } else if text.is_none() && ["text/plain", "text/html"].contains(&part.content_type.as_str()) {
                text = Some(part.text(LONGEST_TEXT));
            }
        }
        if attachments.is_empty() && has_zip {
            return Err(MailParseError::Zip);
        }
        Ok(Self {
            message_id: header.message_id().map(str::to_owned),
            from: only_sender(&header),
            authentication_results: values(&header, &HeaderName::AuthenticationResults),
            date: header.date().and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0)),
            subject: header.subject().map(str::to_owned),
            text: text.unwrap_or_default(),
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

/// The address in the header `From`. With two headers or two addresses, the mail server may have checked one and a reader see
/// the other.
fn only_sender(header: &Message<'_>) -> Option<String> {
    let mut fields = header.header_values(HeaderName::From);
    let address = fields.next().filter(|_| fields.next().is_none())?.as_address()?;
    let Address::List(addresses) = address else { return None };
    let [address] = addresses.as_slice() else { return None };
    address.address().map(str::to_owned)
}

/// The raw values of a header, the topmost one first.
fn values(header: &Message<'_>, name: &HeaderName<'_>) -> Vec<String> {
    let fields = header.parts.first().map(|part| part.headers.as_slice()).unwrap_or_default();
    let value = |start: u32, end: u32| header.raw_message.get(start as usize..end as usize).unwrap_or_default();
    let fields = fields.iter().filter(|field| field.name == *name);
    fields.map(|field| String::from_utf8_lossy(value(field.offset_start, field.offset_end)).trim().to_owned()).collect()
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

#[cfg(test)]
mod tests;
