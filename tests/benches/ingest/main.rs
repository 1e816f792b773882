//! Compares the speed of loading a day file with the database's own tools.
//!
//! `scripts/bench` starts what this needs and stores the table that it prints in `docs/performance.md`. Every figure is a
//! ratio of two runs on the same machine within a minute: psql's `\copy` of a ready CSV into a stage and one `INSERT … ON
//! CONFLICT` of it (for SQLite: the shell's `.import` and the same merge), against convosync's whole way from HTTP over
//! JSON and its ledger into the same table. The other side starts from parsed rows; ours does not.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot go on must fail")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its table and says how far it is")]
#![expect(clippy::disallowed_methods, reason = "a bench runs programs, and takes its settings from the environment")]

mod day;
mod rival;
mod round;
mod service;

use round::{Engine, Phase, Round};
use std::env;

/// The number of rounds; the table shows their medians.
const ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // The day is fetched from its simulated vendor once, to be served again and again.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // A process of its own, so that its memory is its own.
        ["pull", url, base, day] => runtime.block_on(service::pull(url, base, day)),
        sizes => runtime.block_on(compare(sizes)),
    }
}

async fn compare(sizes: &[&str]) {
    let sizes: Vec<u32> = sizes.iter().filter_map(|size| size.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![20_000, 200_000] } else { sizes };
    let postgres = env::var("CONVOSYNC_BENCH_POSTGRES").expect("scripts/bench sets CONVOSYNC_BENCH_POSTGRES");
    println!("| rows | into | work | rows/s | speed against the tool | its WAL | resident, MiB |");
    println!("|---|---|---|---|---|---|---|");
    for size in sizes {
        for engine in [Engine::Postgres(postgres.clone()), Engine::Sqlite] {
            let rounds = if size > 500_000 { 1 } else { ROUNDS };
            let mut seen: Vec<Round> = Vec::new();
            for round in 0..rounds {
                eprintln!("{size} rows into {}, round {} of {rounds}", engine.name(), round + 1);
                seen.extend(round::run(&engine, size, 7 + round as u64).await);
            }
            for phase in Phase::ALL {
                println!("{}", round::row(size, &engine, phase, &seen));
            }
        }
    }
}
