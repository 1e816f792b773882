use super::*;

#[test]
fn parses_a_success_in_every_shape() {
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
        let (step, rows) = response(200, [body]).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert_eq!((step.rows, rows.len()), (sent, kept), "{what}");
        assert_eq!((step.rejects, step.items, step.cursor), (Vec::new(), Vec::new(), None), "{what}");
        // A byte order mark and blanks around the JSON make no difference.
        let blank = [b"\xEF\xBB\xBF \r\n\t", body, b" \n"].concat();
        assert_eq!(response(200, [blank.as_slice()]).unwrap().1, rows, "{what}");
    }
    let same = ["success_text_code", "data_first"];
    for (name, body) in same.iter().zip([fixture!("success_text_code.json"), fixture!("data_first.json")]) {
        assert_eq!(models(body), models(fixture!("success.json")), "{name}");
    }
}

#[test]
fn rejects_malformed_responses() {
    let long_row = envelope(&format!(r#"{{"conn_id":"1","x":"{}"}}"#, "y".repeat(1024 * 1024)));
    let long_msg = format!(r#"{{"code":200,"msg":"{}","data":[]}}"#, "y".repeat(64 * 1024));
    let many_keys: Vec<String> = (0..9000).map(|key| format!(r#""key{key}":0,"#)).collect();
    let many_keys = format!(r#"{{{}"code":200,"data":[]}}"#, many_keys.concat());
    let bodies: [(&str, &[u8]); 31] = [
        ("login page", fixture!("login.html")),
        ("cut in a row", fixture!("cut_off.json")),
        ("cut after the rows", fixture!("cut_between_rows.json")),
        ("something after it", fixture!("trailing.json")),
        ("fewer rows than stated", fixture!("fewer_than_said.json")),
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
        let fault = response(200, [body]).expect_err(what);
        assert_eq!(fault.kind(), "malformed", "{what}: {fault}");
    }
}

#[test]
fn detects_an_html_page_by_its_first_byte() {
    let mut reader = super::reader(mapper(), CAP);
    let fault = reader.feed(head(200), b" <").unwrap_err();
    assert_eq!(fault, Fault::Malformed("HTML page instead of JSON".to_owned()));
    // The first fault is final, whatever comes later.
    assert_eq!(reader.feed(head(200), fixture!("success.json")), Err(fault.clone()));
    assert_eq!(reader.finish(head(200)).unwrap_err(), fault);
}

#[test]
fn drops_the_rows_of_a_response_that_fails() {
    let mut reader = super::reader(mapper(), CAP);
    reader.feed(head(200), fixture!("cut_off.json")).unwrap();
    assert!(reader.finish(head(200)).is_err());
    assert!(reader.take().is_none());
}

#[test]
fn rejects_and_counts_unreadable_rows() {
    let (step, rows) = response(200, [fixture!("unreadable_rows.json")]).unwrap();
    assert_eq!((step.rows, rows.len()), (8, 2));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    let no_id = "has neither an id nor a session nor a start";
    let expected = [
        "row 2 is not an object".to_owned(),
        "row 3 is not an object".to_owned(),
        "row 4 is not an object".to_owned(),
        "row 5 is not an object".to_owned(),
        format!("row 6 {no_id}"),
        format!("row 7 {no_id}"),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(step.rejects[0].raw, r#""a text""#);
    assert!(step.rejects[5].raw.contains("NADIE"));
}

#[test]
fn rejects_rows_that_are_not_utf_8_or_have_too_long_an_id() {
    let latin =
        [envelope(r#"{"conn_id":"1","customer_name":""#).trim_end_matches("]}").as_bytes(), b"Mar\xEDa\"}]}"].concat();
    let (step, rows) = response(200, [latin.as_slice()]).unwrap();
    assert_eq!((step.rejects.len(), rows.len()), (1, 0));
    assert!(step.rejects[0].reason.contains("UTF-8"), "{}", step.rejects[0].reason);
    let long = envelope(&format!(r#"{{"conn_id":"{}"}}"#, "9".repeat(600)));
    assert_eq!(response(200, [long.as_bytes()]).unwrap().0.rejects.len(), 1);
}

#[test]
fn rejects_stay_small_in_memory() {
    let row = format!(r#"["{}"]"#, "é".repeat(20_000));
    let (step, _) = response(200, [envelope(&vec![row.as_str(); 100].join(",")).as_bytes()]).unwrap();
    assert_eq!((step.rows, step.rejects.len()), (100, 100));
    assert!(step.rejects.iter().all(|reject| reject.raw.len() <= 16 * 1024));
    assert_eq!(step.rejects[0].raw.len(), 16 * 1024, "cut at a character");
    assert!(step.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>() <= 1024 * 1024);
}

#[test]
fn stores_the_state_with_the_later_end_within_a_batch_and_across() {
    let (step, rows) = response(200, [fixture!("duplicates.json")]).unwrap();
    assert_eq!(step.rows, 4, "the cap counts every row that the vendor sent");
    let kept: Vec<_> =
        rows.iter().map(|row| (row.conn_id.as_str(), row.end_date.as_str(), row.times_chatted)).collect();
    // Of the first chat the closed state came first; of the second the later of two open states counts.
    let expected = [("20670000101", "2026-08-12 08:19:44", Some(14)), ("20670000102", "", Some(2))];
    assert_eq!(kept, expected);

    let state = |end: &str| envelope(&format!(r#"{{"conn_id":"7","end_date":"{end}"}}"#));
    // The parser compares ends as instants, however the vendor writes them.
    let ends = ["", "2026-08-12 10:00:00", "soon", "2026-08-12 09:00:00", "12/08/2026 11:00"];
    let rows: Vec<String> = ends.iter().map(|end| format!(r#"{{"conn_id":"7","end_date":"{end}"}}"#)).collect();
    let body = envelope(&rows.join(","));
    let last = |rows: Vec<Model>| rows.into_iter().map(|row| row.end_date).collect::<Vec<_>>();
    assert_eq!(last(models(body.as_bytes())), ["12/08/2026 11:00"]);
    // With a batch of other chats after each state, an older state never follows a newer one.
    let mut number = 100;
    let mut others = || {
        number += 500;
        (0..500).map(|other| format!(r#"{{"conn_id":"{}"}}"#, number + other)).collect::<Vec<_>>().join(",")
    };
    let body = envelope(&rows.iter().map(|row| format!("{row},{}", others())).collect::<Vec<_>>().join(","));
    for chunk in [1 << 20, 4096, 1] {
        let (_, rows) = response(200, body.as_bytes().chunks(chunk)).unwrap();
        let states: Vec<_> = rows.into_iter().filter(|row| row.conn_id == "7").map(|row| row.end_date).collect();
        assert_eq!(states, ["", "2026-08-12 10:00:00", "12/08/2026 11:00"], "{chunk}");
    }
    assert_eq!(last(models(state("soon").as_bytes())), ["soon"]);
}

#[test]
fn batches_have_500_rows_at_most() {
    let rows: Vec<String> = (0..1201).map(|id| format!(r#"{{"conn_id":"{}"}}"#, id + 1)).collect();
    let mut reader = super::reader(mapper(), CAP);
    reader.feed(head(200), envelope(&rows.join(",")).as_bytes()).unwrap();
    let mut sizes: Vec<usize> = std::iter::from_fn(|| reader.take()).map(|batch| batch.len()).collect();
    assert_eq!(reader.finish(head(200)).unwrap().rows, 1201);
    sizes.extend(std::iter::from_fn(|| reader.take()).map(|batch| batch.len()));
    assert_eq!(sizes, [500, 500, 201]);
}

#[test]
fn accepts_fewer_rows_than_stated_only_at_the_cap() {
    let body = envelope(r#"{"conn_id":"1"},{"conn_id":"2"}"#).replace("x records", "9 records");
    assert_eq!(response_with_cap(2, 200, [body.as_bytes()]).unwrap().0.rows, 2);
    let fault = response_with_cap(3, 200, [body.as_bytes()]).unwrap_err();
    assert_eq!(fault, Fault::Malformed("the response states 9 rows and holds 2".to_owned()));
    // More rows than stated are no loss.
    let more = body.replace("9 records", " 1 records");
    assert_eq!(response(200, [more.as_bytes()]).unwrap().0.rows, 2);
}
