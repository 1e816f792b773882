//! Bytes of a file → text: UTF-8, or Windows-1252, in which Excel saves CSV files in the West.

use std::borrow::Cow;

/// What a file is written in, as far as its rows have shown it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Only ASCII so far.
    #[default]
    Open,
    /// UTF-8.
    Utf8,
    /// Windows-1252.
    Windows1252,
}

/// What the bytes from 0x80 to 0x9F are in Windows-1252; five of them are nothing, and stay control characters.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Encoding {
    /// Reads `bytes`. The first row beyond ASCII decides for those after it; `None` where one of them then does not fit.
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        if bytes.is_ascii() {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        match (*self, std::str::from_utf8(bytes)) {
            (Self::Open | Self::Utf8, Ok(text)) => {
                *self = Self::Utf8;
                Some(Cow::Borrowed(text))
            }
            (Self::Utf8, Err(_)) => None,
            (Self::Open | Self::Windows1252, _) => {
                *self = Self::Windows1252;
                Some(Cow::Owned(bytes.iter().map(|byte| letter(*byte)).collect()))
            }
        }
    }
}

fn letter(byte: u8) -> char {
    let windows = byte.checked_sub(0x80).and_then(|place| WINDOWS.get(usize::from(place)));
    windows.copied().unwrap_or(char::from(byte))
}
