use crate::json::Json;

fn spelled(raw: &str) -> Option<String> {
    Json::read(raw).map(|json| json.to_string())
}

#[test]
fn what_means_the_same_is_the_same_text() {
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
        assert_eq!(spelled(raw).as_deref(), Some(expected), "{raw}");
        assert_eq!(spelled(expected).as_deref(), Some(expected), "and stays it");
    }
    assert!(spelled(r#"["cut \ud83c"]"#).unwrap().contains('\u{fffd}'));
    for none in ["", "{", "[1,]", "True", "{'a': 1}", "1 2", "nul"] {
        assert_eq!(spelled(none), None, "{none}");
    }
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(spelled(&deep(60)).is_some());
    assert_eq!(spelled(&deep(100_000)), None, "nothing nests so deep");
}

#[test]
fn a_cell_and_an_answer_agree() {
    let agreed = |json: Json| json.agreed().to_string();
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
        assert_eq!(agreed(Json::read(raw).unwrap()), agreed(Json::Text(cell.to_owned())), "{raw} {cell}");
    }
}
