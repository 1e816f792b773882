//! The dashboard in a real browser.

use crate::harness::{AccountSettings, Engine, Process, TestDatabase, WolkvoxVendor, history, until};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_accounts_and_coverage_in_a_browser() {
    let vendor = WolkvoxVendor::start(history(5, 50.0)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("shop_bot", &vendor.base, "simulated-token").with("since", &vendor.days().0);
    let process = Process::run(&account.file(&database.url, "memory:"), &[]);
    until("the backlog", async || {
        process.address().is_some() && database.number("SELECT COUNT(*) FROM coverage WHERE state = 'final'").await == 1
    })
    .await;
    let folder = TempDir::new().unwrap();
    let page = format!("http://{}/?refresh=off", process.address().unwrap());
    let picture = folder.path().join("page.png");
    let mut browser = tokio::process::Command::new("chromium");
    // CI may run as root, and then Chromium has no sandbox. Chromium must send no request to other hosts.
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    browser.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    browser.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
    browser.arg(format!("--screenshot={}", picture.display())).args(["--window-size=1200,900", "--dump-dom", &page]);
    browser.stderr(Stdio::null()).kill_on_drop(true);
    let shown =
        tokio::time::timeout(Duration::from_mins(1), browser.output()).await.expect("the browser to end").unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for word in ["shop_bot", "final", "provisional", "Proven until", "OK"] {
        assert!(shown.contains(word), "{word} is not on the page: {shown}");
    }
    assert!(!shown.contains("http-equiv=\"refresh\""), "the page refreshes itself although refresh is off");
    drop(process);
}
