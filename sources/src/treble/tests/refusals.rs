use super::*;
use std::time::Duration;

fn fault(slice: &Slice, status: u16, body: &[u8]) -> Fault {
    response(slice, None, status, body).unwrap_err()
}

#[test]
fn maps_every_refusal_to_its_fault() {
    let cases = [
        (401, fixture!("bad_key.json"), "unauthorised"),
        (403, b"{\"message\":\"Forbidden\"}".as_slice(), "refused"),
        (403, fixture!("gateway.html"), "unreachable"),
        (404, fixture!("no_poll.json"), "refused"),
        (404, fixture!("no_session.json"), "refused"),
        (410, b"", "refused"),
        (400, b"{\"message\":\"invalid since\"}", "refused"),
        (409, b"", "unreachable"),
        (408, b"", "timeout"),
        (429, fixture!("throttled.json"), "throttled"),
        (500, fixture!("server_error.json"), "unreachable"),
        (502, fixture!("gateway.html"), "unreachable"),
        (504, b"", "timeout"),
        (204, b"", "malformed"),
        (301, b"", "unreachable"),
    ];
    for (status, body, kind) in cases {
        for slice in [day(), poll(), key(SESSION)] {
            assert_eq!(fault(&slice, status, body).kind(), kind, "{status} {}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn faults_say_what_is_missing() {
    let text = |slice: &Slice, body: &[u8]| fault(slice, 404, body).to_string();
    assert_eq!(text(&poll(), fixture!("no_poll.json")), "refused: Treble has no such poll (HTTP 404: poll not found)");
    let session = "refused: Treble has no such session (HTTP 404: session not found)";
    assert_eq!(text(&key(SESSION), fixture!("no_session.json")), session);
    assert!(text(&day(), b"").starts_with("refused: Treble has no such list of polls"));
    let Fault::Throttled { retry_after, .. } = fault(&poll(), 429, b"") else { panic!("no wait") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn quotes_no_personal_data() {
    let canary = br#"{"message":"no access for ana@example.com, +57 300 111 2233, key eyJhbGciOiJIUzI1NiJ9x"}"#;
    for slice in [day(), poll(), key(SESSION)] {
        for status in [400, 401, 403, 404, 429, 500] {
            let text = fault(&slice, status, canary).to_string();
            assert!(!text.contains("ana@") && !text.contains("111") && !text.contains("eyJ"), "{text}");
        }
        let text = fault(&slice, 200, b"{\"results\":[{\"cellphone\":\"3001112233\"").to_string();
        assert!(!text.contains("300111"), "{text}");
        let long = [b"{\"message\":\"".as_slice(), &vec![b'x'; 1 << 20], b"\"}"].concat();
        assert!(fault(&slice, 400, &long).to_string().len() < 300);
    }
}
