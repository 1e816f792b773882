//! The simulated report of Wolkvox, by a client that follows the vendor's pages.

mod variants;

use crate::{at, window};
use chrono::{DateTime, TimeDelta, Utc};
use domain::window::Window;
use reqwest::StatusCode;
use serde_json::Value;
use simulator::SimulatedVendor;
use simulator::gateway::{Faults, Rule};
use simulator::wolkvox::{Chat, CodeStyle, Config, EmptyAnswer, OVER_QUOTA, UNKNOWN_REPORT, Wolkvox, WolkvoxFaults};
use std::time::Duration;
use tokio::time::sleep;

const TOKEN: &str = "good-token";

type Bench = crate::Bench<Wolkvox>;

/// Noon in Bogota on 2026-08-12, a Wednesday.
fn config() -> Config {
    Config {
        seed: 7,
        tokens: vec![TOKEN.to_owned(), "second-token".to_owned()],
        history_from: at("2026-06-01T05:00:00Z"),
        latency: Duration::from_millis(1),
        ..Config::default()
    }
}

async fn bench(config: Config) -> Bench {
    Bench::start("2026-08-12T17:00:00Z", TOKEN, |clock| Wolkvox::new(config, clock)).await
}

impl Bench {
    fn request(&self, token: Option<&str>, query: &str) -> reqwest::RequestBuilder {
        let request = self.client.get(format!("{}/api/v2/reports_manager.php?{query}", self.serving.base()));
        token.into_iter().fold(request, |request, token| request.header("wolkvox-token", token))
    }

    async fn ask(&self, token: Option<&str>, query: &str) -> (StatusCode, Value) {
        let response = self.request(token, query).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn rows(&self, first: &str, last: &str) -> Vec<Chat> {
        let (status, envelope) = self.ask(Some(TOKEN), &question(first, last)).await;
        let data = envelope.get("data").cloned().unwrap_or_default();
        assert!(status == 200 || status == 404, "{status} {envelope}");
        if data.is_null() { Vec::new() } else { serde_json::from_value(data).unwrap() }
    }
}

fn question(first: &str, last: &str) -> String {
    format!("api=chat_8&date_ini={first}&date_end={last}")
}

fn a_day() -> String {
    question("20260811000000", "20260811235959")
}

fn its_day() -> Window {
    window("2026-08-11T05:00:00Z", "2026-08-12T05:00:00Z")
}

#[tokio::test]
async fn each_broken_rule_is_answered_as_documented_and_recorded() {
    let bench = bench(config()).await;
    let day = a_day();
    let two = "api=chat_8&date_ini=20260811000000";
    let table: [(_, &str, _, _, _, _); 10] = [
        (None, &day, 401, "UNAUTHORIZED", "PLEASE ENTER THE WOLKVOX-TOKEN", Rule::BAD_KEY),
        (Some("old-token"), &day, 403, "FORBIDDEN", "PLEASE VALIDATE TOKEN", Rule::BAD_KEY),
        (Some(TOKEN), two, 400, "BAD REQUEST", "SOME PARAMETERS ARE REQUIRED", Rule::MISSING_PARAMETER),
        (Some(TOKEN), "api=chat_8", 400, "BAD REQUEST", "SOME PARAMETERS ARE REQUIRED", Rule::MISSING_PARAMETER),
        (Some(TOKEN), &question("2026-08-11", "20260812000000"), 400, "BAD REQUEST", "", Rule::MISSING_PARAMETER),
        (Some(TOKEN), &question("20260811250000", "20260812000000"), 400, "BAD REQUEST", "", Rule::MISSING_PARAMETER),
        (Some(TOKEN), "api=chat_77", 400, "", "THE API YOU WANT TO CONSULT DOES NOT EXIST", UNKNOWN_REPORT),
        (Some(TOKEN), &question("20260812000000", "20260811235959"), 400, "BAD REQUEST", "", Rule::INVERTED),
        (Some(TOKEN), &question("20260701000000", "20260801000000"), 400, "BAD REQUEST", "", Rule::RANGE_TOO_LONG),
        (Some(TOKEN), &question("20260101000000", "20260811000000"), 400, "BAD REQUEST", "", Rule::RANGE_TOO_LONG),
    ];
    for (token, query, status, error, message, kind) in table {
        let before = bench.vendor.breaches().len();
        let (answered, envelope) = bench.ask(token, query).await;
        assert_eq!((answered.as_u16(), &envelope["code"]), (status, &Value::from(status)), "{query}");
        assert!(envelope["error"].as_str().unwrap().contains(error), "{envelope}");
        assert!(envelope["msg"].as_str().unwrap().contains(message), "{envelope}");
        assert_eq!(envelope["data"], Value::Null);
        assert_eq!(bench.broken_rules().split_off(before), [kind], "{query}");
    }
    let told = format!("{:?} {:?}", bench.vendor.breaches(), bench.vendor.requests());
    assert!(!told.contains("old-token") && !told.contains(TOKEN));
    // Exactly 31 days, to the second, break no rule; nor does one second.
    let before = bench.broken_rules().len();
    assert_eq!(bench.ask(Some(TOKEN), &question("20260701000000", "20260731235959")).await.0, 200);
    bench.ask(Some(TOKEN), &question("20260701000000", "20260701000000")).await;
    assert_eq!(bench.broken_rules().len(), before);
}

#[tokio::test]
async fn refuses_a_second_request_in_flight_on_one_token() {
    let bench = bench(Config { latency: Duration::from_millis(300), ..config() }).await;
    let day = a_day();
    let (first, second, other) = tokio::join!(
        bench.ask(Some(TOKEN), &day),
        async {
            sleep(Duration::from_millis(80)).await;
            bench.ask(Some(TOKEN), &day).await
        },
        bench.ask(Some("second-token"), &day),
    );
    assert_eq!((first.0.as_u16(), second.0.as_u16(), other.0.as_u16()), (200, 403, 200));
    assert_eq!(second.1["msg"], "EXCEEDS THE LIMIT OF SIMULTANEOUS REQUESTS PER TOKEN (2)");
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
    assert_eq!(bench.vendor.most_in_flight(), 2);
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 200);
}

#[tokio::test]
async fn a_token_stays_busy_after_hang_up_until_the_work_is_done() {
    let bench = bench(Config { latency: Duration::from_millis(700), ..config() }).await;
    let hasty = bench.request(Some(TOKEN), &a_day()).timeout(Duration::from_millis(100)).send().await;
    assert!(hasty.unwrap_err().is_timeout());
    sleep(Duration::from_millis(200)).await;
    assert_eq!(bench.vendor.requests()[0].ended_at, None);
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 403);
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
    bench.vendor.idle().await;
    assert!(bench.vendor.requests()[0].ended_at.is_some());
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 200);
    assert_eq!(bench.broken_rules().len(), 1);
}

#[tokio::test]
async fn a_token_is_busy_until_the_last_byte_of_the_body() {
    let bench = bench(Config { chats_per_day: 20_000.0, ..config() }).await;
    let mut reading = bench.request(Some(TOKEN), &a_day()).send().await.unwrap();
    reading.chunk().await.unwrap();
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 403);
    while reading.chunk().await.unwrap().is_some() {}
    // One after the other, each on its own connection, is never a breach.
    for _ in 0..60 {
        let alone = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!(
            "{}/api/v2/reports_manager.php?{}",
            bench.serving.base(),
            question("20260811080000", "20260811081000")
        );
        alone.get(url).header("wolkvox-token", TOKEN).send().await.unwrap().bytes().await.unwrap();
    }
    assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
}

#[tokio::test]
async fn a_capped_answer_has_the_oldest_rows_without_a_notice() {
    let bench = bench(config()).await;
    let all = bench.vendor.dataset(its_day());
    assert!(all.len() > 300, "{}", all.len());
    bench.vendor.set_row_cap(100);
    let (status, envelope) = bench.ask(Some(TOKEN), &a_day()).await;
    assert_eq!((status.as_u16(), &envelope["msg"]), (200, &Value::from("100 records were found")));
    let rows: Vec<Chat> = serde_json::from_value(envelope["data"].clone()).unwrap();
    assert_eq!(rows, all[..100]);
    bench.vendor.set_row_cap(all.len());
    assert_eq!(bench.rows("20260811000000", "20260811235959").await, all);
    assert_eq!(bench.outcomes(), ["capped", "rows"]);
    assert_eq!(bench.vendor.requests()[1].rows, all.len());
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn the_dataset_follows_from_seed_and_time_alone() {
    let live = Some(Duration::from_secs(30));
    let (one, two) =
        (bench(Config { live_every: live, ..config() }).await, bench(Config { live_every: live, ..config() }).await);
    let other = bench(Config { seed: 8, ..config() }).await;
    let span = window("2026-07-20T00:00:00Z", "2026-08-12T18:00:00Z");
    // In another order, so that no result can depend on what was generated first.
    let _ = two.vendor.dataset(window("2026-08-12T00:00:00Z", "2026-08-12T12:00:00Z"));
    for bench in [&one, &two] {
        bench.clock.forward(TimeDelta::minutes(30));
    }
    let held = one.vendor.dataset(span);
    assert_eq!(held, one.vendor.dataset(span));
    assert_eq!(held, two.vendor.dataset(span));
    assert_eq!(held.len(), one.vendor.count(span));
    assert_ne!(held, other.vendor.dataset(span));
    let mut ids: Vec<_> = held.iter().map(|chat| &chat.conn_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), held.len());
    assert_eq!(held.iter().filter(|chat| chat.conn_id.starts_with("900")).count(), 60);
    let mean = held.len() / 23;
    assert!((400..600).contains(&mean), "{mean} a day");
}

#[tokio::test]
async fn adjacent_windows_give_the_dataset_with_each_second_in_one() {
    for zone in [chrono_tz::America::Bogota, chrono_tz::America::Santiago] {
        let bench = bench(Config { zone, chats_per_day: 3000.0, closes_after: Duration::ZERO, ..config() }).await;
        let from = zone_midnight(zone, "2026-08-11");
        let all = bench.vendor.dataset(Window::new(from, from + TimeDelta::days(1)).unwrap());
        let mut union = bench.rows("20260811000000", "20260811101500").await;
        union.extend(bench.rows("20260811101501", "20260811101501").await);
        union.extend(bench.rows("20260811101502", "20260811235959").await);
        assert_eq!(union, all);
        let tenth = &all[10].start_date.replace(['-', ' ', ':'], "");
        assert!(bench.rows(tenth, tenth).await.contains(&all[10]));
    }
}

fn zone_midnight(zone: chrono_tz::Tz, day: &str) -> DateTime<Utc> {
    domain::window::midnight(day.parse().unwrap(), zone)
}

#[tokio::test]
async fn finds_both_hours_that_the_clocks_repeat() {
    // Clocks in Santiago went back on 2026-04-05 at midnight: the hour from 23:00 on the 4th came twice.
    let zone = chrono_tz::America::Santiago;
    let history_from = at("2026-04-01T00:00:00Z");
    let bench = bench(Config { zone, chats_per_day: 20_000.0, history_from, ..config() }).await;
    let held = bench.vendor.dataset(window("2026-04-05T02:00:00Z", "2026-04-05T04:00:00Z"));
    assert!(held.len() > 50);
    assert_eq!(bench.rows("20260404230000", "20260404235959").await, held);
}

#[tokio::test]
async fn a_chat_is_visible_from_its_start_and_changes_when_it_closes() {
    let bench = bench(Config { closes_after: Duration::from_hours(2), ..config() }).await;
    let today = window("2026-08-12T05:00:00Z", "2026-08-13T05:00:00Z");
    let before = bench.vendor.dataset(today);
    let open: Vec<&Chat> = before.iter().filter(|chat| chat.end_date.is_empty()).collect();
    assert!(!open.is_empty() && open.len() < before.len());
    assert!(open.iter().all(|chat| chat.total_time.is_empty() && chat.time_with_agent.is_empty()));
    assert!(before.iter().all(|chat| chat.start_date.as_str() <= "2026-08-12 12:00:00"));
    bench.clock.forward(TimeDelta::hours(2));
    let after = bench.vendor.dataset(today);
    assert!(after.len() > before.len());
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((&old.conn_id, &old.session_id, &old.start_date), (&new.conn_id, &new.session_id, &new.start_date));
        assert!(!new.end_date.is_empty());
        assert_eq!(old == new, !old.end_date.is_empty());
    }
    assert_eq!(after, bench.rows("20260812000000", "20260812235959").await);
}

#[tokio::test]
async fn freezing_closes_all_chats() {
    let live_every = Some(Duration::from_millis(400));
    let bench = bench(Config { live_every, ..config() }).await;
    bench.clock.forward(TimeDelta::minutes(10));
    let all = window("2026-08-01T05:00:00Z", "2026-08-14T05:00:00Z");
    let before = bench.vendor.dataset(all);
    bench.vendor.freeze();
    let frozen = bench.vendor.dataset(all);
    assert_eq!(frozen.len(), before.len());
    assert!(frozen.iter().all(|chat| !chat.end_date.is_empty() && chat.end_date.as_str() <= "2026-08-12 12:10:00"));
    assert!(frozen.iter().zip(&before).all(|(new, old)| old.end_date.is_empty() || old == new));
    assert_ne!(frozen, before);
    bench.clock.forward(TimeDelta::days(3));
    bench.vendor.freeze();
    assert_eq!(bench.vendor.dataset(all), frozen);
    assert_eq!(bench.rows("20260801000000", "20260815235959").await, frozen);
}

async fn run((faults, wolkvox_faults): (Faults, WolkvoxFaults), times: usize) -> Vec<&'static str> {
    let bench = bench(Config { faults, wolkvox_faults, ..config() }).await;
    for _ in 0..times {
        let response = bench.request(Some(TOKEN), &a_day()).send().await.unwrap();
        let _ = response.bytes().await;
    }
    bench.vendor.idle().await;
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
    let own =
        WolkvoxFaults { maintenance_403: 0.1, simultaneous_403: 0.1, error_in_200: 0.1, ..WolkvoxFaults::default() };
    let once = run((faults.clone(), own.clone()), 60).await;
    assert_eq!(once, run((faults, own), 60).await);
    let names = ["throttle_429", "maintenance_403", "server_500", "html_200", "cut_body", "simultaneous_403", "slow"];
    for name in names.into_iter().chain(["error_in_200", "rows"]) {
        assert!(once.contains(&name), "no {name} in {once:?}");
    }
    assert!(run((Faults::default(), WolkvoxFaults::default()), 20).await.iter().all(|outcome| *outcome == "rows"));
}

#[tokio::test]
async fn each_fault_has_its_shape() {
    let bench = bench(config()).await;
    let throttle = Faults { throttle_429: 1.0, retry_after: Duration::from_secs(9), ..Faults::default() };
    bench.vendor.set_faults(throttle);
    let response = bench.request(Some(TOKEN), &a_day()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"9".parse().unwrap()));
    bench.vendor.set_faults(Faults::default());
    let maintenance = WolkvoxFaults { maintenance_403: 1.0, maintenance_calls: 3, ..WolkvoxFaults::default() };
    bench.vendor.set_wolkvox_faults(maintenance);
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 403);
    bench.vendor.set_wolkvox_faults(WolkvoxFaults::default());
    let statuses = [bench.ask(Some(TOKEN), &a_day()).await.0, bench.ask(Some(TOKEN), &a_day()).await.0];
    assert_eq!(statuses, [403, 403]);
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 200);
    bench.vendor.set_faults(Faults { server_500: 1.0, ..Faults::default() });
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 500);
    bench.vendor.set_faults(Faults { html_200: 1.0, ..Faults::default() });
    let (status, page) = bench.ask(Some(TOKEN), &a_day()).await;
    assert!(status == 200 && page.as_str().unwrap().starts_with("<!DOCTYPE html>"));
    bench.vendor.set_faults(Faults::default());
    bench.vendor.set_wolkvox_faults(WolkvoxFaults { error_in_200: 1.0, ..WolkvoxFaults::default() });
    let (status, envelope) = bench.ask(Some(TOKEN), &a_day()).await;
    assert_eq!((status.as_u16(), &envelope["code"]), (200, &Value::from(500)));
    bench.vendor.set_wolkvox_faults(WolkvoxFaults { simultaneous_403: 1.0, ..WolkvoxFaults::default() });
    assert_eq!(bench.ask(Some(TOKEN), &a_day()).await.0, 403);
    assert_eq!(bench.broken_rules(), []);
}
