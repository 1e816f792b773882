use super::*;

#[test]
fn polls_become_rows_and_name_their_sessions() {
    let (step, rows) = success(&day(), fixture!("polls.json"));
    let of = day().window().unwrap();
    let item = |poll: &str| Item {
        slice: Slice::Partition(poll.to_owned(), of),
        scope: None,
        seen_version: None,
        has_ended: false,
    };
    let items = ["41007", "41014", "41021"].map(item).to_vec();
    assert_eq!(step, ResponseSummary { items, ..ResponseSummary::default() });
    let names = ["account", "poll_id", "name", "settings", "created_at", "extra"];
    let rows: Vec<_> = rows.iter().map(|row| cells(row, &names)).collect();
    let expected = [
        ["treble_mx", "41007", "Encuesta NPS", r#"{"auto_close":30}"#, "-", r#"{"version":3}"#],
        ["treble_mx", "41014", "Cobranza ñ", "{}", "2026-01-02T03:04:05Z", "{}"],
        ["treble_mx", "41021", "-", "-", "-", "{}"],
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_window_is_requested_in_whole_seconds() {
    let of = window("2026-08-08T00:00:00.5Z", "2026-08-08T00:00:01.001Z");
    let url =
        |of| opened(&json!({})).source.request("sessions", &Slice::Partition("1".to_owned(), of), None).unwrap().url;
    assert!(url(of).ends_with("&since=1786147200&until=1786147202"), "{}", url(of));
    let exact = window("2026-08-08T00:00:00Z", "2026-08-08T00:00:01Z");
    assert!(url(exact).ends_with("&since=1786147200&until=1786147201"), "{}", url(exact));
}

#[test]
fn rejects_everything_but_lists() {
    for slice in [day(), key(SESSION)] {
        for body in
            ["", " \n", "null", "{}", r#"{"message":"hello"}"#, "5", "[", "[{}", "[{}]x", "[{}],", "<html>", "[1,]"]
        {
            let fault = response(&slice, None, 200, body.as_bytes()).expect_err(body);
            assert_eq!(fault.kind(), "malformed", "{body}");
        }
        assert_eq!(response(&slice, None, 200, "\u{feff} []\n".as_bytes()).unwrap().1.len(), 0);
    }
    assert_eq!(success(&day(), b"[]").0, ResponseSummary::default());
}

#[test]
fn rejects_polls_without_an_id() {
    let (step, rows) =
        success(&day(), b"[5,{\"name\":\"x\"},{\"id\":\"../x\"},{\"id\":7},{\"id\":8,\"name\":\"\xFF\"}]");
    assert_eq!((rows.len(), step.items.len(), step.rows), (1, 1, 4));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    let expected = [
        "entry 1 is not an object",
        "entry 2 has no valid id",
        "entry 3 has no valid id",
        "entry 5 has bytes that are not UTF-8",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn rejects_entries_beyond_the_limits() {
    let long = format!(r#"{{"id":1,"settings":"{}"}}"#, "x".repeat(2 << 20));
    let deep = format!(r#"{{"id":2,"settings":{}{}}}"#, "[".repeat(80), "]".repeat(80));
    let (step, rows) = success(&day(), format!(r#"[{long},{deep},{{"id":3}}]"#).as_bytes());
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!((rows.len(), reasons), (1, vec!["entry 1 has more than 2 MiB", "entry 2 is nested too deeply"]));
    assert_eq!(step.rejects[0].raw.len(), 16 * 1024);
}

#[test]
fn returns_rows_while_the_list_arrives() {
    let poll = |id: usize| format!(r#"{{"id":{id},"settings":{{"text":"{}"}}}}"#, "x".repeat(2000));
    let body = format!("[{}]", (0..3000).map(poll).collect::<Vec<_>>().join(","));
    let mut reader = opened(&json!({})).source.reader("sessions", &day(), None).unwrap();
    let mut early = 0;
    for chunk in body.as_bytes().chunks(10_000) {
        reader.feed(head(200), chunk).unwrap();
        early += std::iter::from_fn(|| reader.take()).map(|rows| rows.len()).sum::<usize>();
    }
    assert!((2000..3000).contains(&early), "{early}");
    assert_eq!(reader.finish(head(200)).unwrap().items.len(), 3000);
    let rest: usize = std::iter::from_fn(|| reader.take()).map(|rows| rows.len()).sum();
    assert_eq!(early + rest, 3000);
}
