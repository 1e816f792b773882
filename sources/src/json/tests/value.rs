//! The canonical text of values.

use crate::json::Json;

fn canonical(raw: &str) -> Option<String> {
    Json::parse(raw).map(|json| json.to_string())
}

#[test]
fn equal_values_have_equal_texts() {
    let cases = [
        (r#" { "b" : [ 1 , 2.50 ] , "a" : "\u00e9\/" } "#, r#"{"a":"é/","b":[1,2.5]}"#),
        ("1500.0", "1500"),
        ("1.5e3", "1.5e3"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("[true,false,null,-0.10]", "[true,false,null,-0.1]"),
        (r#"["\ud83c\udf3b","\n\"\\"]"#, r#"["🌻","\n\"\\"]"#),
        ("{}", "{}"),
    ];
    for (raw, expected) in cases {
        assert_eq!(canonical(raw).as_deref(), Some(expected), "{raw}");
        assert_eq!(canonical(expected).as_deref(), Some(expected), "the canonical text is stable");
    }
    assert!(canonical(r#"["cut \ud83c"]"#).unwrap().contains('\u{fffd}'));
    for none in ["", "{", "[1,]", "True", "{'a': 1}", "1 2", "nul"] {
        assert_eq!(canonical(none), None, "{none}");
    }
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(canonical(&deep(60)).is_some());
    assert_eq!(canonical(&deep(100_000)), None, "too deep");
}

#[test]
fn a_cell_and_a_response_agree() {
    let untyped = |json: Json| json.untyped().to_string();
    let pairs = [
        ("12", "12"),
        ("true", "True"),
        (r#"{"b":1,"a":2}"#, r#"{"a": 2, "b": 1}"#),
        ("[]", "[]"),
        (r#""Returns""#, "Returns"),
        (r#""Returns""#, r#""Returns""#),
        ("\"{'a'}\"", "{'a'}"),
        ("null", "null"),
        (r#""nobody""#, "nobody"),
    ];
    for (raw, cell) in pairs {
        assert_eq!(untyped(Json::parse(raw).unwrap()), untyped(Json::Text(cell.to_owned())), "{raw} {cell}");
    }
}
