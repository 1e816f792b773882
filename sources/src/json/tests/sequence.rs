//! Sequences against every layout, cut and chunk size.

use crate::json::sequence::{JsonEvent, JsonSequence, Layout, MAX_VALUE, MIN_PASS};
use domain::fault::Fault;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// Every value of a body that comes in `chunks`: an object as its text, anything else marked as odd.
fn parse<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, Fault> {
    let (mut sequence, mut values) = (JsonSequence::new(Layout::Any, MAX_VALUE), Vec::new());
    let mut handle = |event: JsonEvent<'_, Map<String, Value>>| {
        let JsonEvent::Value(raw, value) = event else { panic!("a sequence has no members") };
        let text = String::from_utf8_lossy(raw).into_owned();
        values.push(value.map_or(format!("odd {text}"), |_| text));
    };
    for chunk in chunks {
        sequence.push(chunk)?;
        sequence.parse(false, &mut handle)?;
    }
    sequence.parse(true, &mut handle)?;
    Ok(values)
}

fn parse_whole(body: &str) -> Result<Vec<String>, Fault> {
    parse([body.as_bytes()])
}

const ARRAY: &str =
    "[ {\"a\":\"\\\"]}[{\",\"b\":[1,{}]} ,\n{},12e1, -0.5,true,null,\"x\\\\\",[{}], {\"ñ漢🌻\":1}\t]\r\n";
const LINES: &str = "{\"a\":1}\n{\"b\":{\"c\":[]}}{}\r\n {\n \"d\" :\n \"}{\"\n}\n";

#[test]
fn parses_arrays_lines_and_a_single_object() {
    let found = parse_whole(ARRAY).unwrap();
    assert_eq!(found.len(), 9);
    assert_eq!(found[0], r#"{"a":"\"]}[{","b":[1,{}]}"#);
    assert_eq!(found[2..8], ["odd 12e1", "odd -0.5", "odd true", "odd null", r#"odd "x\\""#, "odd [{}]"]);
    assert_eq!(parse_whole(LINES).unwrap(), ["{\"a\":1}", "{\"b\":{\"c\":[]}}", "{}", "{\n \"d\" :\n \"}{\"\n}"]);
    assert_eq!(parse_whole("\u{feff} {\n\"a\": 1\n}").unwrap(), ["{\n\"a\": 1\n}"]);
    assert_eq!(parse_whole("\u{feff}[{}]").unwrap(), ["{}"]);
    assert_eq!(parse_whole("{} 5").unwrap(), ["{}", "odd 5"]);
    for empty in ["", " \r\n\t", "[]", " [ ] ", "\u{feff}"] {
        assert_eq!(parse_whole(empty).unwrap(), [""; 0], "{empty:?}");
    }
}

#[test]
fn rejects_what_is_no_sequence_of_values() {
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
        assert_eq!(parse_whole(body).expect_err(body).kind(), "malformed", "{body}");
    }
    assert_eq!(parse([b"\xEF\xBB{}".as_slice()]).unwrap_err().kind(), "malformed");
}

#[test]
fn invalid_utf_8_affects_one_value_only() {
    let found = parse([b"[{\"a\":1},{\"a\":\"\xFF\"},{\"\xC3\":2},{}]".as_slice()]).unwrap();
    assert_eq!(found.len(), 4);
    assert!(found[0].starts_with('{') && found[1].starts_with("odd") && found[2].starts_with("odd"), "{found:?}");
}

#[test]
fn rejects_every_body_that_was_cut_off() {
    let array = ARRAY.trim().as_bytes();
    for length in 1..array.len() {
        let fault = parse([&array[..length]]).expect_err("the parser accepted a body that was cut off");
        assert_eq!(fault.kind(), "malformed", "after {length} bytes");
    }
    // A cut between bare values cannot be seen; a cut inside one can.
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
        assert_eq!(parse([&lines[..length]]).is_err(), depth > 0, "after {length} bytes");
    }
}

#[test]
fn chunk_size_does_not_matter() {
    for body in [ARRAY, LINES, "\u{feff}[12,34]", "[1.5e3,-7]"] {
        for size in 1..=body.len() {
            assert_eq!(parse(body.as_bytes().chunks(size)), parse_whole(body), "{size}");
        }
    }
}

#[test]
fn rejects_a_value_over_the_limit_before_its_end() {
    let of = |length: usize| format!("[{{\"a\":\"{}\"}}]", "x".repeat(length - 8));
    assert_eq!(parse_whole(&of(MAX_VALUE)).unwrap()[0].len(), MAX_VALUE);
    let long = of(MAX_VALUE + 1);
    assert_eq!(parse_whole(&long).unwrap_err().kind(), "malformed");
    // The parser refuses the value before its end arrives, and does not hold all of it.
    let mut sequence = JsonSequence::new(Layout::Any, MAX_VALUE);
    let more = "x".repeat(1 << 16);
    let endless = ["[{\"a\":\""].into_iter().chain(std::iter::repeat(more.as_str())).map(str::as_bytes);
    let mut passes = 0;
    let pushed = endless.take_while(|piece| {
        sequence.push(piece).unwrap();
        if !sequence.is_ready() {
            return true;
        }
        passes += 1;
        sequence.parse(false, |_: JsonEvent<'_, IgnoredAny>| {}).is_ok()
    });
    assert_eq!(pushed.count(), MAX_VALUE >> 16);
    assert!(passes < 12 && sequence.size() <= 2 * MAX_VALUE + (1 << 17), "{passes} {}", sequence.size());
}

#[test]
fn waits_for_enough_bytes_and_holds_no_more() {
    let mut sequence = JsonSequence::new(Layout::Any, MAX_VALUE);
    let (mut count, mut passes) = (0, 0);
    sequence.push(b"[").unwrap();
    for _ in 0..200_000 {
        sequence.push(b"{\"conversation_id\":\"0123456789\"},").unwrap();
        if sequence.is_ready() {
            passes += 1;
            sequence.parse(false, |_: JsonEvent<'_, IgnoredAny>| count += 1).unwrap();
        }
    }
    sequence.push(b"{}]").unwrap();
    sequence.parse(true, |_: JsonEvent<'_, IgnoredAny>| count += 1).unwrap();
    assert_eq!(count, 200_001);
    assert!((90..110).contains(&passes) && sequence.size() <= 2 * MIN_PASS, "{passes} {}", sequence.size());
}

/// Fragments of JSON, valid and invalid.
const PIECES: [&str; 17] =
    ["{", "}", "[", "]", ",", ":", " ", "{}", "[]", "12", "-1.5e3", "null", "nul", "\"x\"", "\"", "\\", "{\"a\":1},"];

proptest! {
    #[test]
    fn chunking_of_arbitrary_text_does_not_matter(
        pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..12),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
        is_array: bool,
    ) {
        let body = format!("{}{}", if is_array { "[" } else { "{" }, pieces.concat());
        let mut positions: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
        positions.extend([0, body.len()]);
        positions.sort_unstable();
        let chunks = positions.windows(2).map(|pair| &body.as_bytes()[pair[0]..pair[1]]);
        let (cut, whole) = (parse(chunks), parse_whole(&body));
        prop_assert_eq!(cut.is_ok(), whole.is_ok());
        if let Ok(whole) = whole {
            prop_assert_eq!(cut.unwrap(), whole);
        }
    }

    #[test]
    fn finds_the_same_values_as_serde_json(values in prop::collection::vec(
        prop::sample::select(&["{}", "{\"a\":[1,2]}", "5", "\"]\"", "null", " { \"b\" : {} } "]), 0..9,
    )) {
        let body = format!("[{}]", values.join(","));
        let whole: Vec<Value> = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(parse_whole(&body).unwrap().len(), whole.len());
    }
}

/// The members and rows of an envelope whose rows are in `data`.
fn parse_envelope<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, Fault> {
    let (mut sequence, mut parts) = (JsonSequence::new(Layout::Envelope("data"), 1 << 20), Vec::new());
    let mut handle = |event: JsonEvent<'_, Map<String, Value>>| {
        parts.push(match event {
            JsonEvent::Value(raw, value) => format!("{} {}", String::from_utf8_lossy(raw), value.is_some()),
            JsonEvent::Member(name, value) => format!("{name}={value}"),
        });
    };
    for chunk in chunks {
        sequence.push(chunk)?;
        sequence.parse(false, &mut handle)?;
    }
    sequence.parse(true, &mut handle)?;
    Ok(parts)
}

#[test]
fn parses_an_envelope_in_any_order_of_members() {
    let body = "\u{feff} {\"Code\" : 200, \"data\":[ {\"a\":[1]} ,5 ],\n\"msg\":\"]}\", \"more\":{\"data\":[]} }\n";
    let expected = ["code=200", "{\"a\":[1]} true", "5 false", "msg=\"]}\"", "more={\"data\":[]}"];
    for size in 1..body.len() {
        assert_eq!(parse_envelope(body.as_bytes().chunks(size)).unwrap(), expected, "{size}");
    }
    assert_eq!(parse_envelope([br#"{"data":{"a":1}}"#.as_slice()]).unwrap(), ["{\"a\":1} true"]);
    assert_eq!(parse_envelope([br#"{"data":null,"a":1}"#.as_slice()]).unwrap(), ["data=null", "a=1"]);
    assert_eq!(parse_envelope([b"{}".as_slice()]).unwrap(), [""; 0]);
}

#[test]
fn rejects_an_envelope_that_is_incomplete_or_too_large() {
    let complete = br#"{"code":200,"data":[{"a":1},{}],"msg":"x"}"#;
    for length in 0..complete.len() {
        assert!(parse_envelope([&complete[..length]]).is_err(), "after {length} bytes");
    }
    for body in
        ["[]", "{\"data\":[]}}", "{\"data\":[],\"data\":[]}", "{\"data\":[]]}", "{\"data\":[{}{}]}", "{,}", "{\"a\" 1}"]
    {
        assert!(parse_envelope([body.as_bytes()]).is_err(), "{body}");
    }
    let long = format!("{{\"msg\":\"{}\",\"data\":[]}}", "x".repeat(64 << 10));
    assert!(parse_envelope([long.as_bytes()]).is_err());
}
