use super::*;
use domain::source::Reader;

#[test]
fn a_success_is_read_in_every_shape() {
    let shapes: [(&str, &[u8], u64, usize); 11] = [
        ("number code", fixture!("success.json"), 3, 3),
        ("text code", fixture!("success_text_code.json"), 3, 3),
        ("zero code", fixture!("success_zero_code.json"), 1, 1),
        ("data first", fixture!("data_first.json"), 3, 3),
        ("odd keys", fixture!("odd_keys.json"), 1, 1),
        ("other types", fixture!("other_types.json"), 1, 1),
        ("blank ids", fixture!("blank_ids.json"), 4, 4),
        ("one object", fixture!("single_object.json"), 1, 1),
        ("null", fixture!("null_data.json"), 0, 0),
        ("empty", fixture!("empty_data.json"), 0, 0),
        ("no data", fixture!("no_data.json"), 0, 0),
    ];
    for (what, body, sent, kept) in shapes {
        let (step, rows) = heard(200, [body]).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert_eq!((step.rows, rows.len()), (sent, kept), "{what}");
        assert_eq!((step.rejects, step.leads, step.cursor), (Vec::new(), Vec::new(), None), "{what}");
        // A mark, and blanks everywhere outside, make no difference.
        let blank = [b"\xEF\xBB\xBF \r\n\t", body, b" \n"].concat();
        assert_eq!(heard(200, [blank.as_slice()]).unwrap().1, rows, "{what}");
    }
    let same = ["success_text_code", "data_first"];
    for (name, body) in same.iter().zip([fixture!("success_text_code.json"), fixture!("data_first.json")]) {
        assert_eq!(models(body), models(fixture!("success.json")), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let long_row = around(&format!(r#"{{"conn_id":"1","x":"{}"}}"#, "y".repeat(1024 * 1024)));
    let long_msg = format!(r#"{{"code":200,"msg":"{}","data":[]}}"#, "y".repeat(64 * 1024));
    let many_keys: Vec<String> = (0..9000).map(|key| format!(r#""key{key}":0,"#)).collect();
    let many_keys = format!(r#"{{{}"code":200,"data":[]}}"#, many_keys.concat());
    let bodies: [(&str, &[u8]); 31] = [
        ("login page", fixture!("login.html")),
        ("cut in a row", fixture!("cut_off.json")),
        ("cut after the rows", fixture!("cut_between_rows.json")),
        ("something after it", fixture!("trailing.json")),
        ("fewer rows than said", fixture!("fewer_than_said.json")),
        ("a row too long", long_row.as_bytes()),
        ("a message too long", long_msg.as_bytes()),
        ("too many keys", many_keys.as_bytes()),
        ("nothing", b""),
        ("blanks", b" \n "),
        ("half a mark", b"\xEF\xBB"),
        ("another mark", b"\xEF\xBB\xBE{\"code\":200,\"data\":[]}"),
        ("old style", b"[]"),
        ("a text", b"\"no\""),
        ("no JSON", b"Fatal error: out of memory"),
        ("no code", br#"{"error":null,"msg":"0 records were found","data":[]}"#),
        ("a code of letters", br#"{"code":"OK","data":[]}"#),
        ("null code", br#"{"code":null,"data":[]}"#),
        ("data as text", br#"{"code":200,"data":"none"}"#),
        ("data as number", br#"{"code":200,"data":0}"#),
        ("data twice", br#"{"code":200,"data":[],"data":[]}"#),
        ("rows in a 404", br#"{"code":404,"data":[{"conn_id":"1"}]}"#),
        ("an error in a success", br#"{"code":200,"error":"FORBIDDEN","data":[]}"#),
        ("no comma", br#"{"code":200,"data":[{}{}]}"#),
        ("comma first", br#"{"code":200,"data":[,{}]}"#),
        ("comma last", br#"{"code":200,"data":[{},]}"#),
        ("comma before the end", br#"{"code":200,"data":[],}"#),
        ("comma at the start", br#"{,"code":200,"data":[]}"#),
        ("closed twice", br#"{"code":200,"data":[]]}"#),
        ("a row that is no JSON", br#"{"code":200,"data":[{"conn_id":1,}]}"#),
        ("bytes that are no text", b"{\"code\":200,\"msg\":\"\xFF\",\"data\":[]}"),
    ];
    for (what, body) in bodies {
        let fault = heard(200, [body]).expect_err(what);
        assert_eq!(fault.kind(), "malformed", "{what}: {fault}");
    }
}

#[test]
fn a_page_is_known_by_its_first_byte() {
    let mut reading = Reading::new(&CHAT_8, place(), CAP);
    let fault = reading.feed(head(200), b" <").unwrap_err();
    assert_eq!(fault, Fault::Malformed("HTML page instead of JSON".to_owned()));
    // What was wrong stays wrong, whatever comes.
    assert_eq!(reading.feed(head(200), fixture!("success.json")), Err(fault.clone()));
    assert_eq!(reading.finish(head(200)).unwrap_err(), fault);
}

#[test]
fn rows_of_an_answer_that_fails_are_given_up() {
    let mut reading = Reading::new(&CHAT_8, place(), CAP);
    reading.feed(head(200), fixture!("cut_off.json")).unwrap();
    assert!(reading.finish(head(200)).is_err());
    assert!(reading.take().is_none());
}

#[test]
fn unreadable_rows_are_kept_aside_and_counted() {
    let (step, rows) = heard(200, [fixture!("unreadable_rows.json")]).unwrap();
    assert_eq!((step.rows, rows.len()), (8, 2));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    let nobody = "has neither an id nor a session nor a start";
    let expected = [
        "row 2 is no object".to_owned(),
        "row 3 is no object".to_owned(),
        "row 4 is no object".to_owned(),
        "row 5 is no object".to_owned(),
        format!("row 6 {nobody}"),
        format!("row 7 {nobody}"),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(step.rejects[0].raw, r#""a text""#);
    assert!(step.rejects[5].raw.contains("NADIE"));
}

#[test]
fn a_row_beyond_text_or_index_is_kept_aside() {
    let latin =
        [around(r#"{"conn_id":"1","customer_name":""#).trim_end_matches("]}").as_bytes(), b"Mar\xEDa\"}]}"].concat();
    let (step, rows) = heard(200, [latin.as_slice()]).unwrap();
    assert_eq!((step.rejects.len(), rows.len()), (1, 0));
    assert!(step.rejects[0].reason.contains("UTF-8"), "{}", step.rejects[0].reason);
    let long = around(&format!(r#"{{"conn_id":"{}"}}"#, "9".repeat(600)));
    assert_eq!(heard(200, [long.as_bytes()]).unwrap().0.rejects.len(), 1);
}

#[test]
fn rejects_stay_small_in_memory() {
    let row = format!(r#"["{}"]"#, "é".repeat(20_000));
    let (step, _) = heard(200, [around(&vec![row.as_str(); 100].join(",")).as_bytes()]).unwrap();
    assert_eq!((step.rows, step.rejects.len()), (100, 100));
    assert!(step.rejects.iter().all(|reject| reject.raw.len() <= 16 * 1024));
    assert_eq!(step.rejects[0].raw.len(), 16 * 1024, "cut at a character");
    assert!(step.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>() <= 1024 * 1024);
}

#[test]
fn of_two_states_the_later_end_counts_within_a_batch_and_across() {
    let (step, rows) = heard(200, [fixture!("duplicates.json")]).unwrap();
    assert_eq!(step.rows, 4, "the cap counts what was sent");
    let kept: Vec<_> =
        rows.iter().map(|row| (row.conn_id.as_str(), row.end_date.as_str(), row.times_chatted)).collect();
    // The closed state came first; of two open ones the later in line counts.
    let expected = [("20670000101", "2026-08-12 08:19:44", Some(14)), ("20670000102", "", Some(2))];
    assert_eq!(kept, expected);

    let state = |end: &str| around(&format!(r#"{{"conn_id":"7","end_date":"{end}"}}"#));
    // A day written the other way round is later all the same: ends are compared as instants.
    let ends = ["", "2026-08-12 10:00:00", "soon", "2026-08-12 09:00:00", "12/08/2026 11:00"];
    let rows: Vec<String> = ends.iter().map(|end| format!(r#"{{"conn_id":"7","end_date":"{end}"}}"#)).collect();
    let body = around(&rows.join(","));
    let last = |rows: Vec<Model>| rows.into_iter().map(|row| row.end_date).collect::<Vec<_>>();
    assert_eq!(last(models(body.as_bytes())), ["12/08/2026 11:00"]);
    // Handed over byte by byte, each state is a batch of its own; an older one never follows a newer one.
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(last(heard(200, bytes).unwrap().1), ["", "2026-08-12 10:00:00", "12/08/2026 11:00"]);
    assert_eq!(last(models(state("soon").as_bytes())), ["soon"]);
}

#[test]
fn batches_hold_five_hundred_rows_at_most() {
    let rows: Vec<String> = (0..1201).map(|id| format!(r#"{{"conn_id":"{}"}}"#, id + 1)).collect();
    let mut reading = Reading::new(&CHAT_8, place(), CAP);
    reading.feed(head(200), around(&rows.join(",")).as_bytes()).unwrap();
    let sizes: Vec<usize> = std::iter::from_fn(|| reading.take()).map(|batch| batch.len()).collect();
    assert_eq!(sizes, [500, 500, 201]);
    assert_eq!(reading.finish(head(200)).unwrap().rows, 1201);
}

#[test]
fn at_the_cap_the_count_is_left_to_the_judge() {
    let body = around(r#"{"conn_id":"1"},{"conn_id":"2"}"#).replace("x records", "9 records");
    assert_eq!(heard_below(2, 200, [body.as_bytes()]).unwrap().0.rows, 2);
    let fault = heard_below(3, 200, [body.as_bytes()]).unwrap_err();
    assert_eq!(fault, Fault::Malformed("the answer speaks of 9 rows and holds 2".to_owned()));
    // More rows than said are no loss.
    let more = body.replace("9 records", " 1 records");
    assert_eq!(heard(200, [more.as_bytes()]).unwrap().0.rows, 2);
}
