use super::*;
use entities::schema::VendorTable;
use entities::ultimate_conversations::Entity;

#[test]
fn keeps_texts_as_they_are() {
    let cases = [
        (r#""plain""#, Some("plain")),
        (r#""a \u00e9\n\"b\" \/""#, Some("a é\n\"b\" /")),
        (r#""half \ud83c here""#, Some("half \u{fffd}\u{fffd}\u{fffd} here")),
        (r#""nul\u0000""#, Some("nul\u{fffd}")),
        ("12.50", Some("12.50")),
        ("true", Some("true")),
        (r#""""#, Some("")),
        ("null", None),
    ];
    for (raw, value) in cases {
        let row = row(&format!("\"conversation_status\":{raw}"));
        assert_eq!(get(&row, "conversation_status"), value, "{raw}");
        assert_eq!(get(&row, "extra"), Some("{}"), "{raw}");
    }
}

#[test]
fn parses_counts_booleans_and_timestamps_in_every_spelling() {
    let cases: [(&str, &[&str], &str); 5] = [
        ("bot_messages_count", &["3", "\"3\"", "\" 3 \"", "3.0", "\"3.0\"", "3e0"], "3"),
        ("visitor_messages_count", &["-9007199254740993", "\"-9007199254740993\""], "-9007199254740993"),
        ("test_mode", &["true", "\"true\"", "\"TRUE\"", "1", "\"1\"", "\" True \""], "true"),
        ("is_llm_conversation", &["false", "\"False\"", "0", "\"0\""], "false"),
        (
            "session_ended_timestamp",
            &[
                "\"2026-09-29T10:05:00Z\"",
                "\"2026-09-29 10:05:00\"",
                "\"2026-09-29 12:05:00+02:00\"",
                "1790676300",
                "1790676300000",
                "\"1790676300000\"",
                "1790676300000000",
            ],
            "2026-09-29T10:05:00Z",
        ),
    ];
    for (column, spellings, value) in cases {
        for raw in spellings {
            let row = row(&format!("\"{column}\":{raw}"));
            assert_eq!((get(&row, column), get(&row, "extra")), (Some(value), Some("{}")), "{column} {raw}");
        }
        for blank in ["null", "\"\"", "\"  \""] {
            let row = row(&format!("\"{column}\":{blank}"));
            assert_eq!((get(&row, column), get(&row, "extra")), (None, Some("{}")), "{column} {blank}");
        }
    }
}

#[test]
fn what_does_not_fit_its_column_goes_to_extra() {
    let cases = [
        ("bot_messages_count", "\"many\""),
        ("bot_messages_count", "3.5"),
        ("bot_messages_count", "1e30"),
        ("bot_messages_count", "[3]"),
        ("test_mode", "2"),
        ("test_mode", "\"yes\""),
        ("test_mode", "{}"),
        ("conversation_end_time", "\"soon\""),
        ("conversation_end_time", "5"),
        ("conversation_end_time", "true"),
        ("language", "[\"en\"]"),
        ("language", "{\"a\":1}"),
    ];
    for (column, raw) in cases {
        for name in [column.to_owned(), column.to_ascii_uppercase()] {
            let row = row(&format!("\"{name}\":{raw}"));
            assert_eq!(get(&row, column), None, "{name} {raw}");
            let extra: Value = serde_json::from_str(get(&row, "extra").unwrap()).unwrap();
            assert_eq!(extra, json!({column: serde_json::from_str::<Value>(raw).unwrap()}), "{name} {raw}");
        }
    }
}

#[test]
fn parses_lists_in_every_spelling() {
    for column in [
        "labels",
        "segments",
        "triggered_replies",
        "triggered_intent_replies",
        "triggered_procedures",
        "triggered_use_cases",
        "knowledge_sources",
    ] {
        let of = |raw: &str| get(&row(&format!("\"{column}\":{raw}")), column).map(str::to_owned);
        let objects = Some(r#"[{"a":"{x}","b":[1]},{}]"#.to_owned());
        let spellings = [
            r#"[{"a":"{x}","b":[1]},{}]"#,
            " [ { \"a\" : \"{x}\" ,\n\"b\": [ 1 ] } , {} ]",
            r#"["{\"a\":\"{x}\",\"b\":[1]}","{}"]"#,
            r#"["{ \"a\": \"{x}\", \"b\": [1] }", {}]"#,
            r#""[{\"a\":\"{x}\",\"b\":[1]},{}]""#,
            r#"" [{\"a\": \"{x}\", \"b\": [1]}, {}] ""#,
            r#""[\"{\\\"a\\\":\\\"{x}\\\",\\\"b\\\":[1]}\",\"{}\"]""#,
        ];
        for raw in spellings {
            assert_eq!(of(raw), objects, "{column} {raw}");
        }
        for raw in [r#"["a \" b","5","{no","[1]"]"#, r#""[\"a \\\" b\",\"5\",\"{no\",\"[1]\"]""#] {
            assert_eq!(of(raw), Some(r#"["a \" b","5","{no","[1]"]"#.to_owned()), "words stay words: {raw}");
        }
        for raw in ["null", "\"\"", "\" \"", "\"null\""] {
            assert_eq!(of(raw), None, "{raw}");
        }
        assert_eq!(of("[]"), Some("[]".to_owned()));
        assert_eq!(of("\"[]\""), Some("[]".to_owned()));
    }
}

#[test]
fn text_without_json_becomes_a_json_string() {
    // StoredRow out as stored: with its quotes.
    let stored = |members: &str, column: &str| {
        let row = row(members);
        let digest = get(&row, "digest").unwrap().to_owned();
        (get(&row, column).unwrap().to_owned(), digest)
    };
    let texts = [r#""[cut""#, r#""plain words""#, r#""{\"a\":}""#, r#""[1] x""#];
    for raw in texts {
        for column in ["labels", "conversations_data"] {
            let text: String = serde_json::from_str(raw).unwrap();
            assert_eq!(stored(&format!("\"{column}\":{raw}"), column).0, json!(text).to_string(), "{column} {raw}");
        }
    }
}

#[test]
fn parses_session_parameters_inside_a_string() {
    let of = |raw: &str| get(&row(&format!("\"conversations_data\":{raw}")), "conversations_data").map(str::to_owned);
    for raw in [
        r#""{\"a\":\"b\",\"c\":{\"d\":\"[1]\"}}""#,
        r#"" {\"a\" : \"b\",\n \"c\":{\"d\":\"[1]\"} }""#.replace('\n', "\\n").as_str(),
        r#"{"a":"b", "c":{"d":"[1]"}}"#,
    ] {
        assert_eq!(of(raw).as_deref(), Some(r#"{"a":"b","c":{"d":"[1]"}}"#), "{raw}");
    }
    assert_eq!(of("\"5\"").as_deref(), Some("5"));
    for raw in ["null", "\"\"", "\"null\""] {
        assert_eq!(of(raw), None, "{raw}");
    }
    let live = row(r#""CONVERSATION_DATA":"{\"a\":1}""#);
    assert_eq!(get(&live, "conversations_data"), Some(r#"{"a":1}"#));
    let both = row(r#""conversation_data":"{\"a\":1}","conversations_data":"{\"b\":2}""#);
    assert_eq!(get(&both, "conversations_data"), Some(r#"{"b":2}"#));
    assert_eq!(get(&both, "extra"), Some(r#"{"conversation_data":"{\"a\":1}"}"#));
}

#[test]
fn stores_only_json_that_a_database_takes() {
    let of = |raw: &str| get(&row(&format!("\"labels\":{raw}")), "labels").unwrap().to_owned();
    assert_eq!(of(r#"["a\u0000b"]"#), "[\"a\u{fffd}b\"]");
    assert_eq!(of(r#""[\"a\\u0000b\"]""#), "[\"a\u{fffd}b\"]");
    assert!(of(r#"["half \ud83c", "\ud83c\udf3b"]"#).ends_with(",\"🌻\"]"), "a list stays one");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let kept = of(&deep);
    assert!(kept.starts_with('"') && kept.len() == 10_002, "{}", kept.len());
    let row = row(&format!("\"x\":{deep},\"labels\":[\"{deep}\"]"));
    assert!(get(&row, "extra").unwrap().starts_with("{\"x\":\"[["));
}

#[test]
fn extra_has_names_in_lower_case() {
    let small = row(r#""zeta":[1,  2],"alpha":"\u00e9","labels":["a"],"Labels":["b"]"#);
    assert_eq!(get(&small, "extra"), Some(r#"{"alpha":"é","labels":["b"],"zeta":[1,2]}"#));
    assert_eq!(get(&small, "labels"), Some(r#"["a"]"#));
    let capitals = row(r#""Labels":["b"],"ALPHA":"é","LABELS":["x"],"labels":["a"],"ZETA":[1,2]"#);
    assert_eq!(get(&capitals, "extra"), Some(r#"{"alpha":"é","labels":["b"],"labels_":["x"],"zeta":[1,2]}"#));
}

#[test]
fn drops_the_columns_about_the_build() {
    let one = row(r#""zdp_meta_processed_timestamp":"2026-09-30 00:02:11""#);
    let other = row(r#""ZDP_META_PROCESSED_TIMESTAMP":1790000000000,"zdp_meta_batch":7"#);
    assert_eq!(one, other);
    assert_eq!(get(&one, "extra"), Some("{}"));
}

#[test]
fn the_bot_is_the_bot_of_the_stream() {
    for raw in ["null".to_owned(), "\"\"".to_owned(), format!("\"{BOT}\""), format!("\" {} \"", BOT.to_uppercase())] {
        let row = row(&format!("\"bot_id\":{raw}"));
        assert_eq!((get(&row, "bot_id"), get(&row, "extra")), (Some(BOT), Some("{}")), "{raw}");
    }
    let row = row(&format!("\"bot_id\":\"{OTHER}\""));
    assert_eq!(get(&row, "bot_id"), Some(BOT));
    assert_eq!(get(&row, "extra"), Some(format!("{{\"bot_id\":\"{OTHER}\"}}").as_str()));
}

#[test]
fn returns_both_states_of_a_conversation() {
    // Which of the two is the truer one is for storage to say, which has what came before.
    let found = rows(r#"[{"conversation_id":"1","bot_name":"a"},{"conversation_id":"1","bot_name":"b"}]"#);
    assert_eq!(found.len(), 2);
    let shape = Entity::schema();
    let name = |position: usize| shape.columns[position].name;
    let version: Vec<_> = shape.version.iter().map(|position| name(*position)).collect();
    assert_eq!(name(shape.at), "conversation_end_time");
    assert_eq!(version, ["conversation_end_time", "session_ended_timestamp"]);
    assert_eq!(shape.key.iter().map(|position| name(*position)).collect::<Vec<_>>(), ["account", "conversation_id"]);
}
