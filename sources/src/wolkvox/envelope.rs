//! `{"code": …, "error": …, "msg": …, "data": [ … ]}`, in any order, chunk by chunk. At most one row is in memory.

use super::json::{self, End};
use super::refusal::Words;
use crate::quote::malformed;
use domain::fault::Fault;

/// The longest row. A row of this report has some 700 bytes.
const ROW: usize = 1024 * 1024;
/// The most text that an envelope may have besides its rows.
const AROUND: usize = 64 * 1024;

/// An envelope that is being read.
#[derive(Debug, Default)]
pub struct Envelope {
    /// What is not read yet.
    buffer: Vec<u8>,
    /// Where in it reading goes on.
    at: usize,
    end: End,
    place: Place,
    key: String,
    /// Bytes of text besides the rows.
    around: usize,
    said: Said,
}

/// What an envelope says besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `code`, whether it came as a number or as a text.
    pub code: Option<String>,
    /// `msg` and `error`.
    pub words: Words,
    /// Whether `data` was there, in whatever shape.
    pub has_data: bool,
    /// Whether `data` was neither rows nor null.
    pub odd_data: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    FirstKey,
    Key,
    Colon,
    Value,
    AfterValue,
    FirstRow,
    Row,
    AfterRow,
    Over,
}

impl Envelope {
    /// Reads on; `each` is given every row that is whole, as JSON.
    pub fn feed(&mut self, chunk: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        self.buffer.extend_from_slice(chunk);
        while self.step(each)? {}
        self.buffer.drain(..self.at);
        self.at = 0;
        Ok(())
    }

    /// What it said. Only an envelope that is closed says anything: a cut-off answer must never pass for a short one.
    pub fn finish(self) -> Result<Said, Fault> {
        if self.place == Place::Over { Ok(self.said) } else { Err(malformed("the answer is cut off")) }
    }

    /// Reads one sign or one value; `false` where more bytes are needed.
    fn step(&mut self, each: &mut impl FnMut(&[u8])) -> Result<bool, Fault> {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.buffer.iter().skip(self.at).take_while(blank).count();
        let Some(byte) = self.buffer.get(self.at).copied() else { return Ok(false) };
        let is_data = self.key == "data";
        let next = match (self.place, byte) {
            (Place::Start, b'{') => Place::FirstKey,
            (Place::Start, b'<') => return Err(malformed("HTML page instead of JSON")),
            (Place::Start, 0xEF) => return self.skip_mark(),
            (Place::FirstKey | Place::AfterValue, b'}') => Place::Over,
            (Place::Colon, b':') => Place::Value,
            (Place::AfterValue, b',') => Place::Key,
            (Place::Value, b'[') if is_data => Place::FirstRow,
            (Place::FirstRow | Place::AfterRow, b']') => Place::AfterValue,
            (Place::AfterRow, b',') => Place::Row,
            (Place::FirstKey | Place::Key, b'"') => return self.read_key(),
            (Place::Value, b'{') if is_data => return self.read_row(Place::AfterValue, each),
            (Place::Value, _) => return self.read_value(),
            (Place::FirstRow | Place::Row, _) => return self.read_row(Place::AfterRow, each),
            (Place::Over, _) => return Err(malformed("something follows the answer")),
            _ => return Err(malformed("neither JSON nor an envelope")),
        };
        self.place = next;
        self.at += 1;
        Ok(true)
    }

    /// A byte order mark, which some editors and scripts put first.
    fn skip_mark(&mut self) -> Result<bool, Fault> {
        let mark: &[u8] = b"\xEF\xBB\xBF";
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if rest.starts_with(mark) {
            self.at += mark.len();
            return Ok(true);
        }
        if mark.starts_with(rest) { Ok(false) } else { Err(malformed("neither JSON nor an envelope")) }
    }

    fn read_key(&mut self) -> Result<bool, Fault> {
        let Some(key) = self.token(Place::Colon)? else { return Ok(false) };
        self.key = json::text(&key).trim().to_ascii_lowercase();
        if self.key == "data" && std::mem::replace(&mut self.said.has_data, true) {
            return Err(malformed("two sets of rows"));
        }
        Ok(true)
    }

    fn read_value(&mut self) -> Result<bool, Fault> {
        let Some(value) = self.token(Place::AfterValue)? else { return Ok(false) };
        match self.key.as_str() {
            "code" => self.said.code = Some(json::text(&value).trim().to_owned()),
            "data" => self.said.odd_data = value != b"null",
            key => self.said.words.note(key, &value),
        }
        Ok(true)
    }

    /// A key or a value besides the rows, once it is whole.
    fn token(&mut self, next: Place) -> Result<Option<Vec<u8>>, Fault> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let found = self.end.find(rest);
        if self.around + found.unwrap_or(rest.len()) > AROUND {
            return Err(malformed("more text around the rows than an envelope has"));
        }
        let Some(token) = found.and_then(|length| rest.get(..length)) else { return Ok(None) };
        if !json::is_value(token) || std::str::from_utf8(token).is_err() {
            return Err(malformed("neither JSON nor an envelope"));
        }
        let token = token.to_vec();
        self.around += token.len();
        self.go_on(token.len(), next);
        Ok(Some(token))
    }

    fn read_row(&mut self, next: Place, each: &mut impl FnMut(&[u8])) -> Result<bool, Fault> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let found = self.end.find(rest);
        if found.unwrap_or(rest.len()) > ROW {
            return Err(malformed("a row of more than 1 MiB"));
        }
        let Some(row) = found.and_then(|length| rest.get(..length)) else { return Ok(false) };
        if !json::is_value(row) {
            return Err(malformed("a row that is no JSON"));
        }
        each(row);
        self.go_on(row.len(), next);
        Ok(true)
    }

    fn go_on(&mut self, length: usize, next: Place) {
        self.at += length;
        self.end = End::default();
        self.place = next;
    }
}
