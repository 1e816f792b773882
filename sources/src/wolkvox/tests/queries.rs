use super::super::settings::server_digits;
use super::*;
use crate::{ConfiguredAccount, open};
use domain::slice::Slice;
use domain::source::Cursor;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

const TOKEN: &str = "7b69-secret-4f6d";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "wolkvox", "token": TOKEN, "server": "0042"});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn opened(more: &Value) -> ConfiguredAccount {
    open("wolkvox_co", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("wolkvox_co", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn headers(opened: &ConfiguredAccount) -> Vec<(String, String)> {
    let slice = Slice::Window(window("2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z"));
    let request = opened.source.request("chat_8", &slice, None).unwrap();
    request.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect()
}

#[test]
fn a_window_becomes_a_request() {
    let opened = opened(&json!({"since": "2026-10-01"}));
    let slice = Slice::Window(window("2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z"));
    let request = opened.source.request("chat_8", &slice, None).unwrap();
    let expected = "https://wv0042.wolkvox.com/api/v2/reports_manager.php?api=chat_8&date_ini=20260812000000&date_end=20260812235959";
    assert_eq!(request.url, expected);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(headers(&opened), [pair("wolkvox-token", TOKEN), pair("wolkvox_server", "0042")]);
    assert!(!format!("{request:?} {opened:?} {:?}", opened.source.lane()).contains(TOKEN));
    assert_eq!(opened.since, chrono::NaiveDate::from_ymd_opt(2026, 10, 1));
}

#[test]
fn an_account_describes_itself() {
    let source = opened(&json!({"timezone": "America/Santiago"})).source;
    assert_eq!((source.account(), source.vendor(), source.zone()), ("wolkvox_co", "wolkvox", Tz::America__Santiago));
    let streams = source.streams();
    assert_eq!(streams.len(), 1);
    assert_eq!((streams[0].name.as_str(), streams[0].table, streams[0].at), ("chat_8", "wolkvox_chats", "start_at"));
    let elsewhere = opened(&json!({"server": "0043"})).source;
    assert_eq!(source.lane(), elsewhere.lane(), "one token, one lane, whatever the server");
    assert_ne!(source.lane(), opened(&json!({"token": "another"})).source.lane());
}

#[test]
fn refuses_other_slices() {
    let source = opened(&json!({})).source;
    let day = Slice::Window(window("2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z"));
    let month = Slice::Window(window("2026-08-01T05:00:00Z", "2026-09-01T05:00:00Z"));
    let more = Slice::Window(window("2026-08-01T05:00:00Z", "2026-09-01T05:00:01Z"));
    assert!(source.request("chat_8", &month, None).is_ok(), "31 days to the second");
    let refused = [
        source.request("chat_9", &day, None),
        source.request("chat_8", &Slice::Item("1".to_owned()), None),
        source.request("chat_8", &Slice::Delivery(1), None),
        source.request("chat_8", &day, Some(&Cursor("1".to_owned()))),
        source.request("chat_8", &more, None),
    ];
    for answer in refused {
        assert_eq!(answer.unwrap_err().kind(), "refused");
    }
    assert!(source.reader("chat_8", &day, None).is_ok());
    assert!(source.reader("chat_9", &day, None).is_err());
    assert!(source.reader("chat_8", &Slice::Item("1".to_owned()), None).is_err());
}

#[test]
fn the_reader_uses_the_row_cap_of_the_account() {
    let source = opened(&json!({"row_cap": "2"})).source;
    let day = Slice::Window(window("2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z"));
    let mut reader = source.reader("chat_8", &day, None).unwrap();
    // The account's row cap is 2, so two rows of nine stated ones are a capped response, and not one that was cut off.
    let body = envelope(r#"{"conn_id":"1"},{"conn_id":"2"}"#).replace("x records", "9 records");
    reader.feed(head(200), body.as_bytes()).unwrap();
    assert_eq!(reader.finish(head(200)).unwrap().rows, 2);
    assert_eq!(reader.take().unwrap().len(), 2);
    assert!(reader.take().is_none());
}

#[test]
fn names_the_server_where_the_account_knows_it() {
    let names = |more: &Value| headers(&opened(more)).into_iter().skip(1).collect::<Vec<_>>();
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert_eq!(
        names(&json!({"server": null, "base_url": "https://wv0099.wolkvox.com/"})),
        pair("wolkvox_server", "0099")
    );
    assert_eq!(names(&json!({"server": null, "base_url": "http://127.0.0.1:4010"})), []);
    assert_eq!(names(&json!({"base_url": "http://127.0.0.1:4010"})), pair("wolkvox_server", "0042"));
    assert_eq!(names(&json!({"server_header": "wolkvox-server"})), pair("wolkvox-server", "0042"));
    assert_eq!(names(&json!({"server_header": ""})), []);
}

#[test]
fn settings_tighten_the_rules() {
    let rules = opened(&json!({})).source.rules().clone();
    assert_eq!(rules, super::super::rules::defaults());
    assert_eq!(rules.daily_quota, None);
    let wishes = json!({"row_cap": "200", "interval": "1m", "settle": "24h", "spacing": "250ms", "width": "1",
        "timeout": "20s", "daily_quota": "3000", "maintenance_pause": "1m", "requests_per_second": "0.5"});
    let rules = opened(&wishes).source.rules().clone();
    assert_eq!((rules.row_cap, rules.settle, rules.max_in_flight), (200, chrono::TimeDelta::hours(24), 1));
    assert_eq!((rules.interval, rules.spacing), (Duration::from_mins(1), Duration::from_millis(250)));
    assert_eq!((rules.daily_quota, rules.maintenance_pause), (Some(3000), Duration::from_mins(1)));
    assert_eq!((rules.timeout, rules.requests_per_second), (Duration::from_secs(20), Some(0.5)));
}

#[test]
fn names_each_problem_and_what_to_write() {
    let cases = [
        (json!({"token": null}), "accounts.wolkvox_co.token: missing; write token = \"…\" or token_file = \"/path\""),
        (json!({"token": " "}), "accounts.wolkvox_co.token: empty; write token = \"…\""),
        (json!({"token": 12}), "accounts.wolkvox_co.token: must be a text"),
        (json!({"token": "two words"}), "accounts.wolkvox_co.token: contains a blank"),
        (json!({"server": null}), "accounts.wolkvox_co.server: missing; write server = \"0042\""),
        (json!({"server": 42}), "accounts.wolkvox_co.server: must be a text, in quotes; write server = \"0042\""),
        (json!({"server": "wv0042"}), "accounts.wolkvox_co.server: must be the digits of the server"),
        (
            json!({"base_url": "http://wv0042.wolkvox.com"}),
            "accounts.wolkvox_co.base_url: http would send the token unencrypted",
        ),
        (
            json!({"base_url": "https://me:pw@host"}),
            "accounts.wolkvox_co.base_url: the address must not contain a user",
        ),
        (json!({"base_url": "wv0042"}), "accounts.wolkvox_co.base_url: this is not the address"),
        (
            json!({"timezone": "america/bogota"}),
            "accounts.wolkvox_co.timezone: \"america/bogota\" is not an IANA time zone; write timezone = \"America/Bogota\"",
        ),
        (json!({"daily_quota": 0}), "accounts.wolkvox_co.daily_quota: 0 would forbid"),
        (
            json!({"daily_quota": "many"}),
            "accounts.wolkvox_co.daily_quota: must be a whole number; write daily_quota = 1000",
        ),
        (json!({"maintenance_pause": "0s"}), "accounts.wolkvox_co.maintenance_pause: must be at least a second"),
        (
            json!({"maintenance_pause": 600}),
            "accounts.wolkvox_co.maintenance_pause: 600 has no unit; write maintenance_pause = \"600s\"",
        ),
        (json!({"server_header": "a b"}), "accounts.wolkvox_co.server_header: this is not the name"),
        (json!({"server_header": "Wolkvox-Token"}), "accounts.wolkvox_co.server_header: this is not the name"),
        (
            json!({"row_cap": 60_001}),
            "accounts.wolkvox_co.row_cap: the vendor answers with at most 60000 rows; write 2 to 60000",
        ),
        (json!({"width": 2}), "accounts.wolkvox_co.width: the vendor permits at most 1"),
        (json!({"tokn": "x"}), "accounts.wolkvox_co.tokn: there is no such setting; write token"),
        (json!({"daily_qouta": 1}), "accounts.wolkvox_co.daily_qouta: there is no such setting; write daily_quota"),
        (json!({"bot_ids": []}), "accounts.wolkvox_co.bot_ids: there is no such setting; write "),
    ];
    for (more, expected) in cases {
        let found = problems(&more);
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert!(found[0].starts_with(expected), "{more}: {}", found[0]);
        assert!(!found[0].contains(TOKEN) && !found[0].contains("pw"), "{}", found[0]);
    }
}

#[test]
fn names_all_problems_at_once() {
    let more = json!({"token": null, "base_url": "ftp://x", "timezone": "Bogota", "interval": 5, "width": 3,
        "row_cap": "lots", "since": "1.10.2026", "intervall": "5m", "server_header": ":"});
    let keys: Vec<String> =
        open("wolkvox_co", &settings(&more)).unwrap_err().into_iter().map(|problem| problem.key).collect();
    let expected =
        ["intervall", "since", "token", "base_url", "server_header", "timezone", "interval", "row_cap", "width"];
    assert_eq!(keys, expected);
}

#[test]
fn accepts_a_token_file() {
    assert!(open("a", &settings(&json!({"token_file": "token.txt"}))).is_ok());
    assert_eq!(
        problems(&json!({"token_fil": "x"})),
        ["accounts.wolkvox_co.token_fil: there is no such setting; write token_file"]
    );
}

#[test]
fn refuses_an_account_of_an_unknown_vendor() {
    let missing = problems(&json!({"source": null}));
    assert_eq!(missing.len(), 1);
    assert!(missing[0].starts_with("accounts.wolkvox_co.source: missing; write source = \"wolkvox\""), "{missing:?}");
    let unknown = problems(&json!({"source": "wolkvocs", "tokn": "x"}));
    assert_eq!(unknown, ["accounts.wolkvox_co.source: no vendor is called \"wolkvocs\"; write source = \"wolkvox\""]);
    assert_eq!(problems(&json!({"source": 1})).len(), 1);
}

#[test]
fn only_the_vendors_own_addresses_name_the_server() {
    assert_eq!(server_digits("https://wv0042.wolkvox.com").as_deref(), Some("0042"));
    for other in ["https://wv.wolkvox.com", "https://wvx.wolkvox.com", "http://127.0.0.1:4010"] {
        assert_eq!(server_digits(other), None, "{other}");
    }
}
