//! Memory stays bounded for an answer of any size (P11).

use crate::harness::{Engine, Process, TestDatabase, UltimateVendor, conversations, is_download, is_held, until};
use simulator::SimulatedVendor;
use simulator::ultimate::{Config, Version};

/// The resident memory that a service may use while it loads a larger file. The promise is 64 MiB for a release build; a
/// test build needs more.
const BOUND: u64 = 96 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_while_a_large_day_file_loads() {
    let mut config = Config { wide: true, ..conversations(110_000.0) };
    config.bots.truncate(1);
    config.history_from = UltimateVendor::start(config.clone()).await.day(1);
    let vendor = UltimateVendor::start(config).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = vendor.account("u").with("since", &vendor.day(1).to_string());
    let settings = account.with("timeout", "4m").with("lease", "5m").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let day = (vendor.day(1), vendor.day(1));
    until("the file", async || is_held(&settings, "u", day).await).await;
    let peak = process.peak_memory();
    let seen = vendor.ultimate.requests();
    let file = seen.iter().find(|seen| is_download(seen)).unwrap();
    println!("{} rows, {} MB: {} MiB resident at most", file.rows, file.bytes / 1_000_000, peak >> 20);
    assert!(file.bytes > 3 * BOUND / 2, "a file of {} bytes fits into the bound", file.bytes);
    assert!(peak < BOUND, "{} MiB resident", peak >> 20);
    let held = usize::try_from(database.number("SELECT COUNT(*) FROM ultimate_conversations").await).unwrap();
    assert_eq!(held, file.rows);
    drop(process);
    let compared = vendor.compare(&database.database, "u", Version::V2, (1, 1)).await;
    assert!(compared.is_equal(), "{} missing, {} surplus", compared.missing.len(), compared.surplus.len());
    vendor.assert_no_breach();
}
