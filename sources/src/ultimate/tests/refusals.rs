use super::*;

fn refusal(status: u16, body: &[u8]) -> Fault {
    let fault = file_list(None, status, [body]).err().unwrap_or_else(|| panic!("{status} passed"));
    assert_eq!(file_list(None, status, body.chunks(3)).err(), Some(fault.clone()));
    fault
}

#[test]
fn maps_every_refusal_of_a_list_to_its_fault() {
    let text = |text: &str| text.to_owned();
    let wait = Some(Duration::from_secs(7));
    let cases: [(u16, &[u8], Fault); 16] = [
        (
            400,
            fixture!("bad_request.json"),
            Fault::Refused(text("HTTP 400: Bad Request: date must be a valid ISO 8601 date string")),
        ),
        (400, b"", Fault::Refused(text("HTTP 400"))),
        (401, fixture!("unauthorized.txt"), Fault::Unauthorised(text("HTTP 401: Unauthorized"))),
        (403, b"{\"message\":\"Forbidden\"}", Fault::Unauthorised(text("HTTP 403: Forbidden"))),
        (403, fixture!("gateway.html"), Fault::Unauthorised(text("HTTP 403"))),
        (404, fixture!("no_route.json"), Fault::Refused(text("HTTP 404: no Route matched with those values"))),
        (404, fixture!("gateway.html"), Fault::Malformed(text("HTML page instead of JSON, under the status 404"))),
        (429, b"slow down", Fault::Throttled { retry_after: wait, text: text("HTTP 429: slow down") }),
        (500, fixture!("server_error.txt"), Fault::Unreachable(text("HTTP 500: Internal Server Error"))),
        (502, fixture!("gateway.html"), Fault::Unreachable(text("HTTP 502"))),
        (503, b"{\"cut", Fault::Unreachable(text("HTTP 503"))),
        (504, fixture!("gateway.html"), Fault::TimedOut(text("HTTP 504"))),
        (301, b"", Fault::Unreachable(text("HTTP 301"))),
        (204, b"", Fault::Unreachable(text("HTTP 204"))),
        (201, fixture!("list.json"), Fault::Unreachable(text("HTTP 201"))),
        (418, b"[\"teapot\"]", Fault::Unreachable(text("HTTP 418"))),
    ];
    for (status, body, fault) in cases {
        assert_eq!(refusal(status, body), fault, "{status}");
    }
}

#[test]
fn requests_a_fresh_list_once() {
    for status in [400, 401, 403, 404, 410] {
        let finish = |of: FileCursor| {
            let mut reader = super::reader(of);
            reader.feed(head(status), fixture!("expired.xml")).unwrap();
            assert!(reader.take().is_none());
            reader.finish(head(status))
        };
        let step = finish(files(3, 1)).unwrap();
        assert_eq!((step.rows, step.rejects.len()), (0, 0));
        let found = cursor(&step).unwrap();
        assert_eq!((found.next, found.fresh, found.again, found.urls.len()), (1, false, true, 3));
        assert!(found.urls.iter().all(|url| !url.contains("Signature")), "what signs them is of no use any more");
        let fault = finish(FileCursor { fresh: true, ..files(3, 1) }).unwrap_err();
        assert_eq!(fault, Fault::Unreachable(format!("HTTP {status} for a file, also with a fresh URL")));
    }
}

#[test]
fn other_refusals_of_a_file_are_retried() {
    let throttled =
        Fault::Throttled { retry_after: Some(Duration::from_secs(7)), text: "HTTP 429 for a file".to_owned() };
    assert_eq!(day_file(429, [b"x".as_slice()]).unwrap_err(), throttled);
    for status in [204, 206, 301, 302, 307, 412, 500, 502, 503, 504] {
        for body in [b"".as_slice(), b"[{\"conversation_id\":\"1\"}]"] {
            let fault = day_file(status, [body]).unwrap_err();
            assert_eq!(fault, Fault::Unreachable(format!("HTTP {status} for a file")), "{status}");
        }
    }
}

#[test]
fn quotes_no_personal_data_and_no_signature() {
    let fault = refusal(400, fixture!("personal.json"));
    assert_eq!(fault.to_string(), "refused: HTTP 400: no bot of … +…, key … at …");
    assert_eq!(refusal(401, format!("Unauthorized {}", "x ".repeat(1 << 20)).as_bytes()).kind(), "unauthorised");
}

#[test]
fn quotes_nothing_of_rows_or_urls() {
    let row = r#"{"conversation_id":"573009998877","conversations_data":"{\"n\":\"CANARIA\"}"}"#;
    let bodies = [
        format!("[{row}"),
        format!("[{row}{row}]"),
        format!("[{row}] CANARIA"),
        format!("CANARIA {row}"),
        format!("{row},{row}"),
        format!("<x>{row}</x>"),
    ];
    for body in &bodies {
        for status in [200, 206, 302, 429, 500, 504] {
            let text = day_file(status, [body.as_bytes()]).unwrap_err().to_string();
            assert!(!text.contains("CANARIA") && !text.contains("5730"), "{text}");
        }
    }
    for body in ["{\"urls\":[\"https://a/CANARIA\",5]}", "{\"urls\":[\"CANARIA\"]}", "{\"CANARIA\":[]}", "CANARIA"] {
        let text = refusal(200, body.as_bytes()).to_string();
        assert!(!text.contains("CANARIA"), "{text}");
    }
}
