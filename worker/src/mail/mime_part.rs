//! Splits a mail into its MIME parts (RFC 2045, 2046) within bounds. A mail comes from anyone: it may nest a million parts, and
//! a parser that follows them all runs out of memory or stack.

use super::parsed_mail::MailParseError;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders};

/// The most parts of a mail, the mail itself and all that only hold others included.
pub(super) const MOST_PARTS: usize = 100;
/// How deep parts may lie in others.
pub(super) const DEEPEST: usize = 10;
/// The longest header in bytes, of the mail and of each part.
pub(super) const LONGEST_HEADER: usize = 256 << 10;

/// A part that holds no other part.
pub(super) struct MimePart<'a> {
    /// The file name.
    pub name: Option<String>,
    /// The declared media type, in lower case: `text/csv`.
    pub content_type: String,
    charset: Option<String>,
    encoding: String,
    body: &'a [u8],
}

/// The header of the whole mail. `None` if there is none.
pub(super) fn header(raw: &[u8]) -> Result<Option<Message<'_>>, MailParseError> {
    let (header, _) = split_header(raw)?;
    Ok(MessageParser::default().parse_headers(header))
}

/// The parts that hold no other, in order, also those of forwarded mails.
pub(super) fn leaves(raw: &[u8]) -> Result<Vec<MimePart<'_>>, MailParseError> {
    let mut walk = Walk { leaves: Vec::new(), parts: 0 };
    walk.descend(raw, 0)?;
    Ok(walk.leaves)
}

impl<'a> MimePart<'a> {
    fn of(part: Option<&MessagePart<'_>>, body: &'a [u8]) -> Self {
        Self {
            name: part.and_then(MimeHeaders::attachment_name).map(str::to_owned),
            content_type: part.map_or_else(|| "text/plain".to_owned(), content_type),
            charset: part.and_then(|part| attribute(part, "charset")),
            encoding: part
                .and_then(MimeHeaders::content_transfer_encoding)
                .map_or_else(String::new, |encoding| encoding.trim().to_ascii_lowercase()),
            body,
        }
    }

    /// The content, byte by byte; text is converted to UTF-8 if the mail declares another known character set.
    pub(super) fn decode(&self) -> Result<Vec<u8>, MailParseError> {
        let bytes = match self.encoding.as_str() {
            "base64" => base64_decode(self.body),
            "quoted-printable" => quoted_printable_decode(self.body),
            _ => Some(self.body.to_vec()),
        };
        let bytes = bytes.ok_or(MailParseError::InvalidEncoding)?;
        let charset = self.charset.as_deref().unwrap_or("utf-8");
        let is_utf8 = ["utf-8", "utf8", "us-ascii"].iter().any(|name| charset.eq_ignore_ascii_case(name));
        if is_utf8 || !self.content_type.starts_with("text/") {
            return Ok(bytes);
        }
        Ok(match charset_decoder(charset.as_bytes()) {
            Some(decode) => decode(&bytes).into_bytes(),
            None => bytes,
        })
    }

    /// The first `most` bytes of the content as text; as it came where it cannot be decoded.
    pub(super) fn text(mut self, most: usize) -> String {
        self.body = self.body.get(..most).unwrap_or(self.body);
        let bytes = self.decode().unwrap_or_else(|_| self.body.to_vec());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The parts found so far.
struct Walk<'a> {
    leaves: Vec<MimePart<'a>>,
    parts: usize,
}

impl<'a> Walk<'a> {
    fn descend(&mut self, raw: &'a [u8], depth: usize) -> Result<(), MailParseError> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Err(MailParseError::TooManyParts);
        }
        if depth > DEEPEST {
            return Err(MailParseError::TooDeep);
        }
        let (header, body) = split_header(raw)?;
        let header = MessageParser::default().parse_headers(header);
        let part = header.as_ref().and_then(|header| header.parts.first());
        let leaf = MimePart::of(part, body);
        let boundary = part.and_then(|part| attribute(part, "boundary")).filter(|boundary| !boundary.is_empty());
        match (leaf.content_type.split('/').next(), boundary) {
            (Some("multipart"), Some(boundary)) => {
                for part in Delimited::new(body, &boundary) {
                    self.descend(part, depth + 1)?;
                }
            }
            // "No encoding other than "7bit", "8bit", or "binary" is permitted for the body of a "message/rfc822" entity."
            (Some("message"), _)
                if ["message/rfc822", "message/global"].contains(&leaf.content_type.as_str())
                    && !["base64", "quoted-printable"].contains(&leaf.encoding.as_str()) =>
            {
                self.descend(body, depth + 1)?;
            }
            _ => self.leaves.push(leaf),
        }
        Ok(())
    }
}

/// The parts between delimiter lines. A mail that was cut off lacks the last delimiter.
struct Delimited<'a> {
    rest: Option<&'a [u8]>,
    delimiter: Vec<u8>,
}

impl<'a> Delimited<'a> {
    fn new(body: &'a [u8], boundary: &str) -> Self {
        let mut parts = Self { rest: Some(body), delimiter: format!("--{boundary}").into_bytes() };
        // What stands before the first delimiter is no part.
        let has_parts = parts.next_delimiter(body).is_some();
        parts.next();
        parts.rest = parts.rest.filter(|_| has_parts);
        parts
    }

    /// The start and the end of the next delimiter line, and whether it is the last one.
    fn next_delimiter(&self, text: &[u8]) -> Option<(usize, usize, bool)> {
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let end = start + line.len();
            match line.strip_prefix(self.delimiter.as_slice()).map(<[u8]>::trim_ascii_end) {
                Some(b"") => return Some((start, end, false)),
                Some(b"--") => return Some((start, end, true)),
                _ => start = end,
            }
        }
        None
    }
}

impl<'a> Iterator for Delimited<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.rest.take()?;
        let Some((start, end, is_last)) = self.next_delimiter(text) else { return Some(text) };
        self.rest = text.get(end..).filter(|_| !is_last);
        // "The CRLF preceding the boundary delimiter line is conceptually attached to the boundary".
        let part = text.get(..start).unwrap_or_default();
        let part = part.strip_suffix(b"\n").unwrap_or(part);
        Some(part.strip_suffix(b"\r").unwrap_or(part))
    }
}

/// The header with the empty line that ends it, and the body.
fn split_header(raw: &[u8]) -> Result<(&[u8], &[u8]), MailParseError> {
    let mut end = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if end > LONGEST_HEADER {
            return Err(MailParseError::HeaderTooLong);
        }
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    Ok(raw.split_at_checked(end).unwrap_or((raw, &[])))
}

fn content_type(part: &MessagePart<'_>) -> String {
    let declared = part.content_type().map(|declared| (declared.ctype(), declared.subtype().unwrap_or("plain")));
    let (main_type, subtype) = declared.unwrap_or(("text", "plain"));
    format!("{main_type}/{subtype}").to_ascii_lowercase()
}

fn attribute(part: &MessagePart<'_>, name: &str) -> Option<String> {
    part.content_type().and_then(|declared| declared.attribute(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests;
