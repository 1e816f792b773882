use super::*;

fn said(status: u16, body: &[u8]) -> Fault {
    let fault = listed(None, status, [body]).err().unwrap_or_else(|| panic!("{status} passed"));
    assert_eq!(listed(None, status, body.chunks(3)).err(), Some(fault.clone()));
    fault
}

#[test]
fn every_refusal_of_a_list_has_its_meaning() {
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
        assert_eq!(said(status, body), fault, "{status}");
    }
}

#[test]
fn an_address_that_is_stale_is_asked_for_anew_once() {
    for status in [400, 401, 403, 404, 410] {
        let finish = |of: Files| {
            let mut reading = File::new(place(), of);
            reading.feed(head(status), fixture!("expired.xml")).unwrap();
            assert!(reading.take().is_none());
            reading.finish(head(status))
        };
        let step = finish(files(3, 1)).unwrap();
        assert_eq!((step.rows, step.rejects.len()), (0, 0));
        let found = led(&step).unwrap();
        assert_eq!((found.next, found.fresh, found.again, found.urls.len()), (1, false, true, 3));
        assert!(found.urls.iter().all(|url| !url.contains("Signature")), "what signs them is of no use any more");
        let fault = finish(Files { fresh: true, ..files(3, 1) }).unwrap_err();
        assert_eq!(fault, Fault::Unreachable(format!("HTTP {status} for a file, also at a fresh address")));
    }
}

#[test]
fn any_other_refusal_of_a_file_is_for_another_time() {
    let throttled =
        Fault::Throttled { retry_after: Some(Duration::from_secs(7)), text: "HTTP 429 for a file".to_owned() };
    assert_eq!(heard(429, [b"x".as_slice()]).unwrap_err(), throttled);
    for status in [204, 206, 301, 302, 307, 412, 500, 502, 503, 504] {
        for body in [b"".as_slice(), b"[{\"conversation_id\":\"1\"}]"] {
            let fault = heard(status, [body]).unwrap_err();
            assert_eq!(fault, Fault::Unreachable(format!("HTTP {status} for a file")), "{status}");
        }
    }
}

#[test]
fn quoted_words_hold_nothing_personal_and_no_signature() {
    let fault = said(400, fixture!("personal.json"));
    assert_eq!(fault.to_string(), "refused: HTTP 400: no bot of … +…, key … at …");
    assert_eq!(said(401, format!("Unauthorized {}", "x ".repeat(1 << 20)).as_bytes()).kind(), "unauthorised");
}

#[test]
fn faults_quote_nothing_of_rows_or_addresses() {
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
            let text = heard(status, [body.as_bytes()]).unwrap_err().to_string();
            assert!(!text.contains("CANARIA") && !text.contains("5730"), "{text}");
        }
    }
    for body in ["{\"urls\":[\"https://a/CANARIA\",5]}", "{\"urls\":[\"CANARIA\"]}", "{\"CANARIA\":[]}", "CANARIA"] {
        let text = said(200, body.as_bytes()).to_string();
        assert!(!text.contains("CANARIA"), "{text}");
    }
}
