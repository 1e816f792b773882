//! Imports for Truora and Treble, and `check` for their accounts.

use super::{CommandOutput, json, run_command};
use crate::harness::{
    AccountSettings, Engine, Process, TestDatabase, TrebleVendor, TruoraVendor, coverage, until, write_dated,
};
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::clock::Clock;
use domain::window::{Window, midnight};
use serde_json::Value;
use simulator::SimulatedVendor;
use simulator::truora::Language;
use simulator::{treble, truora};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A vendor whose processes of the last nine days have all ended.
async fn truora() -> TruoraVendor {
    TruoraVendor::start(truora::Config {
        history_from: SystemClock::start().now() - TimeDelta::days(9),
        processes_per_day: 6.0,
        pending_for: Some(Duration::from_secs(1)),
        overridden: 0.0,
        odd_words: 0.0,
        ..truora::Config::default()
    })
    .await
}

/// Writes the Chatbot History of the day `ago` days ago. Returns its path and its ids.
fn history(vendor: &TruoraVendor, folder: &Path, ago: i64, language: Language) -> (String, Vec<String>) {
    let (from, to) = (midnight(vendor.day(ago), chrono_tz::UTC), midnight(vendor.day(ago - 1), chrono_tz::UTC));
    let day = Window::new(from, to).unwrap();
    let file = folder.join(format!("history_{ago}.csv"));
    write_dated(&file, vendor.truora.history_csv(day, language, u64::try_from(ago).unwrap()));
    let ids = vendor.truora.dataset(day).into_iter().map(|process| process.process_id).collect();
    (file.to_str().unwrap().to_owned(), ids)
}

async fn stored(database: &TestDatabase) -> Vec<String> {
    database.texts("SELECT process_id FROM truora_processes ORDER BY process_id").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ids_of_an_imported_history_in_any_language_become_rows() {
    let vendor = truora().await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(0).to_string()).file(&database.url, "memory:");
    let folder = TempDir::new().unwrap();
    let now = SystemClock::start().now().to_rfc3339();
    let (mut all, as_of) = (Vec::new(), ["--as-of", now.as_str()]);
    for (ago, language) in [(7, Language::English), (6, Language::Spanish), (5, Language::Portuguese)] {
        let (file, ids) = history(&vendor, folder.path(), ago, language);
        let day = vendor.day(ago).to_string();
        let shown = run_command(
            &settings,
            &[&["--output", "json", "import", "t", &file, "--from", &day, "--to", &day], &as_of[..]].concat(),
        )
        .await;
        assert_eq!(shown.code, 0, "{language:?}: {}", shown.err);
        let count = Value::from(ids.len());
        let output = shown.json();
        assert_eq!((&output["named"], &output["asked"], &output["inserted"]), (&count, &count, &0.into()), "{output}");
        assert!(shown.err.contains(&format!("names processes: {count}, of which {count} are")), "{}", shown.err);
        assert!(shown.err.contains("complete once each of them is fetched"), "{}", shown.err);
        assert_ne!(coverage(&settings, "t", (vendor.day(ago), vendor.day(ago))).await[0]["state"], "final");
        all.extend(ids);
    }
    let process = Process::run(&settings, &[]);
    until("the processes", async || {
        let held = stored(&database).await;
        all.len() > 12 && all.iter().all(|id| held.contains(id))
    })
    .await;
    let days = (vendor.day(7), vendor.day(5));
    until("the days", async || coverage(&settings, "t", days).await.iter().all(|day| day["state"] == "final")).await;
    assert_eq!(vendor.truora.breaches(), []);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_list_of_ids_proves_no_day() {
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::of("truora", "t", "http://127.0.0.1:9", "key").file(&database.url, "memory:");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ids.csv");
    write_dated(&file, "Process ID\nIDP41c0aa01\nIDP41c0aa02\n");
    let line = ["import", "t", file.to_str().unwrap()];
    let whole = run_command(&settings, &[&line[..], &["--from", "2026-08-12", "--to", "2026-08-12"]].concat()).await;
    assert!(whole.code == 2 && whole.err.contains("leave --from and --to out"), "{} {}", whole.code, whole.err);
    let named = run_command(&settings, &line).await;
    assert!(named.code == 0 && named.err.contains("it does not say when the items began"), "{}", named.err);
    assert!(named.err.contains("of which 2 are fetched next"), "{}", named.err);
    let wanted = "SELECT slice_key FROM jobs WHERE from_at IS NULL ORDER BY slice_key";
    assert_eq!(database.texts(wanted).await, ["IDP41c0aa01", "IDP41c0aa02"]);
    assert_eq!(database.number("SELECT COUNT(*) FROM coverage").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_history_without_days_still_fetches_its_ids() {
    let vendor = truora().await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(0).to_string()).file(&database.url, "memory:");
    let folder = TempDir::new().unwrap();
    let (file, ids) = history(&vendor, folder.path(), 6, Language::Spanish);
    let CommandOutput { code, out, err } = run_command(&settings, &["import", "t", &file]).await;
    assert_eq!(code, 0, "{err}");
    let count = ids.len();
    assert!(err.contains(&format!("names processes: {count}, of which {count} are")), "{err}");
    assert!(err.contains("The file proves no day complete") && out.contains("none"), "{out}{err}");
    let process = Process::run(&settings, &[]);
    until("the processes", async || {
        let held = stored(&database).await;
        ids.iter().all(|id| held.contains(id))
    })
    .await;
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_treble_report_stores_its_sessions() {
    let history_from = SystemClock::start().now() - TimeDelta::days(9);
    let config = treble::Config { history_from, sessions_per_day: 3.0, ..treble::Config::default() };
    let vendor = TrebleVendor::start(config).await;
    vendor.treble.freeze();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").file(&database.url, "memory:");
    let folder = TempDir::new().unwrap();
    let window = vendor.since(8);
    let sessions = vendor.treble.dataset(window).sessions;
    let file = folder.path().join("general_sessions_report_2026_11_20_10_00_00.csv");
    write_dated(&file, vendor.treble.sessions_csv(window));
    let file = file.to_str().unwrap();
    let shown = json(&settings, &["import", "t", file]).await;
    let count = Value::from(sessions.len());
    assert_eq!((&shown["rows"], &shown["inserted"], &shown["named"]), (&count, &count, &0.into()), "{shown}");
    assert!(sessions.len() > 50 && shown["covers"].is_null(), "{shown}");
    let of = "SELECT phone || ' ' || session_status FROM treble_sessions WHERE session_id LIKE 'csv:%' \
              ORDER BY created_at, session_id";
    let mut rows = database.texts(of).await;
    let mut phones: Vec<String> = sessions
        .iter()
        .map(|session| format!("{}{}", session.country_code.trim_start_matches('+'), session.cellphone))
        .collect();
    rows.sort();
    phones.sort();
    assert!(rows.iter().zip(&phones).all(|(row, phone)| row.starts_with(phone.as_str())), "{rows:?} {phones:?}");
    let again = run_command(&settings, &["import", "t", file]).await;
    assert!(again.code == 0 && again.err.contains("imported before"), "{}", again.err);
    let cut = std::fs::read(file).unwrap();
    let short = folder.path().join("cut.csv");
    write_dated(&short, &cut[..cut.len() - 9]);
    let refused = run_command(&settings, &["import", "t", short.to_str().unwrap()]).await;
    assert!(refused.code == 8 && refused.err.contains("cut off"), "{} {}", refused.code, refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_sends_one_request_and_reports_a_wrong_key() {
    let one = truora().await;
    let other = TrebleVendor::start(treble::Config::default()).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    for (account, vendor) in [(one.account("t"), "truora"), (other.account("t"), "treble")] {
        let good = run_command(&account.file(&database.url, "memory:"), &["check"]).await;
        assert!(good.code == 0 && good.out.contains(&format!("{vendor} answers")), "{}{}", good.out, good.err);
        let bad = run_command(&account.with("token", "hunter2").file(&database.url, "memory:"), &["check"]).await;
        assert!(bad.code == 5 && bad.out.contains("unauthorised: HTTP 401"), "{}{}", bad.out, bad.err);
        assert!(!bad.out.contains("hunter2") && !bad.err.contains("hunter2"), "the output shows the key");
    }
    assert_eq!((one.truora.requests().len(), other.treble.requests().len()), (2, 2), "one call each time");
}
