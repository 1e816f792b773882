//! Variants of answers, quotas, and the control routes.

use super::*;
use simulator::serve;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_cut_body_never_parses_as_complete() {
    let bench = bench(config()).await;
    bench.vendor.set_faults(Faults { cut_body: 1.0, ..Faults::default() });
    let (mut closed_early, mut with_length, mut cut_text) = (0, 0, 0);
    for _ in 0..30 {
        let response = bench.request(Some(TOKEN), &a_day()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let promised = response.headers().contains_key("content-length");
        match response.text().await {
            Err(_) if promised => with_length += 1,
            Err(_) => closed_early += 1,
            Ok(text) => {
                assert!(serde_json::from_str::<Value>(&text).is_err());
                cut_text += 1;
            }
        }
    }
    assert!(closed_early > 0 && with_length > 0 && cut_text > 0, "{closed_early} {with_length} {cut_text}");
    assert!(bench.vendor.requests().iter().all(|seen| seen.rows == 0 && seen.outcome == "cut_body"));
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn the_quota_counts_all_tokens_per_local_day() {
    let bench = bench(Config { daily_quota: Some(3), ..config() }).await;
    // A bad token costs nothing.
    assert_eq!(bench.ask(Some("old-token"), &a_day()).await.1["msg"], "PLEASE VALIDATE TOKEN");
    for token in [TOKEN, "second-token", TOKEN] {
        assert_eq!(bench.ask(Some(token), &a_day()).await.0, 200);
    }
    let (status, envelope) = bench.ask(Some("second-token"), &a_day()).await;
    assert_eq!((status.as_u16(), &envelope["msg"]), (403, &Value::from("TOKEN LIMIT EXCEEDED")));
    assert_eq!(bench.broken_rules(), [Rule::BAD_KEY, OVER_QUOTA]);
    // Midnight in UTC is not midnight in Bogota.
    bench.clock.forward(TimeDelta::hours(11));
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 403);
    bench.clock.forward(TimeDelta::hours(1));
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 200);
}

#[tokio::test]
async fn answers_an_empty_window_as_configured() {
    let nothing = question("20260501000000", "20260501235959");
    for (empty, status, data) in [
        (EmptyAnswer::NotFound404, 404, Value::Null),
        (EmptyAnswer::NullData, 200, Value::Null),
        (EmptyAnswer::EmptyData, 200, Value::Array(Vec::new())),
    ] {
        let bench = bench(Config { empty, code: CodeStyle::Text, ..config() }).await;
        let (answered, envelope) = bench.ask(Some(TOKEN), &nothing).await;
        assert_eq!((answered.as_u16(), &envelope["data"]), (status, &data));
        assert_eq!(envelope["code"], Value::from(status.to_string()));
        if status == 404 {
            assert_eq!(envelope["msg"], "Validate dates entered");
        }
        assert_eq!((bench.outcomes(), bench.broken_rules()), (vec!["empty"], vec![]));
    }
}

#[tokio::test]
async fn rows_are_odd_as_configured() {
    let canary = "573999999999".to_owned();
    let odd = Config {
        blank_ids: 0.1,
        duplicates: 0.2,
        odd_columns: true,
        code: CodeStyle::Mixed,
        canary_phone: Some(canary.clone()),
        ..config()
    };
    let bench = bench(odd).await;
    let held = bench.vendor.dataset(its_day());
    let blank = |chat: &&Chat| ["", "-", "0"].contains(&chat.conn_id.as_str());
    let blanks: Vec<&Chat> = held.iter().filter(blank).collect();
    assert!((held.len() / 20..held.len() / 5).contains(&blanks.len()), "{}", blanks.len());
    assert!(held.iter().any(|chat| chat.customer_phone == canary));
    let (_, envelope) = bench.ask(Some(TOKEN), &a_day()).await;
    let rows = envelope["data"].as_array().unwrap();
    assert_eq!(envelope["msg"], format!("{} records were found", rows.len()));
    assert!((held.len() * 11 / 10..held.len() * 13 / 10).contains(&rows.len()), "{} of {}", rows.len(), held.len());
    let row = &rows[0];
    for name in ["ASA", "agent_name ", "Channel", "feeling", "date_close"] {
        assert!(row.get(name).is_some(), "no {name:?} in {row}");
    }
    // The key of chats with blank ids; equal in both states.
    let mut told: Vec<_> = rows.iter().map(|row| [&row["conn_id"], &row["session_id"], &row["start_date"]]).collect();
    told.sort_by_key(|key| key.map(ToString::to_string));
    told.dedup();
    assert_eq!(told.len(), held.len());
    let states = |id: &str| rows.iter().filter(|row| row["conn_id"] == id).map(|row| row["end_date"] == "").collect();
    let orders: Vec<Vec<bool>> = held.iter().filter(|chat| !blank(chat)).map(|chat| states(&chat.conn_id)).collect();
    assert!(orders.contains(&vec![true, false]) && orders.contains(&vec![false, true]));
    let codes: Vec<Value> = {
        let mut codes = Vec::new();
        for _ in 0..20 {
            codes.push(bench.ask(Some(TOKEN), &a_day()).await.1["code"].clone());
        }
        codes
    };
    assert!(codes.contains(&Value::from(200)) && codes.contains(&Value::from("200")));
}

#[tokio::test]
async fn rows_cost_latency_and_too_many_give_a_504() {
    let bench = bench(Config { longest_call: Duration::from_secs(2), ..config() }).await;
    bench.vendor.set_latency(Duration::from_millis(1), Duration::from_secs(20));
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 504);
    bench.vendor.set_latency(Duration::from_millis(1), Duration::ZERO);
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 200);
    assert_eq!(bench.outcomes(), ["timeout_504", "rows"]);
}

#[tokio::test]
async fn gives_up_a_caller_that_stops_reading() {
    let longest_call = Duration::from_secs(2);
    let bench = bench(Config { longest_call, chats_per_day: 40_000.0, ..config() }).await;
    let mut reading = bench.request(Some(TOKEN), &a_day()).send().await.unwrap();
    reading.chunk().await.unwrap();
    assert_eq!(bench.ask(Some(TOKEN), &question("20260811000000", "20260811000100")).await.0, 403);
    tokio::time::timeout(Duration::from_secs(5), bench.vendor.idle()).await.unwrap();
    assert!(bench.vendor.requests()[0].ended_at.is_some());
    assert_ne!(bench.ask(Some(TOKEN), &question("20260811000000", "20260811000100")).await.0, 403);
    let rest = async {
        while reading.chunk().await?.is_some() {}
        Ok::<(), reqwest::Error>(())
    };
    assert!(rest.await.is_err());
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
}

#[tokio::test]
async fn rejects_a_withdrawn_token() {
    let bench = bench(config()).await;
    bench.vendor.set_daily_quota(Some(1));
    bench.vendor.set_tokens(vec!["second-token".to_owned()]);
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 403);
    assert_eq!(bench.broken_rules(), [Rule::BAD_KEY]);
}

#[tokio::test]
async fn counts_and_sends_a_large_month_within_seconds() {
    let bench = bench(Config { chats_per_day: 20_000.0, ..config() }).await;
    let began = std::time::Instant::now();
    let month = window("2026-07-10T05:00:00Z", "2026-08-09T05:00:00Z");
    let count = bench.vendor.count(month);
    assert!((500_000..700_000).contains(&count), "{count}");
    // Session and start identify a chat also where many start in one second.
    let day = bench.vendor.dataset(its_day());
    let mut told: Vec<_> = day.iter().map(|chat| (&chat.session_id, &chat.start_date)).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), day.len());
    let (status, envelope) = bench.ask(Some(TOKEN), &question("20260710000000", "20260808235959")).await;
    assert_eq!((status.as_u16(), &envelope["msg"]), (200, &Value::from("60000 records were found")));
    // The bound is for a build without optimisation beside other work.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(40), "{took:?}");
    println!("count of {count} and 60,000 rows over HTTP: {took:?}");
}

#[tokio::test]
async fn the_control_routes_show_the_same() {
    let bench = bench(config()).await;
    let get = async |path: &str| {
        let response = bench.client.get(format!("{}{path}", bench.serving.base())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    bench.ask(Some("old-token"), &a_day()).await;
    let (_, text) = get("/simulator/truth?from=2026-08-11T05:00:00Z&to=2026-08-12T05:00:00Z").await;
    assert_eq!(serde_json::from_str::<Vec<Chat>>(&text).unwrap(), bench.vendor.dataset(its_day()));
    assert_eq!(get("/simulator/truth?from=yesterday&to=2026-08-12T05:00:00Z").await.0, 400);
    assert_eq!(get("/simulator/truth?from=2026-08-12T05:00:00Z&to=2026-08-12T05:00:00Z").await.0, 400);
    let breaches: Value = serde_json::from_str(&get("/simulator/breaches").await.1).unwrap();
    assert_eq!(breaches[0]["rule"], "bad_key");
    let requests: Value = serde_json::from_str(&get("/simulator/requests").await.1).unwrap();
    assert_eq!(
        (&requests[0]["from"], &requests[0]["to"]),
        (&Value::from("20260811000000"), &Value::from("20260811235959"))
    );
    bench.client.post(format!("{}/simulator/freeze", bench.serving.base())).send().await.unwrap();
    let summary: Value = serde_json::from_str(&get("/simulator/summary").await.1).unwrap();
    assert_eq!((&summary["frozen_at"], &summary["breaches"]["bad_key"]), (&summary["now"], &Value::from(1)));
}

#[tokio::test]
async fn deleted_chats_leave_the_answers_until_they_are_restored() {
    let bench = bench(config()).await;
    let post = async |path: &str| {
        let response = bench.client.post(format!("{}/simulator/{path}", bench.serving.base())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let before = bench.vendor.dataset(its_day());
    let range = "from=2026-08-11T05:00:00Z&to=2026-08-12T05:00:00Z&every=10";
    let (status, deleted) = post(&format!("delete?{range}")).await;
    assert_eq!((status, deleted), (200, format!(r#"{{"deleted":{}}}"#, before.len().div_ceil(10))));
    let left = bench.rows("20260811000000", "20260811235959").await;
    let expected: Vec<Chat> =
        before.iter().enumerate().filter(|(at, _)| at % 10 != 0).map(|(_, chat)| chat.clone()).collect();
    assert_eq!((&left, &bench.vendor.dataset(its_day())), (&expected, &expected));
    let deleted: Vec<Chat> = before.iter().step_by(10).cloned().collect();
    assert_eq!(bench.vendor.deleted(its_day()), deleted);
    assert_eq!(post("restore").await.1, format!(r#"{{"restored":{}}}"#, deleted.len()));
    assert_eq!(bench.rows("20260811000000", "20260811235959").await, before);
    assert_eq!(post("delete?from=yesterday&to=2026-08-12T05:00:00Z").await.0, 400);
}

#[tokio::test]
async fn serves_loopback_only_and_stops_on_request() {
    let open = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(open, axum::Router::new(), &CancellationToken::new()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    let bench =
        bench(Config { latency: Duration::from_mins(5), longest_call: Duration::from_hours(1), ..config() }).await;
    let address = bench.serving.address;
    // A request that waits for its answer meanwhile.
    let mut waiting = Box::pin(bench.request(Some(TOKEN), &a_day()).send());
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut waiting).await.is_err());
    tokio::time::timeout(Duration::from_secs(5), bench.serving.stop()).await.unwrap();
    let again = TcpListener::bind(address).await.unwrap();
    let shutdown = CancellationToken::new();
    let serving = serve(again, bench.vendor.router(), &shutdown).unwrap();
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving.stopped()).await.unwrap();
}

#[tokio::test]
async fn even_days_have_the_same_number_of_chats() {
    let bench = bench(Config { even_days: true, chats_per_day: 120.0, ..config() }).await;
    // A Thursday to the Wednesday after.
    for first in 6..12 {
        let day = window(&format!("2026-08-{first:02}T05:00:00Z"), &format!("2026-08-{:02}T05:00:00Z", first + 1));
        assert_eq!(bench.vendor.count(day), 120);
    }
}
