use super::*;
use chrono::TimeDelta;
use secrecy::ExposeSecret;

fn header(more: &Value, name: &str) -> String {
    let request = opened(more).source.request(BOT, &day(), None).unwrap();
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.unwrap().1.expose_secret().to_owned()
}

#[test]
fn an_account_describes_itself() {
    let opened = opened(&json!({"since": "2026-10-01"}));
    let source = &opened.source;
    assert_eq!((source.account(), source.vendor(), source.zone()), ("ultimate_eu", "ultimate", chrono_tz::Tz::UTC));
    let streams: Vec<_> = source.streams().into_iter().map(|stream| (stream.name, stream.table, stream.at)).collect();
    let stream = |bot: &str| (bot.to_owned(), "ultimate_conversations", "conversation_start_time");
    assert_eq!(streams, [stream(BOT), stream(OTHER)]);
    assert_eq!(opened.since, chrono::NaiveDate::from_ymd_opt(2026, 10, 1));
    assert!(!format!("{opened:?} {:?}", source.lane()).contains(KEY));
}

#[test]
fn one_key_has_one_lane() {
    let lane = |more: &Value| opened(more).source.lane();
    assert_eq!(lane(&json!({})), lane(&json!({"bot_ids": "x", "version": "v3"})));
    assert_ne!(lane(&json!({})), lane(&json!({"token": "another"})));
}

#[test]
fn the_rules_are_those_of_the_vendor() {
    let source = opened(&json!({})).source;
    let rules = source.rules();
    assert_eq!(
        (rules.longest, rules.granularity, rules.step),
        (TimeDelta::days(1), TimeDelta::days(1), TimeDelta::seconds(1))
    );
    assert_eq!((rules.ready_after, rules.late_filing), (Some(TimeDelta::hours(1)), TimeDelta::days(1)));
    assert_eq!((rules.settle, rules.overlap), (TimeDelta::days(3), TimeDelta::zero()));
    assert_eq!((rules.row_cap, rules.max_in_flight, rules.export, rules.daily_quota), (u64::MAX, 1, None, None));
    assert_eq!((rules.interval, rules.refresh), (Duration::from_hours(24), Duration::from_hours(24)));
    assert_eq!((rules.timeout, rules.lease), (Duration::from_mins(10), Duration::from_mins(12)));
    assert_eq!(rules.spacing, Duration::from_secs(1));
    let retention = |more: &Value| opened(more).source.rules().retention;
    assert_eq!(retention(&json!({})), Some(TimeDelta::days(30)));
    assert_eq!(retention(&json!({"max_lookback_days": "1000"})), Some(TimeDelta::days(1000)));
    assert_eq!(retention(&json!({"max_lookback_days": 3650})), Some(TimeDelta::days(3650)));
    let tightened = opened(&json!({"interval": "6h", "timeout": "30m", "lease": "31m", "row_cap": 100}));
    assert_eq!(tightened.source.rules().row_cap, 100);
    assert_eq!(tightened.source.rules().interval, Duration::from_hours(6));
}

#[test]
fn windows_are_days_whatever_the_responses_were() {
    use domain::pace::Pace;
    let source = opened(&json!({})).source;
    let Slice::Window(window) = day() else { unreachable!() };
    let mut pace = Pace::default();
    for rows in [0, 1, 1_000_000, 10_000_000_000] {
        assert_eq!(pace.window_length(source.rules()), TimeDelta::days(1), "before {rows}");
        pace.learn(window, rows, Duration::from_mins(9));
        assert!(pace.expected(window) <= Duration::from_secs(20));
    }
    pace.learn_timeout();
    assert_eq!(pace.window_length(source.rules()), TimeDelta::days(1));
    assert_eq!(source.rules().expand(window), window);
    assert_eq!(source.rules().oldest(utc("2026-11-21T10:00:00Z")), Some(utc("2026-10-23T00:00:00Z")));
}

#[test]
fn settings_change_the_request() {
    assert_eq!(header(&json!({}), "authorization"), KEY);
    assert_eq!(header(&json!({"auth_scheme": "raw"}), "authorization"), KEY);
    assert_eq!(header(&json!({"auth_scheme": "bearer"}), "authorization"), format!("Bearer {KEY}"));
    let ask = |more: &Value| opened(more).source.request(BOT, &day(), None).unwrap();
    let url = ask(&json!({"version": "v3", "base_url": "https://acme.zendesk.com/ai-agents/api/"})).url;
    assert_eq!(url, "https://acme.zendesk.com/ai-agents/api/data-export/v3/get-signed-urls");
    let body = |ttl: &str| ask(&json!({"ttl": ttl})).body.unwrap();
    assert_eq!(body("1m"), r#"{"date":"2026-09-29","ttl":1}"#);
    assert_eq!(body("24h"), r#"{"date":"2026-09-29","ttl":1440}"#);
    for bots in [json!("a, b"), json!(["a", "b"])] {
        let names: Vec<_> = opened(&json!({"bot_ids": bots})).source.streams().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
}

#[test]
fn names_each_problem_and_what_to_write() {
    let cases = [
        (json!({"token": null}), "token: missing; write token = \"…\" or token_file"),
        (json!({"organization_id": null}), "organization_id: missing; write organization_id = \"6a41"),
        (json!({"organization_id": "a b"}), "organization_id: this is not an id"),
        (json!({"organization_id": 5}), "organization_id: must be a text"),
        (json!({"bot_ids": null}), "bot_ids: missing; write bot_ids = [\"6a41"),
        (json!({"bot_ids": []}), "bot_ids: empty; write bot_ids = [\""),
        (json!({"bot_ids": [5]}), "bot_ids: must be a list of texts"),
        (json!({"bot_ids": ["a", "b/c"]}), "bot_ids: \"b/c\" is not an id"),
        (json!({"bot_ids": "a,b,A"}), "bot_ids: \"a\" is in the list twice"),
        (
            json!({"base_url": null}),
            "base_url: missing; write base_url = \"https://api.ultimate.ai\", \"https://api.us.",
        ),
        (
            json!({"base_url": "https://{subdomain}.zendesk.com"}),
            "base_url: this is not the address of a server; write",
        ),
        (json!({"base_url": "https://me:pw@host"}), "base_url: the address must not contain a user"),
        (json!({"base_url": "http://api.ultimate.ai"}), "base_url: http would send the token unencrypted"),
        (json!({"version": "3"}), "version: must be \"v2\" or \"v3\"; write version = \"v3\""),
        (json!({"version": 3}), "version: must be a text"),
        (
            json!({"auth_scheme": "Bearer"}),
            "auth_scheme: must be \"raw\" or \"bearer\"; write auth_scheme = \"bearer\"",
        ),
        (json!({"ttl": 60}), "ttl: 60 has no unit"),
        (json!({"ttl": "90s"}), "ttl: must be whole minutes, and a day at most; write ttl = \"60m\""),
        (json!({"ttl": "0m"}), "ttl: must be whole minutes"),
        (json!({"ttl": "25h"}), "ttl: must be whole minutes"),
        (
            json!({"max_lookback_days": 0}),
            "max_lookback_days: must be a number from 1 to 3650; write max_lookback_days = 30",
        ),
        (json!({"max_lookback_days": 3651}), "max_lookback_days: must be a number from 1 to 3650"),
        (json!({"max_lookback_days": "many"}), "max_lookback_days: must be a whole number"),
        (json!({"width": 2}), "width: the vendor permits at most 1"),
        (json!({"row_cap": 1}), "row_cap: the vendor answers with at most"),
        (json!({"timeout": "12m", "lease": "12m"}), "lease: \"720s\" does not outlast"),
        (json!({"bot_id": "x"}), "bot_id: there is no such setting; write bot_ids"),
        (json!({"timezone": "UTC"}), "timezone: there is no such setting"),
    ];
    for (more, expected) in cases {
        let found = problems(&more);
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert!(found[0].starts_with(&format!("accounts.ultimate_eu.{expected}")), "{more}: {}", found[0]);
        assert!(!found[0].contains(KEY) && !found[0].contains("pw"), "{}", found[0]);
    }
}

#[test]
fn names_all_problems_at_once() {
    let more = json!({"token": null, "organization_id": null, "bot_ids": null, "base_url": null, "version": "x",
        "auth_scheme": "x", "ttl": "x", "max_lookback_days": "x", "interval": 5, "since": "x"});
    let problems = open("a", &settings(&more)).unwrap_err();
    let keys: Vec<String> = problems.into_iter().map(|problem| problem.key).collect();
    let expected = [
        "since",
        "token",
        "organization_id",
        "bot_ids",
        "base_url",
        "version",
        "auth_scheme",
        "ttl",
        "max_lookback_days",
        "interval",
    ];
    assert_eq!(keys, expected);
}
