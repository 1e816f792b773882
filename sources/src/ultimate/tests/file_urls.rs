use super::super::file_url::{is_allowed, without_signature};

#[test]
fn downloads_from_any_host_by_https_only() {
    let good = [
        "https://storage.googleapis.com/b/file-000000000000.json?X-Goog-Signature=ab%2F&x=a@b",
        "https://bucket.s3.eu-west-1.amazonaws.com/a",
        "HTTPS://host:8443?x",
    ];
    for url in good {
        assert!(is_allowed(url, false) && is_allowed(url, true), "{url}");
    }
    // Only a vendor that is on this machine itself may name a file on it.
    for url in [
        "http://127.0.0.1:5/a",
        "http://localhost/a",
        "http://[::1]:80/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
    ] {
        assert!(is_allowed(url, true) && !is_allowed(url, false), "{url}");
    }
    let bad = [
        "http://storage.googleapis.com/a",
        "http://127.0.0.1.example.com/a",
        "http://example.com#@127.0.0.1",
        "https://me:pw@host/a",
        "http://127.0.0.1@example.com/a",
        "file:///etc/passwd",
        "gs://bucket/a",
        "data:text/json,[]",
        "/relative",
        "https://",
        "https://host/a b",
        "https://host/a\nb",
        "",
    ];
    for url in bad {
        assert!(!is_allowed(url, false) && !is_allowed(url, true), "{url}");
    }
    assert_eq!(without_signature("https://host/a.json?Signature=x"), "https://host/a.json");
    assert_eq!(without_signature("https://host/a.json"), "https://host/a.json");
}
