//! A folder's name as IMAP sends it.

use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::prelude::*;

/// In modified UTF-7: "The character "&" (0x26) is represented by the two-octet sequence "&-"" and what is not printable
/// US-ASCII in base64 of UTF-16 between "&" and "-" (RFC 3501, 5.1.3).
pub(super) fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut foreign = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            shift(&mut text, &mut foreign);
            text.push(character);
            if character == '&' {
                text.push('-');
            }
        } else {
            let mut units = [0; 2];
            foreign.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift(&mut text, &mut foreign);
    text
}

/// Between quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", encoded(name).replace('\\', "\\\\").replace('"', "\\\""))
}

fn shift(text: &mut String, foreign: &mut Vec<u8>) {
    if !foreign.is_empty() {
        text.push('&');
        GeneralPurpose::new(&IMAP_MUTF7, NO_PAD).encode_string(&*foreign, text);
        text.push('-');
        foreign.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_encoded_as_the_rfc_shows() {
        assert_eq!(encoded("INBOX"), "INBOX");
        assert_eq!(encoded("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(encoded("A&B"), "A&-B");
        assert_eq!(encoded("Enviados é"), "Enviados &AOk-");
        assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    }
}
