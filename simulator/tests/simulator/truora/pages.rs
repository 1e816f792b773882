//! The list of processes.

use super::{Bench, bench, config};
use crate::{at, window};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use simulator::SimulatedVendor;
use simulator::truora::Config;
use std::time::Duration;

impl Bench {
    /// Follows `next` from `first` on; the clock moves between pages.
    async fn pages(&self, first: &str, between: TimeDelta) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut path = first.to_owned();
        loop {
            let (status, page) = self.ask(&path).await;
            assert_eq!(status, 200, "{page}");
            rows.extend(page["processes"].as_array().unwrap().clone());
            assert!(page["self"].as_str().unwrap().starts_with("/v1/processes?"));
            let Some(next) = page.get("next").and_then(Value::as_str) else { return rows };
            next.clone_into(&mut path);
            self.clock.forward(between);
        }
    }
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["process_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_have_each_process_once_while_others_begin() {
    let config = Config { live_every: Some(Duration::from_millis(700)), ..config() };
    let bench = bench(config).await;
    bench.clock.forward(TimeDelta::seconds(20));
    let mut expected: Vec<_> = bench.vendor.dataset(bench.last_days(400)).into_iter().map(|it| it.process_id).collect();
    expected.reverse();
    assert!(expected.len() > 2500, "{}", expected.len());
    for size in [7, 100] {
        let before = bench.vendor.dataset(bench.last_days(400)).len();
        let rows = bench.pages(&format!("/v1/processes/?page_size={size}"), TimeDelta::seconds(3)).await;
        let found = ids(&rows);
        assert_eq!(found.len(), before, "those that were there, and no more");
        assert!(found.ends_with(&expected), "newest first, each once");
    }
    assert!(bench.vendor.dataset(bench.last_days(400)).len() > expected.len() + 1000, "others did arrive");
    assert!(bench.broken_rules().is_empty());
}

#[tokio::test]
async fn dates_are_half_open_and_go_on_in_the_links() {
    let bench = bench(config()).await;
    let in_window = |from, to| -> Vec<String> {
        let mut ids: Vec<_> = bench.vendor.dataset(window(from, to)).into_iter().map(|it| it.process_id).collect();
        ids.reverse();
        ids
    };
    let days = bench.pages("/v1/processes?start_date=2026-08-01&end_date=2026-08-03", TimeDelta::zero()).await;
    assert_eq!(ids(&days), in_window("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z"));
    assert!(days.len() > 60);
    let some = &bench.vendor.dataset(window("2026-08-01T00:00:00Z", "2026-08-03T00:00:00Z"))[17..40];
    let (first, last) = (some[0].creation_date, some[22].creation_date);
    let text = |at: DateTime<Utc>| at.to_rfc3339().replace('+', "%2B");
    let path = format!("/v1/processes?page_size=5&start_date={}&end_date={}", text(first), text(last));
    let rows = bench.pages(&path, TimeDelta::zero()).await;
    let expected: Vec<_> = some[..22].iter().rev().map(|it| it.process_id.clone()).collect();
    assert_eq!(ids(&rows), expected, "from the first, up to but not including the last");
}

#[tokio::test]
async fn a_list_row_shows_the_current_process() {
    let bench = bench(config()).await;
    let (_, page) = bench.ask("/v1/processes").await;
    let rows = page["processes"].as_array().unwrap();
    assert_eq!(rows.len(), 20, "by default");
    let truth = bench.vendor.dataset(bench.last_days(5));
    for (row, it) in rows.iter().zip(truth.iter().rev()) {
        let text = |name: &str| row[name].as_str().unwrap();
        assert_eq!(
            [text("process_id"), text("account_id"), text("flow_id"), text("status")],
            [it.process_id.as_str(), it.account_id.as_str(), it.flow_id.as_str(), it.status.as_str()]
        );
        assert_eq!((at(text("creation_date")), at(text("update_date"))), (it.creation_date, it.update_date));
        assert!(it.account_id.starts_with(it.phone()) && it.phone().parse::<u64>().is_ok());
    }
    assert_eq!(bench.vendor.requests()[0].rows, 20);
}
