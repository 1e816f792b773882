//! Decodes the text of a file: UTF-8, or Windows-1252, in which Excel saves CSV files in Western countries.

use std::borrow::Cow;

/// The encoding of a file, as far as its rows have shown it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// ASCII so far, which both encodings share.
    #[default]
    Undecided,
    /// UTF-8.
    Utf8,
    /// Windows-1252.
    Windows1252,
}

/// The characters of the bytes 0x80 to 0x9F in Windows-1252. Five bytes have none, and stay control characters.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Encoding {
    /// The text of a row. The first row beyond ASCII decides the encoding; `None` where a later row does not fit it.
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        if bytes.is_ascii() {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        match (*self, std::str::from_utf8(bytes)) {
            (Self::Undecided | Self::Utf8, Ok(text)) => {
                *self = Self::Utf8;
                Some(Cow::Borrowed(text))
            }
            (Self::Utf8, Err(_)) => None,
            (Self::Undecided | Self::Windows1252, _) => {
                *self = Self::Windows1252;
                Some(Cow::Owned(bytes.iter().map(|byte| windows_1252(*byte)).collect()))
            }
        }
    }
}

fn windows_1252(byte: u8) -> char {
    let character = byte.checked_sub(0x80).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    character.copied().unwrap_or(char::from(byte))
}
