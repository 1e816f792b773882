use super::*;
use crate::test_support::cut;
use proptest::prelude::*;

/// The successful responses among the fixtures, and one with escapes, numbers, nesting and other scripts.
fn bodies() -> Vec<&'static [u8]> {
    let hard = r#"{"took":-1.5e+3,"code":200,"msg":"x","data":[ -0.5e-7 ,true,null,
        {"conn_id":12e1,"n":"\\\"]}[{","customer_name":"\ud83c\udf3b\ud83c ñ漢","deep":[[{"a":[]}],"}"],"z":-0},
        "\\",[],{"conn_id":"9","asa":"\u00e9","start_date":null}],"more":{"a":"}","b":[{}]},"last":1.0}"#;
    vec![
        hard.as_bytes(),
        b"\xEF\xBB\xBF{\"code\":200,\"data\":[{\"conn_id\":\"1\"}]}",
        fixture!("success.json"),
        fixture!("data_first.json"),
        fixture!("odd_keys.json"),
        fixture!("other_types.json"),
        fixture!("blank_ids.json"),
        fixture!("unreadable_rows.json"),
        fixture!("single_object.json"),
        fixture!("null_data.json"),
        fixture!("no_data.json"),
    ]
}

proptest! {
    #[test]
    fn chunking_does_not_matter(which in 0..11_usize, cuts in prop::collection::vec(any::<usize>(), 0..40)) {
        let body = bodies()[which];
        let whole = response(200, [body]).unwrap();
        prop_assert_eq!(response(200, cut(body, &cuts)).unwrap(), whole);
    }

    #[test]
    fn chunking_of_arbitrary_text_does_not_matter(
        pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..9),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let body = format!(r#"{{"code":200,"data":[{}"#, pieces.concat());
        prop_assert_eq!(response(200, cut(body.as_bytes(), &cuts)), response(200, [body.as_bytes()]));
    }
}

/// Fragments of JSON, valid and invalid.
const PIECES: [&str; 16] =
    ["{", "}", "[", "]", ",", ":", " ", "]}", "{}", "12", "-1.5e3", "null", "nul", "\"x\"", "\"", r#"],"msg":"\"}"#];

#[test]
fn small_chunks_do_not_matter() {
    for body in bodies() {
        for size in [1, 2, 3, 7] {
            assert_eq!(response(200, body.chunks(size)).unwrap(), response(200, [body]).unwrap());
        }
    }
}

#[test]
fn rejects_every_response_that_was_cut_off() {
    for body in bodies() {
        let body = body.trim_ascii();
        assert!(response(200, [body]).is_ok());
        for length in 0..body.len() {
            let fault = response(200, [&body[..length]]).expect_err("the parser accepted a response that was cut off");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}

#[test]
fn parses_escapes_numbers_and_nesting() {
    let (step, rows) = response(200, [bodies()[0]]).unwrap();
    assert_eq!((step.rows, step.rejects.len(), rows.len()), (7, 5, 2));
    assert_eq!(rows[0].conn_id, "12e1");
    assert_eq!(rows[0].extra["n"], r#"\"]}[{"#);
    assert!(rows[0].customer_name.starts_with("🌻\u{FFFD}"), "{}", rows[0].customer_name);
    assert_eq!(rows[1].asa, "é");
}

#[test]
fn long_rows_and_long_blanks_are_accepted() {
    // Rows just below the limit arrive in small chunks, as over a slow connection.
    let row = format!(r#"{{"conn_id":"1","x":"{}"}}"#, "y".repeat(1024 * 1024 - 64));
    let rows = [row.as_str(); 4].join(" ,\n ");
    let body = format!(r#"{{"data":[{rows}],"code":200,"msg":"4 records were found"}}"#);
    assert_eq!(response(200, body.as_bytes().chunks(512)).unwrap().0.rows, 4);
    // Blanks between rows do not count towards the size of the envelope.
    let blanks = envelope(&vec!["{\"conn_id\":\"1\"}"; 50].join(&format!(",\n{}", " ".repeat(10_000))));
    assert_eq!(response(200, blanks.as_bytes().chunks(4096)).unwrap().0.rows, 50);
}
