//! A push parser for many JSON values: an array, values one after the other, or the rows inside an envelope. It holds one
//! incomplete value and the bytes since its last pass, however long the body is.
//!
//! `serde_json` finds the end of each value while it parses the value into the caller's type, so no second scan is needed.

use super::string;
use crate::malformed::malformed;
use crate::preamble::{BOM, Preamble};
use domain::fault::Fault;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The default limit of a value in bytes.
pub const MAX_VALUE: usize = 16 << 20;
/// The parser waits for this many new bytes before its next pass, because each pass parses the incomplete value again from
/// its start.
pub const MIN_PASS: usize = 64 << 10;
/// The most bytes that an envelope may have besides its rows.
const MAX_ENVELOPE: usize = 64 << 10;

/// A body that is being parsed.
#[derive(Debug)]
pub struct JsonSequence {
    layout: Layout,
    max_value: usize,
    preamble: Preamble,
    /// Bytes that are not parsed yet, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    position: Position,
    /// Bytes since the last pass.
    new_bytes: usize,
    /// The new bytes that the next pass needs.
    pass_bytes: usize,
    /// For an envelope: the name of the current member, whether the rows have arrived, and the bytes besides the rows.
    member: String,
    has_rows: bool,
    envelope_bytes: usize,
}

/// How a body arranges its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// An array, or objects one after the other.
    Any,
    /// An array.
    Array,
    /// An object whose member of this name holds the rows: an array of them, or a single object.
    Envelope(&'static str),
}

/// An element that the parser has found in the body.
#[derive(Debug)]
pub enum JsonEvent<'b, T> {
    /// A value of the sequence: its bytes and the parsed value, or `None` if it is JSON but not a `T`.
    Value(&'b [u8], Option<T>),
    /// A member of the envelope besides its rows: the name in lower case, and the value.
    Member(&'b str, &'b str),
}

/// The position of the parser in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// Before anything.
    Start,
    /// After `[`.
    FirstValue,
    /// After a comma between values.
    NextValue,
    /// After a value in an array.
    AfterValue,
    /// Between values outside an array.
    Bare,
    /// After the `{` of an envelope.
    FirstName,
    /// After a comma between members.
    NextName,
    /// After the name of a member.
    Colon,
    /// After the colon.
    Member,
    /// After a member.
    AfterMember,
    /// After the end of the array or the envelope.
    End,
}

/// The state of the value that a buffer begins with.
enum ValueStatus<T> {
    /// Its length, and the parsed value.
    Complete(usize, T),
    /// Its end has not arrived.
    Incomplete,
    /// It is not JSON, or not a `T`.
    Invalid,
}

impl JsonSequence {
    /// Creates a parser for a body of this layout. A value of more than `max_value` bytes is a fault.
    pub fn new(layout: Layout, max_value: usize) -> Self {
        Self {
            layout,
            max_value,
            preamble: Preamble::default(),
            buffer: Vec::new(),
            at: 0,
            position: Position::Start,
            new_bytes: 0,
            pass_bytes: MIN_PASS,
            member: String::new(),
            has_rows: false,
            envelope_bytes: 0,
        }
    }

    /// Takes the next piece. Pieces should be short, because the parser holds a piece until the next pass.
    ///
    /// # Errors
    /// [`Fault::Malformed`] where the body is an HTML page.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.preamble.check(piece)?;
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(piece);
        self.new_bytes += piece.len();
        Ok(())
    }

    /// Whether enough bytes have arrived for a pass.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.new_bytes >= self.pass_bytes || self.buffer.len() - self.at > self.max_value
    }

    /// The bytes that the parser holds.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.buffer.capacity()
    }

    /// Parses the complete values that have arrived, and gives each to `handle`. With `is_last` the body has ended: an
    /// incomplete value is then a fault, so that a body that was cut off never passes for a short one.
    ///
    /// # Errors
    /// [`Fault::Malformed`]; its text quotes nothing of the body.
    pub fn parse<'b, T: Deserialize<'b>>(
        &'b mut self,
        is_last: bool,
        mut handle: impl FnMut(JsonEvent<'_, T>),
    ) -> Result<(), Fault> {
        self.new_bytes = 0;
        let Self { layout, max_value, buffer, at, position, pass_bytes, member, has_rows, envelope_bytes, .. } = self;
        let buffer: &'b [u8] = buffer;
        loop {
            let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
            *at += buffer.iter().skip(*at).take_while(is_blank).count();
            let rest = buffer.get(*at..).unwrap_or_default();
            let Some(byte) = rest.first().copied() else { break };
            let (length, next) = match (*position, byte) {
                (Position::FirstValue | Position::NextValue | Position::Bare, first)
                    if first != b']' || *position != Position::FirstValue =>
                {
                    let Some((length, value)) = value::<T>(rest, is_last, *max_value)? else { break };
                    handle(JsonEvent::Value(rest.get(..length).unwrap_or_default(), value));
                    (length, if *position == Position::Bare { Position::Bare } else { Position::AfterValue })
                }
                (Position::Member, b'{') if is_rows(*layout, member) => {
                    let Some((length, value)) = value::<T>(rest, is_last, *max_value)? else { break };
                    handle(JsonEvent::Value(rest.get(..length).unwrap_or_default(), value));
                    (length, Position::AfterMember)
                }
                (Position::Member, b'[') if is_rows(*layout, member) => (1, Position::FirstValue),
                (Position::FirstName | Position::NextName, b'"') => {
                    let Some(name) = text(rest, is_last, envelope_bytes)? else { break };
                    *member = string::decode(name).unwrap_or_default().trim().to_ascii_lowercase();
                    if is_rows(*layout, member) && std::mem::replace(has_rows, true) {
                        return Err(malformed("two sets of rows"));
                    }
                    (name.len(), Position::Colon)
                }
                (Position::Member, _) => {
                    let Some(value) = text(rest, is_last, envelope_bytes)? else { break };
                    handle(JsonEvent::Member(member, value));
                    (value.len(), Position::AfterMember)
                }
                (Position::Start, 0xEF) => match bom(rest)? {
                    Some(length) => (length, Position::Start),
                    None => break,
                },
                (position, byte) => punctuation(*layout, position, byte)?,
            };
            *at += length;
            *position = next;
        }
        // The next pass over a long value waits until the value has doubled, so that all passes together stay cheap.
        *pass_bytes = (buffer.len() - *at).max(MIN_PASS);
        let may_end = matches!(*position, Position::End | Position::Bare)
            || *position == Position::Start && *layout == Layout::Any;
        if is_last && !(may_end && *at == buffer.len()) { Err(malformed("the body is cut off")) } else { Ok(()) }
    }
}

/// Whether the member of this name holds the rows.
fn is_rows(layout: Layout, member: &str) -> bool {
    matches!(layout, Layout::Envelope(rows) if rows == member)
}

/// The length of what begins with `byte` at `position`, and where the parser goes next.
fn punctuation(layout: Layout, position: Position, byte: u8) -> Result<(usize, Position), Fault> {
    let is_envelope = matches!(layout, Layout::Envelope(_));
    Ok(match (position, byte) {
        (Position::Start, b'[') if !is_envelope => (1, Position::FirstValue),
        (Position::Start, b'{') if layout == Layout::Any => (0, Position::Bare),
        (Position::Start, b'{') if is_envelope => (1, Position::FirstName),
        (Position::FirstValue | Position::AfterValue, b']') if is_envelope => (1, Position::AfterMember),
        (Position::FirstValue | Position::AfterValue, b']') | (Position::FirstName | Position::AfterMember, b'}') => {
            (1, Position::End)
        }
        (Position::AfterValue, b',') => (1, Position::NextValue),
        (Position::AfterMember, b',') => (1, Position::NextName),
        (Position::Colon, b':') => (1, Position::Member),
        (Position::End, _) => return Err(malformed("more text after the end of the JSON")),
        _ => return Err(malformed("not the expected JSON")),
    })
}

/// The length of a byte order mark; `None` while it is incomplete.
fn bom(rest: &[u8]) -> Result<Option<usize>, Fault> {
    if rest.starts_with(BOM) {
        return Ok(Some(BOM.len()));
    }
    if BOM.starts_with(rest) { Ok(None) } else { Err(malformed("not the expected JSON")) }
}

/// The name or the value of an envelope's member that `rest` begins with, once it is complete.
fn text<'b>(rest: &'b [u8], is_last: bool, envelope_bytes: &mut usize) -> Result<Option<&'b str>, Fault> {
    let found = value::<IgnoredAny>(rest, is_last, MAX_VALUE)?;
    if *envelope_bytes + found.as_ref().map_or(rest.len(), |(length, _)| *length) > MAX_ENVELOPE {
        return Err(malformed("an envelope of more than 64 KiB besides its rows"));
    }
    let Some(raw) = found.and_then(|(length, _)| rest.get(..length)) else { return Ok(None) };
    *envelope_bytes += raw.len();
    std::str::from_utf8(raw).map(Some).map_err(|_| malformed("bytes that are not UTF-8"))
}

/// The value that `rest` begins with, once it is complete.
fn value<'b, T: Deserialize<'b>>(
    rest: &'b [u8],
    is_last: bool,
    max_value: usize,
) -> Result<Option<(usize, Option<T>)>, Fault> {
    let found = match find::<T>(rest) {
        ValueStatus::Complete(length, value) => Some((length, Some(value))),
        ValueStatus::Incomplete => None,
        // The value may be JSON of another kind than `T`. Then the parser can go on after it.
        ValueStatus::Invalid => match find::<IgnoredAny>(rest) {
            ValueStatus::Complete(length, _) => Some((length, None)),
            ValueStatus::Incomplete => None,
            ValueStatus::Invalid => return Err(malformed("a row that is not JSON")),
        },
    };
    if found.as_ref().map_or(rest.len(), |(length, _)| *length) > max_value {
        return Err(malformed(format!("a row of more than {} MiB", max_value >> 20)));
    }
    // A number at the end of the buffer may have more digits in the next piece.
    let is_closed = matches!(rest.first(), Some(b'{' | b'[' | b'"'));
    Ok(found.filter(|(length, _)| is_closed || is_last || *length < rest.len()))
}

fn find<'b, T: Deserialize<'b>>(rest: &'b [u8]) -> ValueStatus<T> {
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => ValueStatus::Complete(values.byte_offset(), value),
        Some(Err(error)) if !error.is_eof() => ValueStatus::Invalid,
        Some(Err(_)) | None => ValueStatus::Incomplete,
    }
}
