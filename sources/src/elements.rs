//! JSON values one after the other, in an array or bare, chunk by chunk. What is held is one value that is not whole yet
//! and what came after the last look, however long the whole is.
//!
//! Where a value ends is for `serde_json` to say: it reads each into what is asked for, and that is the only scan.

use crate::quote::malformed;
use domain::fault::Fault;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The longest value.
pub const LONGEST: usize = 16 << 20;
/// So many new bytes are waited for: each look begins the value anew that is not whole yet.
const FRESH: usize = 64 << 10;

/// Values that are being read.
#[derive(Debug)]
pub struct Elements {
    /// What is not read yet.
    buffer: Vec<u8>,
    /// Where in it reading goes on.
    at: usize,
    place: Place,
    /// Bytes that came after the last look.
    fresh: usize,
    /// So many of them are worth another look.
    worth: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before anything: `[` or `{` tells what it is.
    Start,
    /// After `[`.
    First,
    /// After a comma.
    Next,
    /// After a value in an array.
    After,
    /// After `]`.
    Over,
    /// Between values that no array holds.
    Bare,
}

/// The value that a buffer begins with.
enum Found<T> {
    /// Its length, and what was made of it.
    Whole(usize, T),
    /// Its end is not in sight.
    Cut,
    /// It is none, or not what was asked for.
    Broken,
}

impl Default for Elements {
    fn default() -> Self {
        Self { buffer: Vec::new(), at: 0, place: Place::Start, fresh: 0, worth: FRESH }
    }
}

impl Elements {
    /// Takes the next piece. Pieces should be short, since a piece is held until [`Elements::read`] has looked at it.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(piece);
        self.fresh += piece.len();
    }

    /// Whether enough has come for a look.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.fresh >= self.worth || self.buffer.len() - self.at > LONGEST
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Looks at what has come. `each` is given every value that is whole, as its bytes and as a `T`; `None` where it is
    /// JSON, but no `T`. After the last piece `is_last` must be said, and what is then not whole is a fault: a body that
    /// was cut off must never pass for a short one.
    ///
    /// # Errors
    /// [`Fault::Malformed`]; its text quotes nothing.
    pub fn read<'b, T: Deserialize<'b>>(
        &'b mut self,
        is_last: bool,
        mut each: impl FnMut(&'b [u8], Option<T>),
    ) -> Result<(), Fault> {
        self.fresh = 0;
        let Self { buffer, at, place, worth, .. } = self;
        let buffer: &'b [u8] = buffer;
        loop {
            let blank = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
            *at += buffer.iter().skip(*at).take_while(blank).count();
            let rest = buffer.get(*at..).unwrap_or_default();
            let Some(byte) = rest.first().copied() else { break };
            let (length, next) = match (*place, byte) {
                (Place::Start, 0xEF) => match mark(rest)? {
                    Some(length) => (length, Place::Start),
                    None => break,
                },
                (Place::Start, b'[') => (1, Place::First),
                (Place::Start, b'{') => (0, Place::Bare),
                (Place::Start, b'<') => return Err(malformed("HTML page instead of JSON")),
                (Place::First | Place::After, b']') => (1, Place::Over),
                (Place::After, b',') => (1, Place::Next),
                (Place::First | Place::Next | Place::Bare, _) => {
                    let Some((length, value)) = element(rest, is_last)? else { break };
                    each(rest.get(..length).unwrap_or_default(), value);
                    (length, if *place == Place::Bare { Place::Bare } else { Place::After })
                }
                (Place::Over, _) => return Err(malformed("something follows the rows")),
                (Place::Start | Place::After, _) => return Err(malformed("no JSON rows")),
            };
            *at += length;
            *place = next;
        }
        // A long value is looked at again only when it has doubled, so that all looks together stay cheap.
        *worth = (buffer.len() - *at).max(FRESH);
        let is_whole = *at == buffer.len() && matches!(*place, Place::Start | Place::Over | Place::Bare);
        if is_last && !is_whole { Err(malformed("the answer is cut off")) } else { Ok(()) }
    }
}

/// The length of a byte order mark, which some editors and scripts put first; `None` while it is not whole.
fn mark(rest: &[u8]) -> Result<Option<usize>, Fault> {
    let mark: &[u8] = b"\xEF\xBB\xBF";
    if rest.starts_with(mark) {
        return Ok(Some(mark.len()));
    }
    if mark.starts_with(rest) { Ok(None) } else { Err(malformed("no JSON rows")) }
}

/// The value that `rest` begins with, once it is whole.
fn element<'b, T: Deserialize<'b>>(rest: &'b [u8], is_last: bool) -> Result<Option<(usize, Option<T>)>, Fault> {
    let found = match find::<T>(rest) {
        Found::Whole(length, value) => Some((length, Some(value))),
        Found::Cut => None,
        // JSON nevertheless, perhaps: then it is one value that is unlike the others, and they can be read.
        Found::Broken => match find::<IgnoredAny>(rest) {
            Found::Whole(length, _) => Some((length, None)),
            Found::Cut => None,
            Found::Broken => return Err(malformed("a row that is no JSON")),
        },
    };
    if found.as_ref().map_or(rest.len(), |(length, _)| *length) > LONGEST {
        return Err(malformed("a row of more than 16 MiB"));
    }
    // A number at the end of what has come may go on.
    let is_closed = matches!(rest.first(), Some(b'{' | b'[' | b'"'));
    Ok(found.filter(|(length, _)| is_closed || is_last || *length < rest.len()))
}

fn find<'b, T: Deserialize<'b>>(rest: &'b [u8]) -> Found<T> {
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
    match values.next() {
        Some(Ok(value)) => Found::Whole(values.byte_offset(), value),
        Some(Err(error)) if !error.is_eof() => Found::Broken,
        Some(Err(_)) | None => Found::Cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    /// Everything in a body that comes in `chunks`: objects as they are, anything else as its text.
    fn heard<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, Fault> {
        let (mut elements, mut found) = (Elements::default(), Vec::new());
        let mut each = |raw: &[u8], value: Option<Map<String, Value>>| {
            let text = String::from_utf8_lossy(raw).into_owned();
            found.push(value.map_or(format!("odd {text}"), |_| text));
        };
        for chunk in chunks {
            elements.push(chunk);
            elements.read(false, &mut each)?;
        }
        elements.read(true, &mut each)?;
        Ok(found)
    }

    fn all(body: &str) -> Result<Vec<String>, Fault> {
        heard([body.as_bytes()])
    }

    const ARRAY: &str =
        "[ {\"a\":\"\\\"]}[{\",\"b\":[1,{}]} ,\n{},12e1, -0.5,true,null,\"x\\\\\",[{}], {\"ñ漢🌻\":1}\t]\r\n";
    const LINES: &str = "{\"a\":1}\n{\"b\":{\"c\":[]}}{}\r\n {\n \"d\" :\n \"}{\"\n}\n";

    #[test]
    fn arrays_lines_and_one_object_are_read() {
        let found = all(ARRAY).unwrap();
        assert_eq!(found.len(), 9);
        assert_eq!(found[0], r#"{"a":"\"]}[{","b":[1,{}]}"#);
        assert_eq!(found[2..8], ["odd 12e1", "odd -0.5", "odd true", "odd null", r#"odd "x\\""#, "odd [{}]"]);
        assert_eq!(all(LINES).unwrap(), ["{\"a\":1}", "{\"b\":{\"c\":[]}}", "{}", "{\n \"d\" :\n \"}{\"\n}"]);
        assert_eq!(all("\u{feff} {\n\"a\": 1\n}").unwrap(), ["{\n\"a\": 1\n}"]);
        assert_eq!(all("\u{feff}[{}]").unwrap(), ["{}"]);
        assert_eq!(all("{} 5").unwrap(), ["{}", "odd 5"]);
        for empty in ["", " \r\n\t", "[]", " [ ] ", "\u{feff}"] {
            assert_eq!(all(empty).unwrap(), [""; 0], "{empty:?}");
        }
    }

    #[test]
    fn what_is_no_sequence_of_values_is_malformed() {
        let bodies = [
            "[{}{}]",
            "[{},]",
            "[,{}]",
            "[{}]]",
            "[{}] x",
            "[{}],",
            "[{}][{}]",
            "{},{}",
            "{}]",
            "[}",
            "nonsense",
            "12",
            "\"x\"",
            "null",
            "[nul]",
            "[{\"a\":}]",
            "[{a:1}]",
            "[5x]",
            "{}\nx",
            "<html>",
            " <?xml?>",
            "[\"\u{1}\"]",
        ];
        for body in bodies {
            assert_eq!(all(body).expect_err(body).kind(), "malformed", "{body}");
        }
        assert_eq!(heard([b"\xEF\xBB{}".as_slice()]).unwrap_err().kind(), "malformed");
    }

    #[test]
    fn bytes_that_are_no_utf_8_spoil_one_element_only() {
        let found = heard([b"[{\"a\":1},{\"a\":\"\xFF\"},{\"\xC3\":2},{}]".as_slice()]).unwrap();
        assert_eq!(found.len(), 4);
        assert!(found[0].starts_with('{') && found[1].starts_with("odd") && found[2].starts_with("odd"), "{found:?}");
    }

    #[test]
    fn every_cut_is_a_fault_and_never_a_shorter_success() {
        let array = ARRAY.trim().as_bytes();
        for length in 1..array.len() {
            let fault = heard([&array[..length]]).expect_err("a cut-off body passed");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes");
        }
        // Between bare values nothing can tell; inside one it shows.
        let lines = LINES.as_bytes();
        for length in 1..lines.len() {
            let mut depth = 0;
            let mut in_text = false;
            for byte in &lines[..length] {
                match byte {
                    b'"' => in_text = !in_text,
                    b'{' if !in_text => depth += 1,
                    b'}' if !in_text => depth -= 1,
                    _ => {}
                }
            }
            assert_eq!(heard([&lines[..length]]).is_err(), depth > 0, "after {length} bytes");
        }
    }

    #[test]
    fn every_size_of_chunks_gives_the_same() {
        for body in [ARRAY, LINES, "\u{feff}[12,34]", "[1.5e3,-7]"] {
            for size in 1..=body.len() {
                assert_eq!(heard(body.as_bytes().chunks(size)), all(body), "{size}");
            }
        }
    }

    #[test]
    fn too_long_an_element_is_refused_however_it_comes() {
        let of = |length: usize| format!("[{{\"a\":\"{}\"}}]", "x".repeat(length - 8));
        assert_eq!(all(&of(LONGEST)).unwrap()[0].len(), LONGEST);
        let long = of(LONGEST + 1);
        assert_eq!(all(&long).unwrap_err().kind(), "malformed");
        // It is refused before its end is there, and not all of it is held.
        let mut elements = Elements::default();
        let more = "x".repeat(1 << 16);
        let endless = ["[{\"a\":\""].into_iter().chain(std::iter::repeat(more.as_str())).map(str::as_bytes);
        let mut looks = 0;
        let pushed = endless.take_while(|piece| {
            elements.push(piece);
            if !elements.is_ready() {
                return true;
            }
            looks += 1;
            elements.read(false, |_, _: Option<IgnoredAny>| {}).is_ok()
        });
        assert_eq!(pushed.count(), LONGEST >> 16);
        assert!(looks < 12 && elements.held() <= 2 * LONGEST + (1 << 17), "{looks} {}", elements.held());
    }

    #[test]
    fn it_waits_for_some_bytes_and_holds_no_more_than_them() {
        let mut elements = Elements::default();
        let (mut count, mut looks) = (0, 0);
        elements.push(b"[");
        for _ in 0..200_000 {
            elements.push(b"{\"conversation_id\":\"0123456789\"},");
            if elements.is_ready() {
                looks += 1;
                elements.read(false, |_, _: Option<IgnoredAny>| count += 1).unwrap();
            }
        }
        elements.push(b"{}]");
        elements.read(true, |_, _: Option<IgnoredAny>| count += 1).unwrap();
        assert_eq!(count, 200_001);
        assert!((90..110).contains(&looks) && elements.held() <= 2 * FRESH, "{looks} {}", elements.held());
    }

    /// What JSON is made of, and some of what it is not.
    const PIECES: [&str; 17] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "{}",
        "[]",
        "12",
        "-1.5e3",
        "null",
        "nul",
        "\"x\"",
        "\"",
        "\\",
        "{\"a\":1},",
    ];

    proptest! {
        #[test]
        fn any_chunking_of_anything_is_heard_alike(
            pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..12),
            cuts in prop::collection::vec(any::<usize>(), 0..12),
            is_array: bool,
        ) {
            let body = format!("{}{}", if is_array { "[" } else { "{" }, pieces.concat());
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
            places.extend([0, body.len()]);
            places.sort_unstable();
            let chunks = places.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]);
            let (cut, whole) = (heard(chunks), all(&body));
            prop_assert_eq!(cut.is_ok(), whole.is_ok());
            if let Ok(whole) = whole {
                prop_assert_eq!(cut.unwrap(), whole);
            }
        }

        #[test]
        fn an_array_is_read_as_serde_json_reads_it(values in prop::collection::vec(
            prop::sample::select(&["{}", "{\"a\":[1,2]}", "5", "\"]\"", "null", " { \"b\" : {} } "]), 0..9,
        )) {
            let body = format!("[{}]", values.join(","));
            let whole: Vec<Value> = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(all(&body).unwrap().len(), whole.len());
        }
    }
}
