use super::super::rules::{defaults, limits};
use super::*;
use domain::source::Request;
use secrecy::ExposeSecret;
use std::time::Duration;

fn asked(slice: &Slice, cursor: Option<&str>) -> Result<Request, Fault> {
    opened(&json!({})).source.request("processes", slice, cursor.map(|cursor| Cursor(cursor.to_owned())).as_ref())
}

#[test]
fn windows_and_ids_become_requests() {
    let list = "https://api.identity.truora.com/v1/processes?page_size=100&start_date=2026-08-08T00:00:00Z";
    let end = "&end_date=2026-08-09T00:00:00Z";
    assert_eq!(asked(&day(), None).unwrap().url, format!("{list}{end}"));
    let next = asked(&day(), Some("18f2.a%2Fb+=")).unwrap();
    assert_eq!(next.url, format!("{list}{end}&start_key=18f2.a%2Fb+="));
    let ragged = Slice::Window(window("2026-08-08T00:00:00.9Z", "2026-08-08T23:59:59.001Z"));
    assert_eq!(asked(&ragged, None).unwrap().url, format!("{list}{end}"), "no instant of it is left out");
    let request = asked(&key(ID), None).unwrap();
    assert_eq!(request.url, format!("https://api.identity.truora.com/v1/processes/{ID}/result"));
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    assert_eq!((headers, request.body), (vec![("Truora-API-Key", KEY)], None));
}

#[test]
fn refuses_other_slices() {
    let ids = ["", "../x", "a/b", "a?b", "a b", "é", "a%2fb", &"x".repeat(65)];
    let mut cases: Vec<(Slice, Option<&str>)> = ids.iter().map(|id| (key(id), None)).collect();
    cases.push((key(ID), Some("18f2")));
    cases.push((Slice::Delivery(1), None));
    cases.extend(["", "a&page_size=1", "a b", "a#b", "é"].map(|cursor| (day(), Some(cursor))));
    let long = "x".repeat(2049);
    cases.push((day(), Some(&long)));
    for (slice, cursor) in cases {
        assert_eq!(asked(&slice, cursor).unwrap_err().kind(), "refused", "{slice:?} {cursor:?}");
    }
    let source = opened(&json!({})).source;
    assert_eq!(source.request("other", &day(), None).unwrap_err().kind(), "refused");
    assert!(source.reader("other", &day(), None).is_err() && source.file_reader("other").is_err());
    assert!(asked(&key(&"x".repeat(64)), None).is_ok());
}

#[test]
fn an_account_follows_its_settings() {
    let opened = opened(&json!({"base_url": "http://127.0.0.1:4010/", "since": "2026-10-01", "width": 2}));
    let source = &opened.source;
    assert_eq!((source.account(), source.vendor(), source.zone()), ("truora_co", "truora", chrono_tz::UTC));
    let stream = &source.streams()[0];
    assert_eq!((stream.name.as_str(), stream.table, stream.at), ("processes", "truora_processes", "creation_date"));
    assert_eq!((opened.since.unwrap().to_string().as_str(), source.rules().max_in_flight), ("2026-10-01", 2));
    let request = source.request("processes", &key(ID), None).unwrap();
    assert_eq!(request.url, format!("http://127.0.0.1:4010/v1/processes/{ID}/result"));
    let lane = |token: &str| super::opened(&json!({"token": token})).source.lane();
    assert_eq!(lane(KEY), source.lane());
    assert_ne!(lane("other"), source.lane());
    let shown = format!("{request:?} {opened:?} {:?}", source.lane());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn names_each_problem_and_what_to_write() {
    let cases = [
        (json!({"token": null}), "accounts.truora_co.token: missing; write token = \"…\" or token_file = \"/path\""),
        (json!({"base_url": "http://api.identity.truora.com"}), "accounts.truora_co.base_url: http would send"),
        (
            json!({"base_url": "api.identity.truora.com"}),
            "accounts.truora_co.base_url: this is not the address of a server",
        ),
        (
            json!({"base_url": "https://u:p@truora.com"}),
            "accounts.truora_co.base_url: the address must not contain a user",
        ),
        (json!({"webhook_secret": ""}), "accounts.truora_co.webhook_secret: empty"),
        (json!({"pending_interval": "0s"}), "accounts.truora_co.pending_interval: must be at least a second"),
        (json!({"pending_interval": 5}), "accounts.truora_co.pending_interval: 5 has no unit"),
        (json!({"width": 5}), "accounts.truora_co.width: the vendor permits at most 4"),
        (json!({"bot_ids": ["x"]}), "accounts.truora_co.bot_ids: there is no such setting"),
    ];
    for (more, start) in cases {
        let problems = problems(&more);
        assert!(problems.len() == 1 && problems[0].starts_with(start), "{more}: {problems:?}");
    }
}

#[test]
fn open_processes_have_their_own_interval() {
    let interval = |more: &Value| {
        let values = settings(more);
        let mut settings = crate::settings::Settings::new("truora_co", &values);
        settings.wait("pending_interval", Duration::from_mins(5))
    };
    assert_eq!(interval(&json!({})), Some(Duration::from_mins(5)));
    assert_eq!(interval(&json!({"pending_interval": "30s"})), Some(Duration::from_secs(30)));
}

#[test]
fn the_spacing_keeps_the_rate() {
    let rules = defaults();
    let rate = f64::from(rules.max_in_flight) / rules.spacing.as_secs_f64();
    assert!(rules.requests_per_second.is_some_and(|most| rate <= most), "{rate}");
    assert!(rules.timeout < rules.lease && rules.longest <= limits().longest);
}
