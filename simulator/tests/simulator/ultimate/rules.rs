//! The rules, the faults and the request log.

use super::*;
use simulator::ultimate::{AuthScheme, EmptyAnswer, NotReadyAnswer, TooOldAnswer};

#[tokio::test]
async fn each_broken_rule_is_answered_as_documented_and_recorded() {
    let bench = bench(config()).await;
    let good = json!({"date": "2026-08-10"});
    let call = |body: &Value| bench.call("v2", body);
    let keyed = |body: &Value| call(body).header("authorization", KEY);
    let replaced = |name: &'static str, value: &'static str| {
        let url = format!("{}/data-export/v3/get-signed-urls", bench.serving.base());
        let headers = [("authorization", KEY), ("organizationid", ORGANIZATION), ("botid", BOT)];
        let request = bench.client.post(url).body(good.to_string()).header("content-type", "application/json");
        let others = headers.into_iter().filter(|(other, _)| *other != name).fold(request, |r, (n, v)| r.header(n, v));
        if value.is_empty() { others } else { others.header(name, value) }
    };
    let table = [
        (call(&good), 401, Rule::BAD_KEY),
        (call(&good).header("authorization", "old-key"), 401, Rule::BAD_KEY),
        (call(&good).header("authorization", format!("Bearer {KEY}")), 401, Rule::BAD_KEY),
        (replaced("organizationid", ""), 400, MALFORMED),
        (replaced("botid", ""), 400, MALFORMED),
        (replaced("botid", "my bot"), 400, MALFORMED),
        (replaced("botid", "ffffffffffffffffffffffff"), 404, Rule::UNKNOWN_BOT),
        (replaced("organizationid", "ffffffffffffffffffffffff"), 401, OTHER_ORGANIZATION),
        (keyed(&json!({})), 400, MALFORMED),
        (keyed(&json!("2026-08-10")), 400, MALFORMED),
        (keyed(&json!({"date": "10.08.2026"})), 400, MALFORMED),
        (keyed(&json!({"date": "2026-8-10"})), 400, MALFORMED),
        (keyed(&json!({"date": "2026-08-32"})), 400, MALFORMED),
        (keyed(&json!({"date": "2026-08-10", "ttl": "10"})), 400, MALFORMED),
        (keyed(&json!({"date": "2026-08-10", "ttl": 0})), 400, MALFORMED),
        (keyed(&json!({"date": "2026-07-12"})), 400, TOO_OLD),
    ];
    for (number, (request, status, kind)) in table.into_iter().enumerate() {
        let before = bench.broken_rules().len();
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "row {number}");
        if status == 401 {
            assert_eq!(response.text().await.unwrap(), "Unauthorized");
        }
        assert_eq!(bench.broken_rules().split_off(before), [kind], "row {number}");
    }
    let details: Vec<String> = bench.vendor.breaches().into_iter().map(|breach| breach.detail).collect();
    assert_eq!(details[..4], ["no key", "a key that the vendor does not accept", "sent with Bearer", "organizationid"]);
    let told = format!("{:?} {:?}", bench.vendor.breaches(), bench.vendor.requests());
    assert!(!told.contains("old-key") && !told.contains(KEY));
    // Thirty days back breaks no rule; nor do a body without a ttl and the other version.
    let before = bench.broken_rules().len();
    assert_eq!(keyed(&json!({"date": "2026-07-13"})).send().await.unwrap().status(), 200);
    assert_eq!(replaced("", "").send().await.unwrap().status(), 200);
    assert_eq!(bench.broken_rules().len(), before);
}

#[tokio::test]
async fn requires_bearer_where_configured_and_rejects_a_revoked_key() {
    let bench = bench(Config { auth: AuthScheme::Bearer, ..config() }).await;
    let day = json!({"date": "2026-08-10"});
    let bearer = |key: &str| bench.call("v2", &day).header("authorization", format!("Bearer {key}"));
    assert_eq!(bearer(KEY).send().await.unwrap().status(), 200);
    assert_eq!(bench.list_of(Version::V2, "2026-08-10").await.0, 401);
    bench.vendor.set_tokens(vec!["new-key".to_owned()]);
    assert_eq!(bearer(KEY).send().await.unwrap().status(), 401);
    assert_eq!(bearer("new-key").send().await.unwrap().status(), 200);
    assert_eq!(bench.broken_rules(), [Rule::BAD_KEY, Rule::BAD_KEY]);
}

#[tokio::test]
async fn publishes_a_day_half_an_hour_after_its_end() {
    let bench = bench(config()).await;
    assert_eq!(bench.list_of(Version::V2, "2026-08-11").await.0, 200);
    assert_eq!(bench.list_of(Version::V2, "2026-08-12").await.0, 404);
    assert_eq!(bench.list_of(Version::V2, "2026-08-19").await.0, 404);
    bench.clock.forward(TimeDelta::minutes(23 * 60 + 29));
    assert_eq!(bench.list_of(Version::V2, "2026-08-12").await.0, 404);
    assert_eq!(bench.vendor.count(BOT, whole("2026-08-12")), 0);
    bench.clock.forward(TimeDelta::minutes(1));
    assert_eq!(bench.list_of(Version::V2, "2026-08-12").await.0, 200);
    assert!(bench.vendor.count(BOT, whole("2026-08-12")) > 0);
    // After a freeze no file is published.
    bench.vendor.freeze();
    bench.clock.forward(TimeDelta::days(2));
    assert_eq!(bench.list_of(Version::V2, "2026-08-13").await.0, 404);
    assert_eq!(bench.outcomes(), ["listed", "early", "early", "early", "listed", "early"]);
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn answers_a_day_without_a_file_as_configured() {
    for (not_ready, status) in
        [(NotReadyAnswer::NotFound404, 404), (NotReadyAnswer::BadRequest400, 400), (NotReadyAnswer::EmptyList, 200)]
    {
        let bench = bench(Config { not_ready, ..config() }).await;
        assert_eq!(bench.list_of(Version::V3, "2026-08-12").await.0, status);
        assert_eq!(bench.broken_rules(), []);
    }
    let bench = bench(Config { too_old: TooOldAnswer::EmptyList, ..config() }).await;
    assert_eq!(bench.urls(Version::V2, "2026-06-01").await, Vec::<String>::new());
    assert_eq!(bench.broken_rules(), [TOO_OLD]);
}

#[tokio::test]
async fn answers_an_empty_day_as_configured() {
    let quiet = Config { empty_days: 1.0, ..config() };
    for (empty, status) in
        [(EmptyAnswer::NotFound404, 404), (EmptyAnswer::EmptyList, 200), (EmptyAnswer::EmptyFile, 200)]
    {
        let bench = bench(Config { empty, ..quiet.clone() }).await;
        assert_eq!(bench.list_of(Version::V2, "2026-08-10").await.0, status);
        if status == 200 {
            let urls = bench.urls(Version::V2, "2026-08-10").await;
            assert_eq!(urls.len(), usize::from(empty == EmptyAnswer::EmptyFile));
            assert_eq!(bench.rows(Version::V2, "2026-08-10").await, []);
        }
        assert!(bench.outcomes().iter().all(|outcome| ["empty", "rows"].contains(outcome)));
        assert_eq!(bench.broken_rules(), []);
    }
    let bench = bench(Config { empty: EmptyAnswer::Mixed, ..quiet }).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let (status, text) = bench.list_of(Version::V2, "2026-08-10").await;
        seen.insert((status.as_u16(), text.contains("http://")));
    }
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn limits_lists_and_downloads_together() {
    let bench = bench(Config { latency: Duration::from_millis(300), ..config() }).await;
    let urls = bench.urls(Version::V2, "2026-08-10").await;
    let later = async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        bench.list_of(Version::V2, "2026-08-11").await.0.as_u16()
    };
    let (first, second) = tokio::join!(bench.file(&urls[0]), later);
    assert_eq!((first.0.as_u16(), second), (200, 429));
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
    let later = async {
        tokio::time::sleep(Duration::from_millis(80)).await;
        bench.file(&urls[0]).await.0.as_u16()
    };
    let (first, second) = tokio::join!(bench.list_of(Version::V2, "2026-08-11"), later);
    assert_eq!((first.0.as_u16(), second), (200, 200));
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS; 2]);
    assert_eq!(bench.vendor.most_in_flight(), 2);
    bench.vendor.idle().await;
    for _ in 0..3 {
        assert_eq!(bench.file(&urls[0]).await.0, 200);
        assert_eq!(bench.list_of(Version::V2, "2026-08-11").await.0, 200);
    }
    assert_eq!(bench.broken_rules().len(), 2);
}

#[tokio::test]
async fn the_file_host_refuses_keys_and_forged_urls() {
    let bench = bench(config()).await;
    let urls = bench.urls(Version::V2, "2026-08-10").await;
    for name in ["authorization", "organizationid", "botid", "x-api-key"] {
        let response = bench.client.get(&urls[0]).header(name, KEY).send().await.unwrap();
        assert_eq!(response.status(), 400);
        assert!(response.text().await.unwrap().contains("<Error><Code>InvalidArgument</Code>"));
    }
    assert_eq!(bench.broken_rules(), [KEY_SENT_TO_FILE_HOST; 4]);
    let forged = [
        urls[0].replace("2026-08-10", "2026-08-09"),
        urls[0].replace("/v2/", "/v3/"),
        urls[0].replace("Expires=1", "Expires=2"),
        urls[0].replace("generation=2", "generation=1"),
        urls[0].split('?').next().unwrap().to_owned(),
    ];
    for url in forged {
        assert_ne!(url, urls[0]);
        let (status, text) = bench.file(&url).await;
        assert!(status == 403 && String::from_utf8(text).unwrap().contains("SignatureDoesNotMatch"), "{url}");
    }
    assert_eq!(bench.broken_rules().split_off(4), [BAD_LINK; 5]);
    assert_eq!(bench.file(&urls[0]).await.0, 200);
    assert!(!format!("{:?} {:?}", bench.vendor.breaches(), bench.vendor.requests()).contains(KEY));
}

#[tokio::test]
async fn each_request_is_recorded() {
    let bench = bench(Config { files_per_day: 1, ..config() }).await;
    bench.rows(Version::V3, "2026-08-10").await;
    bench.vendor.idle().await;
    let seen = bench.vendor.requests();
    let told: Vec<_> = seen.iter().map(|it| (it.ordinal, it.facts.method.as_str(), it.status, it.outcome)).collect();
    assert_eq!(told, [(1, "POST", 200, "listed"), (2, "GET", 200, "rows")]);
    assert_eq!(seen[0].facts.path, "/data-export/v3/get-signed-urls");
    assert_eq!(seen[1].facts.path, format!("/file-host/{BOT}/v3/2026-08-10/file-000000000000.json"));
    for it in &seen {
        let day = Some("2026-08-10");
        assert_eq!((it.facts.bot.as_deref(), it.facts.from.as_deref(), it.facts.to.as_deref()), (Some(BOT), day, day));
        assert_eq!((it.at, it.in_flight), (at("2026-08-12T01:00:00Z"), 1));
        assert!(it.ended_at.is_some() && it.bytes > 0);
    }
    assert_eq!(seen[1].rows, bench.vendor.count(BOT, whole("2026-08-10")));
}

#[tokio::test]
async fn each_fault_has_its_shape_and_breaks_no_rule() {
    let bench = bench(config()).await;
    let url = bench.urls(Version::V2, "2026-08-10").await[0].clone();
    let throttle = Faults { throttle_429: 1.0, retry_after: Duration::from_secs(9), ..Faults::default() };
    let server = Faults { server_500: 1.0, ..Faults::default() };
    let html = Faults { html_200: 1.0, ..Faults::default() };
    for (faults, status) in [(throttle, 429), (server, 500), (html, 200)] {
        bench.vendor.set_faults(faults);
        let list = bench.call("v2", &json!({"date": "2026-08-10"})).header("authorization", KEY);
        for request in [list, bench.client.get(&url)] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(
                response.headers().get("retry-after").map(|it| it.to_str().unwrap()),
                (status == 429).then_some("9")
            );
            assert_eq!(response.text().await.unwrap().starts_with("<!DOCTYPE html>"), status == 200);
        }
    }
    bench.vendor.set_faults(Faults { slow: 1.0, slow_for: Duration::from_millis(5), ..Faults::default() });
    bench.file(&url).await;
    bench.vendor.idle().await;
    let last = bench.vendor.requests().pop().unwrap();
    assert_eq!((last.outcome, last.status, last.rows > 0), ("slow", 200, true));
    assert_eq!(bench.broken_rules(), []);
}

async fn run(faults: Faults) -> Vec<&'static str> {
    let bench = bench(Config { faults, ..config() }).await;
    for _ in 0..60 {
        let call = bench.call("v2", &json!({"date": "2026-08-10"})).header("authorization", KEY);
        let _ = call.send().await.unwrap().bytes().await;
        bench.vendor.idle().await;
    }
    bench.outcomes()
}

#[tokio::test]
async fn one_seed_gives_the_same_faults() {
    let faults = Faults {
        throttle_429: 0.1,
        server_500: 0.1,
        html_200: 0.1,
        cut_body: 0.1,
        slow: 0.1,
        slow_for: Duration::from_millis(5),
        ..Faults::default()
    };
    let once = run(faults.clone()).await;
    assert_eq!(once, run(faults).await);
    for name in ["throttle_429", "server_500", "html_200", "cut_body", "slow", "listed"] {
        assert!(once.contains(&name), "no {name} in {once:?}");
    }
}

#[tokio::test]
async fn the_control_routes_show_the_same() {
    let bench = bench(config()).await;
    let get = async |path: &str| {
        let response = bench.client.get(format!("{}/simulator/{path}", bench.serving.base())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    bench.list_of(Version::V2, "2026-06-10").await;
    let (_, text) = get(&format!("truth?bot={BOT}&from=2026-08-10T00:00:00Z&to=2026-08-11T00:00:00Z")).await;
    let held: Vec<Conversation> = serde_json::from_str(&text).unwrap();
    assert!(!held.is_empty() && held == bench.vendor.dataset(BOT, whole("2026-08-10")));
    assert_eq!(get(&format!("truth?bot={BOT}&from=now&to=2026-08-11T00:00:00Z")).await.0, 400);
    let breaches: Value = serde_json::from_str(&get("breaches").await.1).unwrap();
    assert_eq!(breaches[0]["rule"], "too_old");
    let requests: Value = serde_json::from_str(&get("requests").await.1).unwrap();
    assert_eq!((&requests[0]["from"], &requests[0]["method"]), (&json!("2026-06-10"), &json!("POST")));
    for path in ["freeze", "settle"] {
        let url = format!("{}/simulator/{path}", bench.serving.base());
        assert_eq!(bench.client.post(url).send().await.unwrap().status(), 200);
    }
    bench.clock.forward(TimeDelta::days(5));
    let summary: Value = serde_json::from_str(&get("summary").await.1).unwrap();
    assert_eq!((&summary["newest_file"], &summary["breaches"]["too_old"]), (&json!("2026-08-11"), &json!(1)));
}
