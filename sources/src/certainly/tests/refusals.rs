use super::super::export_reply::ExportReply;
use super::*;

fn throttled(seconds: Option<u64>, text: &str) -> Fault {
    Fault::Throttled { retry_after: seconds.map(Duration::from_secs), text: text.to_owned() }
}

#[test]
fn maps_every_refusal_to_its_fault() {
    let say = |text: &str| text.to_owned();
    let drf = "HTTP 429: Request was throttled. Expected available in 30 seconds.";
    let cases: [(ResponseHead, &[u8], Fault); 17] = [
        (head(401), fixture!("expired.json"), Fault::Unauthorised(say("HTTP 401: Signature has expired."))),
        (
            head(401),
            fixture!("no_token.json"),
            Fault::Unauthorised(say("HTTP 401: Authentication credentials were not provided.")),
        ),
        (
            head(401),
            fixture!("bad_token.json"),
            Fault::Unauthorised(say("HTTP 401: token_not_valid; Given token not valid for any token type")),
        ),
        (head(401), fixture!("login.html"), Fault::Unauthorised(say("HTTP 401"))),
        (head(400), fixture!("missing_field.json"), Fault::Refused(say("HTTP 400: fromDate: This field is required."))),
        (head(405), b"", Fault::Refused(say("HTTP 405"))),
        (head(429), fixture!("throttled.json"), throttled(Some(30), drf)),
        (head_with_wait(429, 7), fixture!("throttled.json"), throttled(Some(30), drf)),
        (head_with_wait(429, 60), fixture!("throttled.json"), throttled(Some(60), drf)),
        (head_with_wait(429, 7), b"", throttled(Some(7), "HTTP 429")),
        (head(429), b"slow down", throttled(None, "HTTP 429: slow down")),
        (head(504), fixture!("login.html"), Fault::TimedOut(say("HTTP 504"))),
        (head(500), b"", Fault::Unreachable(say("HTTP 500"))),
        (head(503), b"{\"detail\":\"Try later\"}", Fault::Unreachable(say("HTTP 503: Try later"))),
        (head(301), b"", Fault::Unreachable(say("HTTP 301"))),
        (head(204), b"", Fault::Unreachable(say("HTTP 204"))),
        // Asked by GET, nothing is waited for: that passes by itself.
        (
            head(409),
            fixture!("busy.json"),
            Fault::Unreachable(say("HTTP 409: There is already a report being generated, please wait")),
        ),
    ];
    for (head, body, fault) in cases {
        let context = String::from_utf8_lossy(body).into_owned();
        assert_eq!(response(head, [body]).expect_err(&context), fault, "{} {context}", head.status);
        assert_eq!(response(head, body.chunks(3)).expect_err(&context), fault, "{} {context}", head.status);
    }
    for (status, body) in [(403, fixture!("not_owned.json")), (404, fixture!("not_found.json")), (410, b"".as_slice())]
    {
        let fault = response(head(status), [body]).unwrap_err();
        assert_eq!(fault.kind(), "refused", "{fault}");
        assert!(
            fault.to_string().contains(if status == 403 { "check that the bot" } else { "message_report_path" }),
            "{fault}"
        );
    }
}

fn export_reply(head: ResponseHead, body: &[u8]) -> Result<ResponseSummary, Fault> {
    read(ResponseReader::new(ExportReply::default()), head, body.chunks(5)).map(|(step, _)| step)
}

#[test]
fn the_vendor_accepts_an_export() {
    let accepted = Ok(ResponseSummary { by_mail: true, ..ResponseSummary::default() });
    for (status, body) in
        [(200, fixture!("accepted.json")), (202, b"".as_slice()), (201, b"{}"), (204, b""), (200, b"OK")]
    {
        assert_eq!(export_reply(head(status), body), accepted, "{status}");
    }
}

#[test]
fn an_export_that_waits_for_another_is_busy() {
    let words = ["ALREADY there", "a previous request", "In Progress", "still running", "pending", "please wait"];
    for status in [200, 202, 400, 403, 409, 423, 429] {
        for word in words {
            for body in [format!(r#"{{"message":"{word}"}}"#), format!(r#"{{"detail":["{word}"]}}"#), word.to_owned()] {
                assert_eq!(export_reply(head(status), body.as_bytes()).unwrap_err().kind(), "busy", "{status} {body}");
            }
        }
    }
    for status in [409, 423, 429] {
        assert_eq!(export_reply(head(status), b"").unwrap_err(), Fault::Busy(format!("HTTP {status}")));
    }
    let busy = "HTTP 200: There is already a report being generated, please wait";
    assert_eq!(export_reply(head(200), fixture!("busy.json")).unwrap_err(), Fault::Busy(busy.to_owned()));
    assert_eq!(export_reply(head_with_wait(429, 9), fixture!("busy.json")).unwrap_err().kind(), "busy");
}

#[test]
fn an_export_that_is_refused_is_not_busy() {
    let drf = b"{\"detail\":\"Request was throttled. Expected available in 12.2 seconds; please wait\"}".as_slice();
    assert!(
        matches!(export_reply(head(429), drf), Err(Fault::Throttled { retry_after: Some(wait), .. }) if wait.as_secs() == 13)
    );
    let cases: [(ResponseHead, &[u8], &str); 9] = [
        (head_with_wait(429, 9), b"", "throttled"),
        (head(429), b"throttled", "throttled"),
        (head(401), b"{\"detail\":\"please wait\"}", "unauthorised"),
        (head(400), fixture!("missing_field.json"), "refused"),
        (head(403), fixture!("not_owned.json"), "refused"),
        (head(404), fixture!("login.html"), "refused"),
        (head(200), fixture!("login.html"), "malformed"),
        (head(503), b"please wait", "unreachable"),
        (head(504), b"", "timeout"),
    ];
    for (head, body, kind) in cases {
        assert_eq!(export_reply(head, body).unwrap_err().kind(), kind, "{}", head.status);
    }
}

#[test]
fn quotes_no_personal_data() {
    let canary = "CANARIA";
    let row = format!(r#"{{"id":1,"timestamp":1639645964,"message":"{canary} +45 30 05 55 01 maria@correo.example"}}"#);
    for body in [
        format!("[{row}"),
        format!("[{row}]x"),
        format!("{{\"rows\":[{row}]}}"),
        format!("<{canary}"),
        canary.to_owned(),
    ] {
        for status in [200, 301, 500] {
            let fault = response(head(status), [body.as_bytes()]).unwrap_err().to_string();
            assert!(!fault.contains("30 05") && !fault.contains("maria@"), "{fault}");
            assert!(status != 200 || !fault.contains(canary), "{fault}");
        }
    }
    let long = [b"{\"detail\":\"".as_slice(), &vec![b'x'; 1 << 20], b"\"}"].concat();
    assert!(response(head(400), long.chunks(5000)).unwrap_err().to_string().len() < 300);
    let mail = export_reply(head(400), b"{\"detail\":\"no report for user@example.com, user 4410022\"}").unwrap_err();
    assert!(!mail.to_string().contains("user@") && !mail.to_string().contains("4410022"), "{mail}");
}
