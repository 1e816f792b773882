use super::*;

/// A page over the limit is requested again with fewer rows where the call can say how many; otherwise the window is split.
#[test]
fn a_page_that_is_too_large_is_requested_with_fewer_rows() {
    let page = vec![b' '; 3 << 20];
    let read_page = |more: &Value, cursor: Option<&Cursor>| {
        let reader = opened(more).source.reader("processes", &day(), cursor).unwrap();
        read(Boxed(reader), head(200), [page.as_slice()]).map(|(step, _)| step.cursor.unwrap())
    };
    let more = json!({"list_page_size": 50});
    let mut cursor = Some(Cursor("18f2.a%2Fb".to_owned()));
    for rows in [12, 3, 1] {
        let next = read_page(&more, cursor.as_ref()).unwrap();
        let url = opened(&more).source.request("processes", &day(), Some(&next)).unwrap().url;
        assert!(url.contains(&format!("page_size={rows}&")) && url.ends_with("start_key=18f2.a%2Fb"), "{url}");
        cursor = Some(next);
    }
    let says = "too large: a page of the list of processes with at most 1 rows has 3145728 bytes or more, over the limit of 2097152";
    assert_eq!(read_page(&more, cursor.as_ref()).unwrap_err().to_string(), says);
    let fault = read_page(&json!({"list_query": "start_date={from}&end_date={to}"}), None).unwrap_err();
    assert!(fault.kind() == "too_large" && fault.to_string().contains("at most 100 rows"), "{fault}");
}

fn page(body: &str) -> Result<ResponseSummary, Fault> {
    let (step, rows) = response(&day(), None, 200, body.as_bytes())?;
    assert!(rows.is_empty(), "a listed process is not a row");
    Ok(step)
}

fn rows(rows: &str) -> ResponseSummary {
    page(&format!(r#"{{"processes":[{rows}]}}"#)).unwrap()
}

#[test]
fn a_page_names_its_processes_and_the_next_page() {
    let step = page(std::str::from_utf8(fixture!("page.json")).unwrap()).unwrap();
    let items = vec![
        // To the microsecond, as in the table: otherwise the stored state would look older than the listed one.
        item("IDP41c0aa03", "2026-08-08T15:00:00Z", Some("2026-08-08T15:00:01Z")),
        item("IDP41c0aa02", "2026-08-08T14:00:00.123456Z", Some("2026-08-08T14:09:00Z")),
    ];
    let cursor = Some(Cursor("18f2.a%2Fb".to_owned()));
    assert_eq!(step, ResponseSummary { items, cursor, ..ResponseSummary::default() });
}

#[test]
fn skips_rows_outside_the_window() {
    let step = page(std::str::from_utf8(fixture!("last_page.json")).unwrap()).unwrap();
    let items = vec![item(ID, "2026-08-08T13:11:33.104379Z", Some("2026-08-08T13:12:22Z"))];
    assert_eq!(step, ResponseSummary { items, ..ResponseSummary::default() });
    let edges = r#"{"process_id":"a","creation_date":"2026-08-08T00:00:00Z"},
        {"process_id":"b","creation_date":"2026-08-09T00:00:00Z"}"#;
    assert_eq!(rows(edges).items, [item("a", "2026-08-08T00:00:00Z", None)]);
}

#[test]
fn a_process_without_a_date_belongs_to_the_whole_window() {
    let of = day().window().unwrap();
    for date in ["", r#","creation_date":null"#, r#","creation_date":"soon""#] {
        let step = rows(&format!(r#"{{"process_id":"a"{date}}}"#));
        assert_eq!(
            step.items,
            [Item { slice: key("a"), scope: Some(of), seen_version: None, has_ended: false }],
            "{date}"
        );
    }
}

#[test]
fn rejects_rows_without_a_process() {
    let step = rows(
        r#"5,{"process_id":"../x","creation_date":"2026-08-08T00:00:00Z"},{"process_id":null},{"process_id":"a"}"#,
    );
    assert_eq!((step.rows, step.items.len()), (3, 1));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!(reasons, ["row 1 is not an object", "row 2 has no process_id", "row 3 has no process_id"]);
    assert_eq!(step.rejects[2].raw, r#"{"process_id":null}"#);
}

#[test]
fn accepts_empty_pages() {
    for body in
        [r#"{"processes":[]}"#, r#"{"processes":null,"next":""}"#, "\u{feff} {\"processes\": [], \"next\": null}\n"]
    {
        assert_eq!(page(body).unwrap(), ResponseSummary::default(), "{body}");
    }
}

#[test]
fn rejects_everything_but_pages() {
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        "5",
        r#"{"message":"hello"}"#,
        r#"{"processes":{}}"#,
        r#"{"processes":[]} x"#,
        r#"{"processes":[],"next":"/v1/processes"}"#,
        r#"{"processes":[],"next":"/v1/processes?start_key="}"#,
        r#"{"processes":[],"next":"/v1/processes?start_key=a b"}"#,
        r#"{"processes":[],"next":{"a":1}}"#,
        "<html></html>",
    ];
    for body in bodies {
        assert_eq!(page(body).expect_err(body).kind(), "malformed", "{body}");
    }
    let again = br#"{"processes":[],"next":"/v1/processes?start_key=18f2"}"#;
    assert_eq!(response(&day(), Some("18f2"), 200, again).unwrap_err().kind(), "malformed", "it would never end");
    assert!(response(&day(), Some("18f1"), 200, again).is_ok());
}

#[test]
fn refuses_a_full_page_with_unknown_paging() {
    let full = vec![r#"{"process_id":"a"}"#; 100].join(",");
    let body = |more: &str| format!(r#"{{"processes":[{full}]{more}}}"#);
    assert_eq!(page(&body(r#","last_key":"18f2""#)).unwrap_err().kind(), "refused");
    assert_eq!(page(&body(r#","next_page":2"#)).unwrap_err().kind(), "refused");
    for more in ["", r#","self":"/v1/processes""#, r#","last_key":null"#] {
        assert_eq!(page(&body(more)).unwrap().items.len(), 100, "{more}");
    }
    assert!(page(r#"{"processes":[{"process_id":"a"}],"last_key":"18f2"}"#).is_ok());
}

#[test]
fn rejects_every_response_that_was_cut_off() {
    for (slice, body) in [(day(), fixture!("page.json")), (key(ID), fixture!("success.json"))] {
        let body = body.trim_ascii();
        for length in 0..body.len() {
            let fault = response(&slice, None, 200, &body[..length])
                .expect_err("the parser accepted a response that was cut off");
            assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
        }
    }
}

#[test]
fn the_next_page_follows_the_settings() {
    let more = json!({"list_page_size": 2, "list_next_parameter": "cursor"});
    let page = |body: &str| {
        let reader = opened(&more).source.reader("processes", &day(), None).unwrap();
        read(Boxed(reader), head(200), [body.as_bytes()]).map(|(step, _)| step.cursor)
    };
    let next = page(r#"{"processes":[],"next":"/v1/processes?start_key=a&cursor=b"}"#).unwrap();
    assert_eq!(next, Some(Cursor("b".to_owned())));
    let fault = page(r#"{"processes":[],"next":"/v1/processes?start_key=a"}"#).unwrap_err();
    assert!(fault.to_string().ends_with("check list_next_parameter"), "{fault}");
    // Two rows fill a page here, so a page without `next` that shows another kind of paging is not the last one.
    let rows = r#"{"process_id":"IDP1"},{"process_id":"IDP2"}"#;
    assert_eq!(page(&format!(r#"{{"processes":[{rows}],"last_key":"x"}}"#)).unwrap_err().kind(), "refused");
}
