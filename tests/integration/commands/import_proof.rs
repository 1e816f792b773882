//! A file closes the jobs that it proves to answer, and no others; it counts as no newer than it can be.

use super::{json, run_command};
use crate::harness::{AccountSettings, Engine, TestDatabase, coverage, write_dated};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::{Window, midnight};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;
use storage::ledger::{StreamId, lock, store};
use tempfile::TempDir;

/// An account whose vendor does not answer, and a folder for its files.
struct Bench {
    database: TestDatabase,
    settings: String,
    folder: TempDir,
}

fn day(ago: i64) -> NaiveDate {
    (SystemClock::start().now() - TimeDelta::days(ago)).date_naive()
}

/// The window from the day `from` days ago to the day `to` days ago, both included.
fn days(from: i64, to: i64) -> Window {
    Window::new(midnight(day(from), chrono_tz::UTC), midnight(day(to - 1), chrono_tz::UTC)).unwrap()
}

impl Bench {
    async fn new() -> Self {
        let database = TestDatabase::fresh(Engine::Sqlite).await;
        let account = AccountSettings::of("certainly", "c", "http://127.0.0.1:9", "key")
            .with_list("bot_ids", &["b1".to_owned()])
            .with("since", &day(12).to_string());
        let settings = account.file(&database.url, "memory:");
        Self { database, settings, folder: TempDir::new().unwrap() }
    }

    async fn add(&self, job: Job) {
        let id = StreamId { account: "c".to_owned(), stream: "b1".to_owned(), source: "certainly".to_owned() };
        let tx = self.database.database.begin().await.unwrap();
        let before = lock(&tx, &id).await.unwrap();
        let mut after = before.clone();
        after.jobs.push(job);
        store(&tx, &id, &before, &after, SystemClock::start().now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A report with a message at noon of each of these days.
    fn file(&self, name: &str, ago: impl IntoIterator<Item = i64>) -> PathBuf {
        let mut text = "id,timestamp,message,conversation_id\n".to_owned();
        for ago in ago {
            writeln!(text, "{ago},{}T12:00:00Z,hi,c{ago}", day(ago)).unwrap();
        }
        let path = self.folder.path().join(name);
        write_dated(&path, text);
        path
    }

    async fn import(&self, file: &std::path::Path, more: &[&str]) -> Value {
        json(&self.settings, &[&["import", "c", file.to_str().unwrap()], more].concat()).await
    }

    async fn states(&self, from: i64, to: i64) -> Vec<String> {
        let shown = coverage(&self.settings, "c", (day(from), day(to))).await;
        shown.iter().map(|day| day["state"].as_str().unwrap().to_owned()).collect()
    }
}

fn job(slice: Slice) -> Job {
    Job::new(Purpose::Settle, slice, SystemClock::start().now(), Duration::ZERO)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_inside_a_parked_window_closes_it_only_when_told() {
    let bench = Bench::new().await;
    let reason = "a single day at the cap".to_owned();
    bench.add(Job { state: JobState::Parked { reason }, ..job(Slice::Window(days(8, 6))) }).await;
    let part = bench.file("part.csv", [7]);
    let shown = bench.import(&part, &[]).await;
    assert_eq!((&shown["inserted"], &shown["covers"], &shown["closed"]), (&1.into(), &Value::Null, &json!([])));
    let open = &shown["open"][0];
    assert_eq!((&open["days"], open["id"].is_i64()), (&json!([day(8), day(6)]), true), "{shown}");
    assert!(open["reason"].as_str().unwrap().contains("at the cap"), "{shown}");
    assert_eq!(bench.states(8, 6).await, ["blocked"; 3]);
    let (from, to) = (day(8).to_string(), day(6).to_string());
    let whole = bench.file("whole.csv", [8, 7, 6]);
    let told = ["--from", &from, "--to", &to];
    // The window ends as the file's last day does, and what was younger than two days then may have changed since.
    let shown = bench.import(&whole, &told).await;
    assert_eq!((&shown["covers"], &shown["open"]), (&json!([from, to]), &json!([])), "{shown}");
    assert_eq!((&shown["closed"][0]["days"], shown["closed"][0]["id"].is_i64()), (&json!([from, to]), true), "{shown}");
    assert_eq!(bench.states(8, 6).await, ["final", "provisional", "provisional"]);
    let made = (SystemClock::start().now() - TimeDelta::seconds(1)).to_rfc3339();
    bench.import(&whole, &[&told[..], &["--as-of", &made]].concat()).await;
    assert_eq!(bench.states(8, 6).await, ["final"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_closes_the_accepted_export_of_which_it_has_every_day() {
    let bench = Bench::new().await;
    let now = SystemClock::start().now();
    let accepted = |requested_at: DateTime<Utc>, window| Job {
        state: JobState::Awaiting { until: now + TimeDelta::hours(6) },
        requested_at: Some(requested_at),
        attempt: 1,
        rechecks: 1,
        ..job(Slice::Export(window))
    };
    bench.add(accepted(now - TimeDelta::hours(2), days(10, 9))).await;
    bench.add(accepted(now + TimeDelta::hours(5), days(7, 6))).await;
    for (name, ago, is_answer) in
        [("part.csv", vec![10], false), ("old.csv", vec![7, 6], false), ("all.csv", vec![10, 9], true)]
    {
        let shown = bench.import(&bench.file(name, ago), &[]).await;
        let list = |name: &str| shown[name].as_array().unwrap().len();
        assert_eq!((list("closed") == 1, list("open") == 1), (is_answer, !is_answer), "{name}: {shown}");
        assert_eq!(shown["covers"].is_array(), is_answer, "{name}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_proves_nothing_after_it_was_made() {
    let bench = Bench::new().await;
    let file = bench.file("day.csv", [5, 4]);
    let (from, to) = (day(5).to_string(), day(3).to_string());
    let told = ["--from", from.as_str(), "--to", to.as_str()];
    let made = format!("{}T13:00:00Z", day(4));
    let shown = bench.import(&file, &[&told[..], &["--as-of", &made]].concat()).await;
    assert_eq!((&shown["covers"], &shown["as_of"]), (&json!([from, from]), &json!(made)), "{shown}");
    assert_eq!(bench.states(5, 3).await, ["provisional", "missing", "missing"]);
    for (as_of, expected) in [
        (format!("{}T11:00:00Z", day(4)), "the file holds a row of"),
        (format!("{}T13:00:00Z", day(-2)), "this time has not come"),
        ("noon".to_owned(), "write 2026-11-04T09:30:00Z or 2026-11-04"),
    ] {
        let more = ["import", "c", file.to_str().unwrap(), "--as-of", &as_of];
        let refused = run_command(&bench.settings, &[&more[..], &told].concat()).await;
        assert!(refused.code == 2 && refused.err.contains(expected), "{as_of}: {} {}", refused.code, refused.err);
    }
}
