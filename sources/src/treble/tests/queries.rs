use super::super::rules::{defaults, limits};
use super::*;
use domain::source::Request;
use secrecy::ExposeSecret;
use std::time::Duration;

fn asked(slice: &Slice, cursor: Option<&str>) -> Result<Request, Fault> {
    opened(&json!({})).source.request("sessions", slice, cursor.map(|cursor| Cursor(cursor.to_owned())).as_ref())
}

#[test]
fn each_slice_becomes_a_request() {
    let url = |slice: &Slice, cursor| asked(slice, cursor).unwrap().url;
    assert_eq!(url(&day(), None), "https://main.treble.ai/poll/api/all");
    let page = "https://main.treble.ai/devapi/poll/41007/sessions?limit=100&since=1786147200&until=1786233600";
    assert_eq!(url(&poll(), None), page);
    assert_eq!(url(&poll(), Some("900003")), format!("{page}&next_id=900003"));
    assert_eq!(url(&poll(), Some("a&b=+/é")), format!("{page}&next_id=a%26b%3D%2B%2F%C3%A9"));
    assert_eq!(url(&key(SESSION), None), "https://main.treble.ai/devapi/session/900001/history");
    let request = asked(&day(), None).unwrap();
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    assert_eq!((headers, request.body), (vec![("Authorization", KEY)], None));
}

#[test]
fn refuses_other_slices() {
    let keys = [
        "",
        "900001",
        "session/900001",
        "session/900001/",
        "session/900001/+1786197600",
        "session/900001/1786197600/1",
        "session/900001/x",
        "session/900001/99999999999999999999",
        "session/9 1/1",
        "session/../1",
        "other/900001/1786197600",
    ];
    let mut cases: Vec<(Slice, Option<&str>)> = keys.iter().map(|text| (key(text), None)).collect();
    cases.extend([(day(), Some("1")), (key(SESSION), Some("1")), (poll(), Some("")), (Slice::Delivery(1), None)]);
    let polls =
        ["", "..", "4%2f", "4/1"].map(|name| (Slice::Partition(name.to_owned(), day().window().unwrap()), None));
    cases.extend(polls);
    let long = "x".repeat(2049);
    cases.push((poll(), Some(&long)));
    for (slice, cursor) in cases {
        assert_eq!(asked(&slice, cursor).unwrap_err().kind(), "refused", "{slice:?} {cursor:?}");
    }
    let source = opened(&json!({})).source;
    assert_eq!(source.request("other", &day(), None).unwrap_err().kind(), "refused");
    assert!(source.reader("other", &day(), None).is_err() && source.file_reader("other").is_err());
}

#[test]
fn an_account_follows_its_settings() {
    let opened = opened(
        &json!({"base_url": "http://127.0.0.1:4010/", "since": "2026-10-01", "settle": "3d", "pending_interval": "30s"}),
    );
    let source = &opened.source;
    assert_eq!((source.account(), source.vendor(), source.zone()), ("treble_mx", "treble", chrono_tz::UTC));
    let stream = &source.streams()[0];
    assert_eq!((stream.name.as_str(), stream.table, stream.at), ("sessions", "treble_sessions", "created_at"));
    assert_eq!((opened.since.unwrap().to_string().as_str(), source.rules().settle), ("2026-10-01", TimeDelta::days(3)));
    assert_eq!(source.rules().pending, Duration::from_secs(30));
    let request = source.request("sessions", &key(SESSION), None).unwrap();
    assert_eq!(request.url, "http://127.0.0.1:4010/devapi/session/900001/history");
    let lane = |token: &str| super::opened(&json!({"token": token})).source.lane();
    assert_eq!(lane(KEY), source.lane());
    assert_ne!(lane("other"), source.lane());
    let shown = format!("{request:?} {opened:?} {:?}", source.lane());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn names_each_problem_and_what_to_write() {
    let cases = [
        (json!({"token": null}), "accounts.treble_mx.token: missing; write token = \"…\" or token_file = \"/path\""),
        (json!({"base_url": "http://main.treble.ai"}), "accounts.treble_mx.base_url: http would send"),
        (json!({"base_url": "main.treble.ai"}), "accounts.treble_mx.base_url: this is not the address of a server"),
        (
            json!({"base_url": "https://main.treble.ai?x"}),
            "accounts.treble_mx.base_url: the address must not contain a user",
        ),
        (json!({"webhook_secret": ""}), "accounts.treble_mx.webhook_secret: empty"),
        (json!({"webhook_secret": "a/b-s3cret"}), "accounts.treble_mx.webhook_secret: must contain only letters"),
        (
            json!({"webhook_secret": "fifteen-letters"}),
            "accounts.treble_mx.webhook_secret: has fewer than 16 characters",
        ),
        (
            json!({"webhook_secret_previous": "a/secret-that-was"}),
            "accounts.treble_mx.webhook_secret_previous: must contain only letters",
        ),
        (
            json!({"webhook_secret": null, "webhook_secret_previous": "the-secret-before-it"}),
            "accounts.treble_mx.webhook_secret_previous: needs the secret that follows it",
        ),
        (json!({"width": 5}), "accounts.treble_mx.width: the vendor permits at most 4"),
        (json!({"pending_interval": "5ms"}), "accounts.treble_mx.pending_interval: must be at least a second"),
        (json!({"busy_retry": "5m"}), "accounts.treble_mx.busy_retry: there is no such setting"),
    ];
    for (more, start) in cases {
        let problems = problems(&more);
        assert!(problems.len() == 1 && problems[0].starts_with(start), "{more}: {problems:?}");
        assert!(!problems[0].contains("s3cret"), "{problems:?}");
    }
}

#[test]
fn the_spacing_keeps_the_rate() {
    let rules = defaults();
    let rate = f64::from(rules.max_in_flight) / rules.spacing.as_secs_f64();
    assert!(rules.requests_per_second.is_some_and(|most| rate <= most), "{rate}");
    assert!(rules.timeout < rules.lease && rules.longest <= limits().longest);
}
