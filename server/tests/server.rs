//! The service as its callers see it: over a socket, on a database of its own.
#![cfg(test)]

#[path = "server/client.rs"]
mod client;
#[path = "server/hooks.rs"]
mod hooks;
#[path = "server/house.rs"]
mod house;

use client::get;
use house::{House, TOKEN, day};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What `README.md` promises of the gauges.
const GAUGES: [&str; 15] = [
    "convosync_build_info",
    "convosync_database_up",
    "convosync_queue_wants",
    "convosync_queue_oldest_due_seconds",
    "convosync_account_up",
    "convosync_coverage_days",
    "convosync_coverage_days_at_risk",
    "convosync_proven_until_timestamp_seconds",
    "convosync_schedule_lateness_seconds",
    "convosync_credential_ends_timestamp_seconds",
    "convosync_webhooks_taken",
    "convosync_webhooks_lost",
    "convosync_lane_width",
    "convosync_lane_busy",
    "convosync_lane_closed_until_timestamp_seconds",
];

#[tokio::test]
async fn it_lives_without_its_database() {
    let house = House::open().await;
    house.lose_database().await;
    let reply = house.get("/livez").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "ok"));
    assert_eq!(house.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn it_is_ready_once_all_checks_pass() {
    let house = House::open().await;
    let short = house.get("/readyz").await;
    assert_eq!((short.status, short.body.as_str()), (200, "ok"));
    let long = house.get("/readyz?verbose").await;
    assert_eq!(long.status, 200);
    assert_eq!(long.body, "[+]database ok\n[+]queue ok\n[+]migrations ok\nreadyz check passed\n");
}

#[tokio::test]
async fn a_queue_that_refuses_is_named() {
    let house = House::open().await;
    house.queue.fail("connection refused");
    let reply = house.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.body,
        "[+]database ok\n[-]queue failed: connection refused\n[+]migrations ok\nreadyz check failed\n"
    );
}

#[tokio::test]
async fn a_queue_that_is_silent_is_not_waited_for() {
    let house = House::open().await;
    house.queue.stall();
    let reply = tokio::time::timeout(Duration::from_secs(8), house.get("/readyz")).await.expect("an answer in time");
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("[-]queue failed: no answer within 5 s\n"), "{}", reply.body);
}

#[tokio::test]
async fn pending_migrations_are_named() {
    let house = House::open().await;
    house.database.migrate_down(1).await.expect("one step down");
    let reply = house.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("[+]queue ok\n[-]migrations failed: to be made: m2026"), "{}", reply.body);
}

#[tokio::test]
async fn metrics_say_how_everything_stands() {
    let house = House::open().await;
    house.fill().await;
    metrics::counter!("convosync_vendor_requests_total", "account" => "wolkvox_co", "outcome" => "answer").increment(1);
    metrics::counter!("convosync_rows_committed_total", "account" => "wolkvox_co", "effect" => "inserted").increment(5);
    metrics::counter!("convosync_deliveries_total", "kind" => "mail", "state" => "committed").increment(1);
    metrics::histogram!("convosync_start_lateness_seconds", "account" => "wolkvox_co", "purpose" => "live").record(0.3);
    let reply = house.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let scrape = Scrape::read(&reply.body);
    let counted = [
        "convosync_vendor_requests_total",
        "convosync_rows_committed_total",
        "convosync_deliveries_total",
        "convosync_start_lateness_seconds",
    ];
    let promised: BTreeSet<&str> = GAUGES.into_iter().chain(counted).collect();
    assert_eq!(scrape.families.keys().map(String::as_str).collect::<BTreeSet<_>>(), promised);
    let readme = include_str!("../README.md");
    assert!(promised.iter().all(|name| readme.contains(&format!("| `{name}` | {} |", scrape.families[*name]))));
    for (series, value) in [
        ("convosync_build_info{version=\"1.2.3\"}", "1"),
        ("convosync_database_up", "1"),
        ("convosync_queue_wants{state=\"due\"}", "1"),
        ("convosync_queue_wants{state=\"parked\"}", "2"),
        ("convosync_queue_oldest_due_seconds", "90"),
        ("convosync_account_up{account=\"wolkvox_co\"}", "1"),
        ("convosync_account_up{account=\"<script>alert(1)</script>\"}", "0"),
        ("convosync_coverage_days{account=\"shop_bot\",source=\"certainly\",state=\"missing\"}", "3"),
        ("convosync_coverage_days{account=\"shop_bot\",source=\"certainly\",state=\"blocked\"}", "1"),
        ("convosync_schedule_lateness_seconds{account=\"wolkvox_co\"}", "0"),
        ("convosync_schedule_lateness_seconds{account=\"shop_bot\"}", "5100"),
        ("convosync_proven_until_timestamp_seconds{account=\"wolkvox_co\"}", "1795277100"),
        ("convosync_lane_width{account=\"wolkvox_co\"}", "1"),
        ("convosync_lane_closed_until_timestamp_seconds{account=\"wolkvox_co\"}", "0"),
        ("convosync_lane_closed_until_timestamp_seconds{account=\"shop_bot\"}", "1795278120"),
        ("convosync_lane_closed_until_timestamp_seconds{account=\"<script>alert(1)</script>\"}", "+Inf"),
    ] {
        assert_eq!(scrape.series.get(series).map(String::as_str), Some(value), "{series}\n{}", reply.body);
    }
}

#[tokio::test]
async fn metrics_go_on_without_the_database() {
    let house = House::open().await;
    metrics::counter!("convosync_vendor_requests_total", "account" => "wolkvox_co", "outcome" => "quota").increment(1);
    house.lose_database().await;
    let reply = house.get("/metrics").await;
    assert_eq!(reply.status, 200);
    let scrape = Scrape::read(&reply.body);
    assert_eq!(scrape.series["convosync_database_up"], "0");
    assert!(scrape.families.contains_key("convosync_vendor_requests_total"));
    assert!(!scrape.families.contains_key("convosync_queue_wants"), "a gauge that can't be read is absent");
}

#[tokio::test]
async fn the_page_shows_each_account_and_escapes_its_name() {
    let house = House::open().await;
    house.fill().await;
    let reply = house.get("/").await;
    assert_eq!(reply.status, 200);
    assert!(!reply.body.contains("<script"), "{}", reply.body);
    for piece in [
        "<h1>2 of 3 accounts need attention</h1>",
        "<h3>&lt;script&gt;alert(1)&lt;/script&gt;</h3>",
        "</svg>OK</span>",
        "</svg>Late</span>",
        "</svg>Parked</span>",
        "title=\"Friday, 20 November 2026: provisional (answers may still change)\"",
        "title=\"Tuesday, 10 November 2026: final\"",
        "title=\"Thursday, 5 November 2026: missing (never asked for)\"",
        "title=\"Monday, 9 November 2026: blocked (a single day at the cap)\"",
        "title=\"Tuesday, 20 October 2026: not asked for: before the live sync begins\"",
        "<b>5 Nov – 6 Nov</b> missing: never asked for",
        "closed until 21 Nov 2026, 11:22",
        "1 Sep 2026 – 30 Sep 2026",
    ] {
        assert!(reply.body.contains(piece), "{piece}\n{}", reply.body);
    }
    assert!(reply.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none';")));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn the_page_says_that_the_database_is_silent() {
    let house = House::open().await;
    house.lose_database().await;
    let reply = house.get("/").await;
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("<h1>No answer from the database</h1>"));
}

#[tokio::test]
async fn the_interface_answers_like_the_command_line() {
    let house = House::open().await;
    house.fill().await;
    let status = house.get("/api/v1/status").await.json();
    assert_eq!(status["accounts"][0]["name"], "wolkvox_co");
    assert_eq!(status["accounts"][0]["state"], "ok");
    assert_eq!(status["accounts"][0]["proven_until"], "2026-11-21T16:05:00Z");
    assert_eq!(status["queue"]["parked"], 2);
    let days = house.get("/api/v1/accounts/shop_bot/coverage?from=2026-11-04&to=2026-11-05").await.json();
    assert_eq!(days.as_array().map(Vec::len), Some(2));
    assert_eq!((&days[0]["state"], &days[1]["state"]), (&"final".into(), &"missing".into()));
    assert_eq!((&days[1]["day"], &days[1]["reason"]), (&"2026-11-05".into(), &"never asked for".into()));
    let whole = house.get("/api/v1/accounts/shop_bot/coverage").await.json();
    assert_eq!(whole[0]["day"], day(10, 26).to_string());
    let orders = house.get("/api/v1/backfills").await.json();
    let id = orders[0]["id"].as_i64().expect("an id");
    assert_eq!(orders[0]["windows"]["total"], 30);
    assert_eq!(house.get(&format!("/api/v1/backfills/{id}")).await.json(), orders[0]);
}

#[tokio::test]
async fn every_error_is_a_problem() {
    let house = House::open().await;
    let coverage = "/api/v1/accounts/wolkvox_co/coverage";
    for (path, status, detail) in [
        ("/nowhere", 404, "there is nothing at /nowhere"),
        ("/api/v1/nothing", 404, "there is nothing at /api/v1/nothing"),
        ("/api/v1/accounts/nobody/coverage", 404, "there is no account \"nobody\""),
        ("/api/v1/backfills/77", 404, "there is no backfill \"77\""),
        ("/api/v1/backfills/first", 404, "there is no backfill \"first\""),
        (&format!("{coverage}?from=yesterday"), 400, "from: input contains invalid characters"),
        (&format!("{coverage}?form=2026-11-01"), 400, "unknown field `form`"),
        (&format!("{coverage}?from=2026-11-02&to=2026-11-01"), 400, "it ends before it begins"),
        (&format!("{coverage}?from=0001-01-01"), 400, "ask for at most 1100 at once"),
        (&format!("{coverage}?from=-262143-01-01&to=+262142-12-31"), 400, ""),
    ] {
        let reply = house.get(path).await;
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = reply.json();
        assert_eq!((reply.status, &problem["status"]), (status, &status.into()), "{path}");
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], if status == 404 { "Not Found" } else { "Bad Request" });
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{path}: {problem}");
    }
    let posted = client::send(house.address, "POST", "/api/v1/status", None).await;
    assert_eq!((posted.status, &posted.json()["title"]), (405, &"Method Not Allowed".into()));
    assert_eq!(posted.header("allow"), Some("GET,HEAD"));
    house.lose_database().await;
    let lost = house.get("/api/v1/status").await;
    assert_eq!((lost.status, &lost.json()["title"]), (503, &"Service Unavailable".into()));
}

#[tokio::test]
async fn the_operator_token_opens_all_but_health() {
    let house = House::locked(TOKEN).await;
    house.fill().await;
    let id = house.get_with("/api/v1/backfills", Some(&format!("Bearer {TOKEN}"))).await.json()[0]["id"].to_string();
    let backfill = format!("/api/v1/backfills/{id}");
    let guarded =
        ["/", "/metrics", "/api/v1/status", "/api/v1/accounts/shop_bot/coverage", "/api/v1/backfills", &backfill];
    for path in guarded {
        for wrong in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic YW5hOndyb25n"), Some(TOKEN)] {
            let reply = get(house.address, path, wrong).await;
            assert_eq!(reply.status, 401, "{path} {wrong:?}");
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            assert!(
                reply.headers.iter().any(|(name, value)| name == "www-authenticate" && value.starts_with("Basic "))
            );
            assert!(!reply.body.contains(TOKEN) && !reply.body.contains("shop_bot"));
        }
        // `ana:the operator's token`
        for right in [format!("Bearer {TOKEN}"), "Basic YW5hOmEtdG9rZW4tZm9yLXRlc3Rz".to_owned()] {
            assert_eq!(get(house.address, path, Some(&right)).await.status, 200, "{path} {right}");
        }
    }
    house.queue.fail("no route to queue.internal");
    assert_eq!(house.get("/livez").await.status, 200);
    assert!(house.get("/readyz").await.body.contains("[-]queue failed: reason withheld\n"));
    let told = house.get_with("/readyz", Some(&format!("Bearer {TOKEN}"))).await;
    assert!(told.body.contains("[-]queue failed: no route to queue.internal\n"));
}

#[tokio::test]
async fn an_empty_token_opens_nothing() {
    let house = House::locked("").await;
    for offer in [None, Some("Bearer "), Some("Basic Og==")] {
        assert_eq!(get(house.address, "/", offer).await.status, 401, "{offer:?}");
    }
}

#[tokio::test]
async fn it_stops_when_told_to_and_lets_requests_end() {
    let house = House::open().await;
    house.queue.stall();
    let (reply, ()) = tokio::join!(house.get("/readyz?verbose"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut stopping = std::pin::pin!(house.stop());
        let early = tokio::time::timeout(Duration::from_secs(2), &mut stopping).await;
        assert!(early.is_err(), "a request is under way");
        let ended = tokio::time::timeout(Duration::from_secs(5), stopping).await;
        assert!(ended.is_ok_and(|ended| ended.is_ok()), "the request has ended");
    });
    assert_eq!(reply.status, 503, "the request under way was answered");
    assert!(tokio::net::TcpStream::connect(house.address).await.is_err(), "nobody listens any more");
}

/// The text format, read strictly.
struct Scrape {
    families: BTreeMap<String, String>,
    series: BTreeMap<String, String>,
}

impl Scrape {
    /// Panics where a family lacks its HELP or TYPE, or comes twice, or a series does.
    fn read(text: &str) -> Self {
        let mut scrape = Self { families: BTreeMap::new(), series: BTreeMap::new() };
        let mut helped = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a help text");
                assert!(!help.is_empty(), "{line}");
                helped = Some(name);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert_eq!(helped, Some(name), "HELP comes before TYPE: {line}");
                assert!(scrape.families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a series and a value");
                assert!(value == "+Inf" || value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
                let name = series.split('{').next().unwrap_or(series);
                let family = helped.expect("a family before its series");
                assert!(name.strip_prefix(family).is_some_and(|end| ["", "_bucket", "_sum", "_count"].contains(&end)));
                assert!(scrape.series.insert(series.to_owned(), value.to_owned()).is_none(), "twice: {line}");
            }
        }
        scrape
    }
}
