use super::super::address::{is_file, unsigned};
use crate::address::{BadAddress, plain_url as base};

#[test]
fn a_base_is_an_address_that_keeps_the_key() {
    let good = [
        ("https://api.ultimate.ai", "https://api.ultimate.ai"),
        ("HTTPS://api.us.ultimate.ai/", "https://api.us.ultimate.ai"),
        ("https://acme.zendesk.com/ai-agents/api//", "https://acme.zendesk.com/ai-agents/api"),
        ("http://127.0.0.1:4010", "http://127.0.0.1:4010"),
        ("http://localhost:4010/a", "http://localhost:4010/a"),
        ("http://[::1]:4010", "http://[::1]:4010"),
    ];
    for (written, address) in good {
        assert_eq!(base(written).as_deref(), Ok(address), "{written}");
    }
    let bad = [
        ("api.ultimate.ai", BadAddress::Shape),
        ("ftp://api.ultimate.ai", BadAddress::Shape),
        ("https://", BadAddress::Shape),
        ("https:///path", BadAddress::Shape),
        ("https://{subdomain}.zendesk.com/ai-agents/api", BadAddress::Shape),
        ("https://host/a b", BadAddress::Shape),
        ("https://host:0", BadAddress::Shape),
        ("https://me:pw@host", BadAddress::Secret),
        ("https://host/?key=1", BadAddress::Secret),
        ("https://host/#a", BadAddress::Secret),
        ("http://api.ultimate.ai", BadAddress::Readable),
        ("http://127.0.0.1.example.com", BadAddress::Readable),
    ];
    for (written, why) in bad {
        assert_eq!(base(written), Err(why), "{written}");
    }
}

#[test]
fn a_file_may_be_on_any_host_but_not_by_any_way() {
    let good = [
        "https://storage.googleapis.com/b/file-000000000000.json?X-Goog-Signature=ab%2F&x=a@b",
        "https://bucket.s3.eu-west-1.amazonaws.com/a",
        "HTTPS://host:8443?x",
        "http://127.0.0.1:5/a",
        "http://localhost/a",
        "http://[::1]:80/a",
    ];
    for url in good {
        assert!(is_file(url), "{url}");
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
        assert!(!is_file(url), "{url}");
    }
    assert_eq!(unsigned("https://host/a.json?Signature=x"), "https://host/a.json");
    assert_eq!(unsigned("https://host/a.json"), "https://host/a.json");
}
