use super::*;
use proptest::prelude::*;

/// Every success among the fixtures, and one that has what is hard to cut: escapes, numbers, nesting, other scripts.
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

/// `body` cut at `cuts`, which are taken modulo its length.
fn cut<'a>(body: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_rows(which in 0..11_usize, cuts in prop::collection::vec(any::<usize>(), 0..40)) {
        let body = bodies()[which];
        let whole = heard(200, [body]).unwrap();
        prop_assert_eq!(heard(200, cut(body, &cuts)).unwrap(), whole);
    }

    #[test]
    fn any_chunking_of_nonsense_fails_alike(
        pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..9),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let body = format!(r#"{{"code":200,"data":[{}"#, pieces.concat());
        prop_assert_eq!(heard(200, cut(body.as_bytes(), &cuts)), heard(200, [body.as_bytes()]));
    }
}

/// What JSON is made of, and some of what it is not.
const PIECES: [&str; 16] =
    ["{", "}", "[", "]", ",", ":", " ", "]}", "{}", "12", "-1.5e3", "null", "nul", "\"x\"", "\"", r#"],"msg":"\"}"#];

#[test]
fn byte_by_byte_gives_the_same_rows() {
    for body in bodies() {
        for size in [1, 2, 3, 7] {
            assert_eq!(heard(200, body.chunks(size)).unwrap(), heard(200, [body]).unwrap());
        }
    }
}

#[test]
fn every_cut_is_a_fault_and_never_a_shorter_success() {
    for body in bodies() {
        let body = body.trim_ascii();
        assert!(heard(200, [body]).is_ok());
        for length in 0..body.len() {
            let fault = heard(200, [&body[..length]]).expect_err("a cut-off answer passed");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}

#[test]
fn the_hard_body_is_read_right() {
    let (step, rows) = heard(200, [bodies()[0]]).unwrap();
    assert_eq!((step.rows, step.rejects.len(), rows.len()), (7, 5, 2));
    assert_eq!(rows[0].conn_id, "12e1");
    assert_eq!(rows[0].extra["n"], r#"\"]}[{"#);
    assert!(rows[0].customer_name.starts_with("🌻\u{FFFD}"), "{}", rows[0].customer_name);
    assert_eq!(rows[1].asa, "é");
}

#[test]
fn memory_holds_one_row_and_not_the_answer() {
    // A row just below the limit is read, in small chunks as from a slow line; the scan does not begin anew each time.
    let row = format!(r#"{{"conn_id":"1","x":"{}"}}"#, "y".repeat(1024 * 1024 - 64));
    let rows = [row.as_str(); 4].join(" ,\n ");
    let body = format!(r#"{{"data":[{rows}],"code":200,"msg":"4 records were found"}}"#);
    assert_eq!(heard(200, body.as_bytes().chunks(512)).unwrap().0.rows, 4);
    // Blanks are read past, however many: pretty print must not look like an envelope too large.
    let blanks = around(&vec!["{\"conn_id\":\"1\"}"; 50].join(&format!(",\n{}", " ".repeat(10_000))));
    assert_eq!(heard(200, blanks.as_bytes().chunks(4096)).unwrap().0.rows, 50);
}
