//! One conversation in every spelling is one row, byte for byte: else each re-reading would find a change.

use super::*;
use proptest::prelude::*;

/// How a value may be written.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Copy, Debug)]
struct Style {
    capitals: bool,
    found_names: bool,
    texts: bool,
    times: u8,
    nested: u8,
    indent: bool,
    escapes: bool,
    reversed: bool,
    bare: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    let flags = prop::array::uniform7(any::<bool>());
    (flags, 0..4_u8, 0..3_u8).prop_map(|(flags, times, nested)| {
        let [capitals, found_names, texts, indent, escapes, reversed, bare] = flags;
        Style { capitals, found_names, texts, times, nested, indent, escapes, reversed, bare }
    })
}

const PLAIN: Style = Style {
    capitals: false,
    found_names: false,
    texts: false,
    times: 0,
    nested: 0,
    indent: false,
    escapes: false,
    reversed: false,
    bare: false,
};

fn time(style: Style, text: &str) -> Value {
    let at = utc(text);
    match style.times {
        0 => json!(text),
        1 => json!(at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
        2 if style.texts => json!(at.timestamp_millis().to_string()),
        2 => json!(at.timestamp_millis()),
        _ => json!(at.format("%Y-%m-%d %H:%M:%S%.6f UTC").to_string()),
    }
}

fn file_list(style: Style, list: &Value) -> Value {
    let text = |value: &Value| {
        if style.indent { json!(serde_json::to_string_pretty(value).unwrap()) } else { json!(value.to_string()) }
    };
    match style.nested {
        0 => list.clone(),
        1 => list
            .as_array()
            .unwrap()
            .iter()
            .map(|item| if item.is_object() { text(item) } else { item.clone() })
            .collect(),
        _ => text(list),
    }
}

/// The conversation in `style`, and with `count` messages.
fn spelled(style: Style, count: u64) -> String {
    let flag = |is: bool| if style.texts { json!(is.to_string()) } else { json!(is) };
    let number = |number: u64| if style.texts { json!(number.to_string()) } else { json!(number) };
    let data = json!({"name": "João \"J\" / 漢🌻", "note": "line\nbreak"});
    let name = |documented: &'static str, found: &'static str| if style.found_names { found } else { documented };
    let mut members = vec![
        ("conversation_id", json!("c/é")),
        ("platform_conversation_id", number(2_854_008)),
        ("conversation_start_time", time(style, "2026-09-28T23:51:07.120Z")),
        ("conversation_end_time", time(style, "2026-09-29T00:14:55.004Z")),
        ("labels", file_list(style, &json!(["v/i\"p", "{odd", "5"]))),
        (name("conversations_data", "conversation_data"), json!(data.to_string())),
        ("test_mode", flag(false)),
        ("triggered_replies", file_list(style, &json!([]))),
        (
            "triggered_intent_replies",
            file_list(style, &json!([{"intent_name": "Ré/fund", "b": [1, {"c": "{d}"}]}, {}])),
        ),
        (name("knowledge_notUnderstood_count", "knowledge_notUndestood_count"), number(2)),
        ("bot_messages_count", number(count)),
        ("zdp_meta_processed_timestamp", json!(format!("{style:?}"))),
        ("some_new_column", json!({"a": ["é/"]})),
        ("another", json!("Ü")),
    ];
    if style.reversed {
        members.reverse();
    }
    let letters = |name: &str| if style.capitals { name.to_ascii_uppercase() } else { name.to_owned() };
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| {
            let value = if style.indent { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            format!("{}:{}", json!(letters(name)), value.unwrap())
        })
        .collect();
    let object = format!("{{{}}}", members.join(if style.indent { ",\n\t" } else { "," }));
    let object = if style.escapes { escaped(&object) } else { object };
    if style.bare { format!("{object}\n") } else { format!("[{object}]") }
}

/// With every sign beyond ASCII and every slash as an escape.
fn escaped(text: &str) -> String {
    let escape = |unit: &u16| format!("\\u{unit:04X}");
    let sign = |character: char| match character {
        '/' => "\\/".to_owned(),
        character if character.is_ascii() => character.to_string(),
        character => character.encode_utf16(&mut [0; 2]).iter().map(escape).collect(),
    };
    text.chars().map(sign).collect()
}

#[test]
fn parses_the_simplest_spelling() {
    let row = &rows(&spelled(PLAIN, 9))[0];
    assert_eq!(get(row, "conversation_id"), Some("c/é"));
    assert_eq!(get(row, "labels"), Some(r#"["v/i\"p","{odd","5"]"#));
    assert_eq!(get(row, "conversations_data"), Some(r#"{"name":"João \"J\" / 漢🌻","note":"line\nbreak"}"#));
    assert_eq!(get(row, "extra"), Some(r#"{"another":"Ü","some_new_column":{"a":["é/"]}}"#));
    assert_eq!(get(row, "knowledge_notunderstood_count"), Some("2"));
}

proptest! {
    #[test]
    fn every_spelling_becomes_the_same_bytes(style in styles(), chunk in 1..400_usize) {
        let body = spelled(style, 9);
        let found = day_file(200, body.as_bytes().chunks(chunk)).unwrap().1;
        prop_assert_eq!(&found, &rows(&spelled(PLAIN, 9)), "{}", body);
    }

    #[test]
    fn another_meaning_changes_the_digest(style in styles()) {
        let digest = |count| get(&rows(&spelled(style, count))[0], "digest").map(str::to_owned);
        prop_assert_ne!(digest(9), digest(10));
    }
}
