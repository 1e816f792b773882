use super::*;
use std::time::Duration;

fn fault(slice: &Slice, status: u16, body: &[u8]) -> Fault {
    response(slice, None, status, body).unwrap_err()
}

#[test]
fn maps_every_refusal_to_its_fault() {
    let cases = [
        (401, fixture!("bad_key.json"), "unauthorised"),
        (403, fixture!("forbidden.json"), "unauthorised"),
        (403, b"".as_slice(), "unauthorised"),
        (403, fixture!("no_route.json"), "refused"),
        (403, fixture!("gateway.html"), "unreachable"),
        (404, fixture!("not_found.json"), "refused"),
        (400, b"{\"code\":10400,\"message\":\"invalid page_size\"}", "refused"),
        (409, b"", "unreachable"),
        (408, b"", "timeout"),
        (429, fixture!("throttled.json"), "throttled"),
        (500, fixture!("server_error.json"), "unreachable"),
        (502, fixture!("gateway.html"), "unreachable"),
        (504, b"", "timeout"),
        (204, b"", "malformed"),
        (302, b"", "unreachable"),
    ];
    for (status, body, kind) in cases {
        for slice in [day(), key(ID)] {
            assert_eq!(fault(&slice, status, body).kind(), kind, "{status} {}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn faults_say_what_to_do() {
    let text = fault(&key(ID), 404, fixture!("not_found.json")).to_string();
    assert_eq!(text, "refused: Truora has no such process (HTTP 404: process not found)");
    assert!(fault(&day(), 403, fixture!("no_route.json")).to_string().ends_with("check base_url"));
    let text = fault(&day(), 400, b"{\"code\":10400,\"message\":\"invalid page_size\"}").to_string();
    let hint = "Truora documents no parameters of this call: check list_query and list_page_size";
    assert_eq!(text, format!("refused: HTTP 400: invalid page_size; {hint}"));
    assert_eq!(fault(&key(ID), 400, b"").to_string(), "refused: HTTP 400");
    let Fault::Throttled { retry_after, .. } = fault(&day(), 429, fixture!("throttled.json")) else {
        panic!("no wait")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn quotes_no_personal_data() {
    let canary = br#"{"message":"no access for ana@example.com, +57 300 111 2233, key eyJhbGciOiJIUzI1NiJ9x"}"#;
    for status in [400, 401, 403, 404, 429, 500] {
        let text = fault(&key(ID), status, canary).to_string();
        assert!(!text.contains("ana@") && !text.contains("111") && !text.contains("eyJ"), "{text}");
        assert!(text.len() < 300, "{text}");
    }
    let long = [b"{\"message\":\"".as_slice(), &vec![b'x'; 1 << 20], b"\"}"].concat();
    assert!(fault(&day(), 400, &long).to_string().len() < 400);
}
