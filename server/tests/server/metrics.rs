//! `/metrics`.

use crate::test_service::TestService;
use std::collections::{BTreeMap, BTreeSet};

/// The gauges that `README.md` lists.
const GAUGES: [&str; 18] = [
    "convosync_build_info",
    "convosync_database_up",
    "convosync_queue_jobs",
    "convosync_queue_oldest_due_seconds",
    "convosync_account_up",
    "convosync_account_reason",
    "convosync_processes",
    "convosync_process_last_seen_timestamp_seconds",
    "convosync_coverage_days",
    "convosync_coverage_days_at_risk",
    "convosync_proven_until_timestamp_seconds",
    "convosync_schedule_lateness_seconds",
    "convosync_credential_expiry_timestamp_seconds",
    "convosync_webhook_events_7d",
    "convosync_webhook_events_missed_7d",
    "convosync_lane_slots",
    "convosync_lane_slots_in_use",
    "convosync_lane_closed_until_timestamp_seconds",
];

/// Records each metric that a worker, a scheduler or the server counts.
fn record_metrics() {
    ::metrics::counter!("convosync_vendor_requests_total", "account" => "wolkvox_co", "outcome" => "answer")
        .increment(1);
    ::metrics::counter!("convosync_commits_total", "account" => "wolkvox_co", "outcome" => "stored").increment(1);
    ::metrics::counter!("convosync_rows_gone_total", "account" => "wolkvox_co").increment(1);
    ::metrics::counter!("convosync_rows_committed_total", "account" => "wolkvox_co", "effect" => "inserted")
        .increment(5);
    ::metrics::counter!("convosync_days_reopened_total", "account" => "wolkvox_co", "source" => "wolkvox").increment(1);
    ::metrics::counter!("convosync_deliveries_total", "kind" => "mail", "state" => "committed").increment(1);
    ::metrics::histogram!("convosync_start_lateness_seconds", "account" => "wolkvox_co", "purpose" => "live")
        .record(0.3);
    ::metrics::histogram!("convosync_step_duration_seconds", "step" => "tick").record(0.004);
    ::metrics::counter!("convosync_http_requests_limited_total", "limit" => "client").increment(1);
    ::metrics::counter!("convosync_http_connections_closed_total", "reason" => "head").increment(1);
}

#[tokio::test]
async fn metrics_report_counters_and_gauges() {
    let service = TestService::open().await;
    service.fill().await;
    // The event names an item that is not fetched yet: one more due job, and one more missing day of shop_bot.
    assert_eq!(service.client.post("/hooks/certainly/shop_bot", "signed one").await.status, 200);
    record_metrics();
    let reply = service.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let scrape = Scrape::parse(&reply.body);
    let counters = [
        "convosync_vendor_requests_total",
        "convosync_commits_total",
        "convosync_rows_gone_total",
        "convosync_rows_committed_total",
        "convosync_days_reopened_total",
        "convosync_deliveries_total",
        "convosync_http_requests_limited_total",
        "convosync_http_connections_closed_total",
        "convosync_start_lateness_seconds",
        "convosync_step_duration_seconds",
    ];
    let documented: BTreeSet<&str> = GAUGES.into_iter().chain(counters).collect();
    assert_eq!(scrape.families.keys().map(String::as_str).collect::<BTreeSet<_>>(), documented);
    let readme = include_str!("../../README.md");
    for name in documented {
        let row = format!("| `{name}` | {} |", scrape.families[name]);
        assert!(readme.contains(&row), "README.md lacks {row}");
    }
    for (series, value) in [
        ("convosync_build_info{version=\"1.2.3\"}", "1"),
        ("convosync_database_up", "1"),
        ("convosync_queue_jobs{state=\"due\"}", "2"),
        ("convosync_queue_jobs{state=\"parked\"}", "2"),
        ("convosync_queue_oldest_due_seconds", "90"),
        ("convosync_account_up{account=\"wolkvox_co\"}", "1"),
        ("convosync_account_up{account=\"<script>alert(1)</script>\"}", "0"),
        ("convosync_account_reason{account=\"shop_bot\",reason=\"days_blocked\"}", "1"),
        ("convosync_account_reason{account=\"<script>alert(1)</script>\",reason=\"token_refused\"}", "1"),
        ("convosync_processes{role=\"worker\"}", "1"),
        ("convosync_processes{role=\"server\"}", "0"),
        ("convosync_process_last_seen_timestamp_seconds{role=\"scheduler\"}", "1795277400"),
        ("convosync_coverage_days{account=\"shop_bot\",source=\"certainly\",state=\"missing\"}", "4"),
        ("convosync_coverage_days{account=\"shop_bot\",source=\"certainly\",state=\"blocked\"}", "1"),
        ("convosync_schedule_lateness_seconds{account=\"wolkvox_co\"}", "0"),
        ("convosync_schedule_lateness_seconds{account=\"shop_bot\"}", "5100"),
        ("convosync_proven_until_timestamp_seconds{account=\"wolkvox_co\"}", "1795277100"),
        ("convosync_credential_expiry_timestamp_seconds{account=\"<script>alert(1)</script>\"}", "1796101200"),
        ("convosync_webhook_events_7d{account=\"shop_bot\"}", "1"),
        ("convosync_webhook_events_missed_7d{account=\"shop_bot\"}", "0"),
        ("convosync_lane_slots{account=\"wolkvox_co\"}", "1"),
        ("convosync_lane_closed_until_timestamp_seconds{account=\"wolkvox_co\"}", "0"),
        ("convosync_lane_closed_until_timestamp_seconds{account=\"shop_bot\"}", "1795278120"),
        ("convosync_lane_closed_until_timestamp_seconds{account=\"<script>alert(1)</script>\"}", "+Inf"),
    ] {
        assert_eq!(scrape.series.get(series).map(String::as_str), Some(value), "{series}\n{}", reply.body);
    }
}

#[tokio::test]
async fn metrics_omit_gauges_while_the_database_is_down() {
    let service = TestService::open().await;
    ::metrics::counter!("convosync_vendor_requests_total", "account" => "wolkvox_co", "outcome" => "quota")
        .increment(1);
    service.close_database().await;
    let reply = service.get("/metrics").await;
    assert_eq!(reply.status, 200);
    let scrape = Scrape::parse(&reply.body);
    assert_eq!(scrape.series["convosync_database_up"], "0");
    assert!(scrape.families.contains_key("convosync_vendor_requests_total"));
    assert!(!scrape.families.contains_key("convosync_queue_jobs"), "gauges are absent");
}

/// A scrape, parsed strictly.
struct Scrape {
    families: BTreeMap<String, String>,
    series: BTreeMap<String, String>,
}

impl Scrape {
    /// Panics where a family lacks its HELP or TYPE line, or where a family or series occurs twice.
    fn parse(text: &str) -> Self {
        let mut scrape = Self { families: BTreeMap::new(), series: BTreeMap::new() };
        let mut described = None;
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a help text");
                assert!(!help.is_empty(), "{line}");
                described = Some(name);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert_eq!(described, Some(name), "HELP comes before TYPE: {line}");
                assert!(scrape.families.insert(name.to_owned(), kind.to_owned()).is_none(), "duplicate: {line}");
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a series and a value");
                assert!(value == "+Inf" || value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
                let name = series.split('{').next().unwrap_or(series);
                let family = described.expect("a family before its series");
                assert!(name.strip_prefix(family).is_some_and(|end| ["", "_bucket", "_sum", "_count"].contains(&end)));
                assert!(scrape.series.insert(series.to_owned(), value.to_owned()).is_none(), "duplicate: {line}");
            }
        }
        scrape
    }
}
