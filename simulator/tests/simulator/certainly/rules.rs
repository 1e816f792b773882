//! The rules: each breach is answered and logged.

use super::*;
use simulator::certainly::TooWideAnswer;
use tokio::time::sleep;

#[tokio::test]
async fn each_broken_rule_is_answered_and_recorded() {
    let bench = bench(config()).await;
    let day = question("2026-11-10", "2026-11-10");
    let good = bench.token.clone();
    let required = |name: &str| json!({ name: ["This field is required."] });
    let wrong = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    let without = |name: &str| day.split('&').filter(|part| !part.starts_with(name)).collect::<Vec<_>>().join("&");
    let stranger = day.replace(BOT, "00000000-0000-4000-8000-000000000000");
    let none = json!({"detail": "Authentication credentials were not provided."});
    let invalid = json!({"detail": "Given token not valid for any token type", "code": "token_not_valid"});
    let table = [
        (None, day.clone(), 401, none, Rule::BAD_KEY),
        (Some("old-token"), day.clone(), 401, invalid, Rule::BAD_KEY),
        (Some(good.as_str()), without("fromDate"), 400, required("fromDate"), Rule::MISSING_PARAMETER),
        (Some(&good), without("toDate"), 400, required("toDate"), Rule::MISSING_PARAMETER),
        (Some(&good), without("reportId"), 400, required("reportId"), Rule::MISSING_PARAMETER),
        (Some(&good), without("botId"), 400, required("botId"), Rule::MISSING_PARAMETER),
        (Some(&good), question("20261110", "2026-11-10"), 400, json!({"fromDate": [wrong]}), Rule::BAD_PARAMETER),
        (Some(&good), question("2026-11-10", "2026-11-31"), 400, json!({"toDate": [wrong]}), Rule::BAD_PARAMETER),
        (Some(&good), day.replace("reportId=1", "reportId=5"), 400, Value::Null, Rule::BAD_PARAMETER),
        (Some(&good), day.replace(BOT, "shop"), 400, Value::Null, Rule::BAD_PARAMETER),
        (Some(&good), stranger, 403, Value::Null, Rule::UNKNOWN_BOT),
        (Some(&good), question("2026-11-11", "2026-11-10"), 400, Value::Null, Rule::INVERTED),
        (Some(&good), question("2026-10-01", "2026-10-16"), 400, Value::Null, Rule::RANGE_TOO_LONG),
    ];
    for (token, query, status, body, kind) in table {
        let before = bench.broken_rules().len();
        let (answered, told) = sent(bench.get(token, &query)).await;
        assert_eq!(answered, status, "{query}: {told}");
        assert!(body.is_null() || told == body, "{query}: {told}");
        assert!(told.as_object().is_some_and(|told| !told.is_empty()));
        assert_eq!(bench.broken_rules().split_off(before), [kind], "{query}");
        assert_eq!(bench.vendor.requests().last().unwrap().status, status);
    }
    let told = format!("{:?} {:?}", bench.vendor.breaches(), bench.vendor.requests());
    assert!(!told.contains("old-token") && !told.contains(&good));
    // Fifteen days break no rule; nor do the other reports, the other path, and the bot in capitals.
    let before = bench.broken_rules().len();
    assert_eq!(bench.ask(&question("2026-10-01", "2026-10-15")).await.0, 200);
    for report in ["reportId=2", "reportId=3", "reportId=4"] {
        assert_eq!(bench.ask(&day.replace("reportId=1", report)).await.0, 200);
    }
    assert_eq!(bench.ask(&day.replace(BOT, &BOT.to_uppercase())).await.0, 200);
    let other = bench.client.get(bench.url(&format!("reports/messages/?{day}")));
    assert_eq!(sent(other.header("Authorization", format!("JWT {good}"))).await.0, 200);
    assert_eq!(bench.broken_rules().len(), before);
}

#[tokio::test]
async fn checks_a_body_by_the_rules_of_a_query() {
    let bench = bench(config()).await;
    let good = json!({"fromDate": "2026-11-10", "toDate": "2026-11-10", "reportId": "1", "botId": BOT});
    let mut without = good.clone();
    without.as_object_mut().unwrap().remove("fromDate");
    assert_eq!(sent(bench.post(&without)).await, (400, json!({"fromDate": ["This field is required."]})));
    assert_eq!(sent(bench.post(&json!([1]))).await.0, 400);
    let mut stranger = good.clone();
    stranger["botId"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(sent(bench.post(&stranger)).await.0, 403);
    let untyped = bench.client.post(bench.url("reports/messages/")).body(good.to_string());
    assert_eq!(sent(untyped.header("Authorization", format!("JWT {}", bench.token))).await.0, 415);
    let missing = [Rule::MISSING_PARAMETER, Rule::BAD_PARAMETER, Rule::UNKNOWN_BOT, Rule::BAD_PARAMETER];
    assert_eq!(bench.broken_rules(), missing);
    assert!(bench.vendor.exports().is_empty());
    // A text instead of the number is accepted, and a POST may cover years.
    assert_eq!(sent(bench.post(&good)).await.0, 200);
    bench.vendor.idle().await;
    assert_eq!(bench.order("2026-01-01", "2026-11-20").await.0, 200);
    assert_eq!(bench.broken_rules().len(), 4);
}

#[tokio::test]
async fn accepts_only_the_scheme_jwt() {
    let bench = bench(config()).await;
    for header in [format!("Bearer {}", bench.token), bench.token.clone(), String::from("JWT ")] {
        let request = bench.get(None, &question("2026-11-10", "2026-11-10")).header("Authorization", header);
        let (status, body) = sent(request).await;
        assert_eq!((status, &body["detail"]), (401, &json!("Authentication credentials were not provided.")));
    }
    assert_eq!(bench.broken_rules(), [Rule::BAD_KEY; 3]);
}

#[tokio::test]
async fn a_token_expires_at_exp_and_can_be_renewed() {
    let expires = at("2026-11-20T12:30:00Z");
    let bench = bench(Config { token_expires_at: expires, ..config() }).await;
    let day = question("2026-11-10", "2026-11-10");
    assert_eq!(bench.token.split('.').count(), 3);
    assert_eq!(bench.ask(&day).await.0, 200);
    bench.clock.forward(TimeDelta::minutes(30) - TimeDelta::milliseconds(1));
    assert_eq!(bench.ask(&day).await.0, 200);
    bench.clock.forward(TimeDelta::milliseconds(1));
    assert_eq!(bench.ask(&day).await, (401, json!({"detail": "Signature has expired."})));
    assert_eq!(bench.order("2026-11-10", "2026-11-10").await.0, 401);
    assert_eq!(bench.broken_rules(), [EXPIRED_TOKEN; 2]);
    let renewed = Config { token_expires_at: expires + TimeDelta::days(1), ..config() }.token();
    assert_ne!(renewed, bench.token);
    bench.vendor.set_tokens(vec![renewed.clone()]);
    assert_eq!(sent(bench.get(Some(&renewed), &day)).await.0, 200);
    assert_eq!(bench.ask(&day).await.1["code"], "token_not_valid");
}

#[tokio::test]
async fn without_the_slash_redirects_a_get_and_fails_a_post() {
    let bench = bench(config()).await;
    for path in ["frontend/reports/messages", "reports/messages"] {
        let day = question("2026-11-10", "2026-11-10");
        let response = bench.client.get(bench.url(&format!("{path}?{day}"))).send().await.unwrap();
        assert_eq!(response.status(), 301);
        assert_eq!(response.headers()["location"].to_str().unwrap(), format!("/api/{path}/?{day}"));
        let (status, _) = sent(bench.client.post(bench.url(path)).body("{}")).await;
        assert_eq!(status, 500);
    }
    assert_eq!(bench.broken_rules(), [NO_SLASH; 2]);
    assert_eq!(bench.outcomes(), ["redirect", "no_slash", "redirect", "no_slash"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_a_second_request_in_flight_on_one_token() {
    let tokens = vec![config().token(), String::from("second-token")];
    let bench = bench(Config { tokens, latency: Duration::from_secs(2), ..config() }).await;
    let day = question("2026-11-10", "2026-11-10");
    tokio::select! {
        answer = bench.ask(&day) => panic!("too early: {answer:?}"),
        () = async { while bench.vendor.requests().is_empty() { sleep(Duration::from_millis(1)).await } } => {}
    }
    // The caller has hung up, the vendor works on.
    let (second, other) = tokio::join!(bench.ask(&day), sent(bench.get(Some("second-token"), &day)));
    assert_eq!((second.0, other.0), (429, 200));
    assert_eq!((bench.broken_rules(), bench.vendor.most_in_flight()), (vec![Rule::SIMULTANEOUS], 2));
    bench.vendor.idle().await;
    assert!(bench.vendor.requests().iter().all(|seen| seen.ended_at.is_some()));
    bench.vendor.set_latency(Duration::ZERO, Duration::ZERO);
    // One after the other, however fast, is never a breach.
    let nothing = question("2026-11-15", "2026-11-15");
    for _ in 0..400 {
        assert_eq!(bench.ask(&nothing).await.0, 200);
    }
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
}

#[tokio::test]
async fn records_a_range_too_long_also_where_it_is_answered() {
    let bench = bench(Config { too_wide: TooWideAnswer::Rows, days: [].into(), ..config() }).await;
    assert_eq!(bench.ask(&question("2026-05-20", "2026-06-03")).await.0, 200);
    assert_eq!(bench.broken_rules(), []);
    assert_eq!(bench.ask(&question("2026-05-20", "2026-06-04")).await.0, 200);
    assert_eq!(bench.broken_rules(), [Rule::RANGE_TOO_LONG]);
    assert_eq!(bench.outcomes(), ["capped", "capped"]);
}
