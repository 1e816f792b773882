//! Encodes folder names for IMAP.

use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::prelude::*;

/// The name in modified UTF-7: "The character "&" (0x26) is represented by the two-octet sequence "&-"" and what is not
/// printable US-ASCII in base64 of UTF-16 between "&" and "-" (RFC 3501, 5.1.3).
pub(super) fn encode(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut pending = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            flush(&mut text, &mut pending);
            text.push(character);
            if character == '&' {
                text.push('-');
            }
        } else {
            let mut units = [0; 2];
            pending.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    flush(&mut text, &mut pending);
    text
}

/// The encoded name as an IMAP quoted string.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", encode(name).replace('\\', "\\\\").replace('"', "\\\""))
}

/// Appends the pending characters in base64.
fn flush(text: &mut String, pending: &mut Vec<u8>) {
    if !pending.is_empty() {
        text.push('&');
        GeneralPurpose::new(&IMAP_MUTF7, NO_PAD).encode_string(&*pending, text);
        text.push('-');
        pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_as_the_rfc_shows() {
        assert_eq!(encode("INBOX"), "INBOX");
        assert_eq!(encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(encode("A&B"), "A&-B");
        assert_eq!(encode("Enviados é"), "Enviados &AOk-");
        assert_eq!(quote("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
