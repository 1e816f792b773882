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

/// No document describes the list's parameters, so an operator can correct each of them.
#[test]
fn the_list_call_follows_its_settings() {
    let url = |more: &Value, cursor: Option<&str>| {
        let cursor = cursor.map(|cursor| Cursor(cursor.to_owned()));
        opened(more).source.request("processes", &day(), cursor.as_ref()).unwrap().url
    };
    let more = json!({"list_query": "limit={page_size}&after={from}&before={to}&flow_id=IPF1", "list_page_size": 50,
        "list_next_parameter": "cursor"});
    let list = "https://api.identity.truora.com/v1/processes";
    let page = format!("{list}?limit=50&after=2026-08-08T00:00:00Z&before=2026-08-09T00:00:00Z&flow_id=IPF1");
    assert_eq!(url(&more, None), page);
    assert_eq!(url(&more, Some("18f2.a%2Fb")), format!("{page}&cursor=18f2.a%2Fb"));
    let seconds = json!({"list_query": "from={from_seconds}&to={to_seconds}"});
    assert_eq!(url(&seconds, None), format!("{list}?from=1786147200&to=1786233600"));
    let without = json!({"list_query": ""});
    assert_eq!(url(&without, None), list);
    assert_eq!(url(&without, Some("18f2")), format!("{list}?start_key=18f2"));
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
        (
            json!({"webhook_secret": "fifteen letters"}),
            "accounts.truora_co.webhook_secret: has fewer than 16 characters",
        ),
        (
            json!({"webhook_secret_previous": "too short"}),
            "accounts.truora_co.webhook_secret_previous: has fewer than 16 characters",
        ),
        (
            json!({"webhook_secret": null, "webhook_secret_previous": "the secret before it"}),
            "accounts.truora_co.webhook_secret_previous: needs the secret that follows it",
        ),
        (json!({"pending_interval": "0s"}), "accounts.truora_co.pending_interval: must be at least a second"),
        (json!({"pending_interval": 5}), "accounts.truora_co.pending_interval: 5 has no unit"),
        (json!({"list_query": "from={form}"}), "accounts.truora_co.list_query: {form} is no placeholder"),
        (json!({"list_query": "from={from"}), "accounts.truora_co.list_query: {from is no placeholder"),
        (json!({"list_query": "a=b c"}), "accounts.truora_co.list_query: must have only characters of a query"),
        (json!({"list_query": "?a=b"}), "accounts.truora_co.list_query: must have only characters of a query"),
        (json!({"list_query": 5}), "accounts.truora_co.list_query: must be a text"),
        (json!({"list_page_size": 0}), "accounts.truora_co.list_page_size: a page must have at least one row"),
        (json!({"list_page_size": "many"}), "accounts.truora_co.list_page_size: must be a whole number"),
        (json!({"list_next_parameter": "a&b"}), "accounts.truora_co.list_next_parameter: this is not the name"),
        (json!({"expires_after": "0s"}), "accounts.truora_co.expires_after: must be at least a second"),
        (json!({"recheck_after": 7}), "accounts.truora_co.recheck_after: 7 has no unit"),
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
