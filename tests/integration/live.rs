//! Live work and backfills on one token (P7).

use crate::harness::{AccountSettings, Engine, Process, TestDatabase, WolkvoxVendor, convosync, history, within};
use sea_orm::EntityTrait;
use simulator::wolkvox::Config;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn live_work_is_on_time_while_a_backfill_of_2000_windows_moves() {
    let vendor = WolkvoxVendor::start(Config {
        row_cap: 20,
        latency: Duration::from_millis(2),
        live_every: Some(Duration::from_secs(5)),
        closes_after: Duration::from_secs(10),
        ..history(40, 850.0)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token")
        .with("row_cap", "20")
        .with("spacing", "0s")
        .with("settle", "1m")
        .with("refresh", "1h");
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let (from, to) = vendor.days();
    assert!(convosync(&settings, &["backfill", "start", "a", "--from", &from, "--to", &to]).await.status.success());
    let windows = "SELECT COUNT(*) FROM requests WHERE purpose = 'backfill' AND verdict = 'commit'";
    let mut before = 0;
    // It takes a minute on an idle machine; other tests use the cores too.
    within(Duration::from_mins(20), "a backfill of 2,000 windows", async || {
        // The backfill moves: the vendor answers some of its windows in every ten seconds.
        tokio::time::sleep(Duration::from_secs(10)).await;
        let now = database.number(windows).await;
        assert!(now > before, "the backfill stands still at {now} windows\n{}", process.log());
        before = now;
        now >= 2_000 || database.number("SELECT COUNT(*) FROM backfills WHERE state = 'done'").await == 1
    })
    .await;
    assert!(database.number(windows).await >= 2_000, "the backfill had fewer windows than the test needs");
    let seen = entities::requests::Entity::find().all(database.database.connection()).await.unwrap();
    let live: Vec<_> = seen.iter().filter(|row| row.purpose == "live").collect();
    // A live job is due at its slot, which is where its window ends.
    let late = live.iter().map(|row| (row.sent_at - row.to_at.unwrap()).num_milliseconds()).max().unwrap();
    assert!(live.len() > 3 && late < 30_000, "P7: a live poll started {late} ms after it was due");
    vendor.assert_no_breach();
}
