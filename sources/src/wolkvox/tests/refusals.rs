use super::*;

const WAIT: Option<Duration> = Some(Duration::from_secs(7));

fn throttled(text: &str) -> Fault {
    Fault::Throttled { retry_after: WAIT, text: text.to_owned() }
}

#[test]
fn maps_every_refusal_to_its_fault() {
    let text = |text: &str| text.to_owned();
    let simultaneous = "FORBIDDEN: EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)";
    let cases: [(u16, &[u8], Fault); 22] = [
        (
            400,
            fixture!("unknown_report.json"),
            Fault::Refused(text("BAD REQUEST: THE API YOU WANT TO CONSULT DOES NOT EXIST")),
        ),
        (400, fixture!("missing_parameter.json"), Fault::Refused(text("BAD REQUEST: SOME PARAMETERS ARE REQUIRED"))),
        (401, fixture!("no_token.json"), Fault::Unauthorised(text("UNAUTHORIZED: PLEASE ENTER THE WOLKVOX-TOKEN"))),
        (401, fixture!("login.html"), Fault::Unauthorised(text(""))),
        (403, fixture!("token_limit.json"), Fault::QuotaSpent(text("FORBIDDEN: TOKEN LIMIT EXCEEDED"))),
        (403, fixture!("simultaneous.json"), throttled(simultaneous)),
        (403, fixture!("bad_token.json"), Fault::Unauthorised(text("FORBIDDEN: PLEASE VALIDATE TOKEN"))),
        (403, fixture!("maintenance.json"), Fault::Maintenance(text("FORBIDDEN: SERVER UNDER MAINTENANCE"))),
        (403, b"", Fault::Maintenance(text(""))),
        (403, b"Token limit exceeded", Fault::QuotaSpent(text(""))),
        (403, b"{\"msg\":\"token limit exc", Fault::QuotaSpent(text(""))),
        (
            404,
            fixture!("no_such_report.json"),
            Fault::Refused(text("NOT FOUND: THE API YOU WANT TO CONSULT DOES NOT EXIST")),
        ),
        (429, fixture!("throttled.json"), throttled("TOO MANY REQUESTS: TOO MANY REQUESTS")),
        (429, b"", throttled("")),
        (
            500,
            fixture!("server_error.json"),
            Fault::Unreachable(text("INTERNAL SERVER ERROR: THE REPORT COULD NOT BE MADE")),
        ),
        (502, fixture!("gateway.html"), Fault::Unreachable(text(""))),
        (503, b"", Fault::Unreachable(text(""))),
        (504, fixture!("gateway.html"), Fault::TimedOut(text(""))),
        (301, b"", Fault::Unreachable(text(""))),
        (302, fixture!("success.json"), Fault::Unreachable(text("3 records were found"))),
        (204, b"", Fault::Unreachable(text(""))),
        (418, b"", Fault::Unreachable(text(""))),
    ];
    for (status, body, fault) in cases {
        let fault = with_label(fault, &format!("HTTP {status}"));
        let context = String::from_utf8_lossy(body).into_owned();
        assert_eq!(response(status, [body]).expect_err(&context), fault, "{status} {context}");
        assert_eq!(response(status, body.chunks(3)).expect_err(&context), fault, "{status} {context}");
    }
}

fn with_label(fault: Fault, label: &str) -> Fault {
    let with = |text: String| if text.is_empty() { label.to_owned() } else { format!("{label}: {text}") };
    match fault {
        Fault::Throttled { retry_after, text } => Fault::Throttled { retry_after, text: with(text) },
        Fault::QuotaSpent(text) => Fault::QuotaSpent(with(text)),
        Fault::Unauthorised(text) => Fault::Unauthorised(with(text)),
        Fault::Maintenance(text) => Fault::Maintenance(with(text)),
        Fault::Busy(text) => Fault::Busy(with(text)),
        Fault::Unreachable(text) => Fault::Unreachable(with(text)),
        Fault::TimedOut(text) => Fault::TimedOut(with(text)),
        Fault::Malformed(text) => Fault::Malformed(with(text)),
        Fault::Incomplete(text) => Fault::Incomplete(with(text)),
        Fault::Database(text) => Fault::Database(with(text)),
        Fault::Refused(text) => Fault::Refused(with(text)),
    }
}

#[test]
fn maps_an_error_code_inside_a_success_likewise() {
    let cases: [(&[u8], &str); 8] = [
        (fixture!("unknown_report.json"), "refused"),
        (fixture!("no_token.json"), "unauthorised"),
        (fixture!("token_limit.json"), "quota"),
        (fixture!("simultaneous.json"), "throttled"),
        (fixture!("bad_token.json"), "unauthorised"),
        (fixture!("maintenance.json"), "maintenance"),
        (fixture!("throttled.json"), "throttled"),
        (fixture!("server_error.json"), "unreachable"),
    ];
    for (body, kind) in cases {
        let fault = response(200, [body]).unwrap_err();
        assert_eq!(fault.kind(), kind, "{fault}");
        assert!(fault.to_string().contains("under HTTP 200"), "{fault}");
    }
    // The code may also come after the rows.
    let late = br#"{"data":[{"conn_id":"1"}],"msg":"TOKEN LIMIT EXCEEDED","code":"403"}"#;
    assert_eq!(response(200, [late.as_slice()]).unwrap_err().kind(), "quota");
}

#[test]
fn only_the_vendors_words_under_404_mean_no_rows() {
    let words = br#"{"code":404,"error":"NOT FOUND","msg":" validate dates entered."}"#.as_slice();
    for body in [fixture!("not_found.json"), words, b"Validate dates entered"] {
        let (step, rows) = response(404, [body]).unwrap();
        assert_eq!((step, rows), (ResponseSummary::default(), Vec::new()), "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(response(200, [fixture!("not_found.json")]).unwrap().0, ResponseSummary::default());
}

#[test]
fn any_other_answer_under_404_is_no_empty_day() {
    let bodies = [
        r#"{"message":"Not Found"}"#,
        r#"{"error":"Validate","message":"Validate dates entered"}"#,
        r#"{"code":"404","error":"NOT FOUND","msg":""}"#,
        r#"{"code":"404","error":"NOT FOUND","msg":"0 records were found"}"#,
        r#"{"code":"404","data":[]}"#,
        "{\"cut",
        "null",
        "[]",
        "{}",
        "Not Found",
        "",
    ];
    for body in bodies {
        assert_eq!(response(404, [body.as_bytes()]).expect_err(body).kind(), "malformed", "{body}");
    }
    assert_eq!(response(404, []).unwrap_err().kind(), "malformed");
    let inside = br#"{"code":"404","error":"NOT FOUND","msg":"NO SUCH PAGE","data":null}"#;
    let fault = response(200, [inside.as_slice()]).unwrap_err();
    let text = "malformed: code 404 under HTTP 200: NOT FOUND: NO SUCH PAGE; \
                only \"Validate dates entered\" means no rows: check server and base_url";
    assert_eq!(fault.to_string(), text);
}

#[test]
fn an_html_page_under_404_does_not_mean_no_rows() {
    for page in [fixture!("login.html"), b"\xEF\xBB\xBF\n<html>404 Not Found</html>"] {
        assert_eq!(response(404, [page]).unwrap_err().kind(), "malformed");
    }
}

#[test]
fn understands_a_refusal_of_any_length() {
    let long = [b"TOKEN LIMIT EXCEEDED ".as_slice(), &vec![b'x'; 1 << 20]].concat();
    assert_eq!(response(403, long.chunks(5000)).unwrap_err().kind(), "quota");
}

#[test]
fn quotes_no_personal_data() {
    let fault = response(400, [fixture!("personal.json")]).unwrap_err();
    assert_eq!(fault.to_string(), "refused: HTTP 400: BAD REQUEST: NO CHAT OF +… OR … OR … FOR TOKEN … AT AGENT 4107");
}

#[test]
fn quotes_nothing_of_the_rows() {
    let canary = "573009998877";
    let row = format!(r#"{{"conn_id":"1","customer_phone":"{canary}","customer_name":"CANARIA"}}"#);
    let good = envelope(&row);
    let broken = [
        good.replace("]}", ""),
        good.replace("]}", "]} CANARIA"),
        good.replace("\"1\"", "1CANARIA"),
        good.replace("x records", "5 records"),
        good.replace(":200", ":500"),
        good.replace(":200", ":\"CANARIA 573009998877\""),
        good.replace("code", "CANARIA"),
        format!("CANARIA {canary}"),
    ];
    for body in broken {
        for status in [200, 302, 400, 401, 403, 429, 500, 504] {
            let text = response(status, [body.as_bytes()]).unwrap_err().to_string();
            assert!(!text.contains(canary) && !text.contains("CANARIA"), "{text}");
        }
    }
}
