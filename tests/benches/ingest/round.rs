//! A round runs each phase on both sides with the same rows.

use crate::day::Day;
use crate::rival;
use convosync::clock::SystemClock;
use domain::clock::Clock;
use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use storage::database::Database;
use tempfile::TempDir;

/// The database engine.
pub enum Engine {
    /// A PostgreSQL server at this URL.
    Postgres(String),
    /// An SQLite file.
    Sqlite,
}

impl Engine {
    /// The name for the table.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

/// A phase of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first load into an empty table.
    First,
    /// The same file again.
    Same,
    /// The file with a tenth of its rows changed.
    Tenth,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Self; 3] = [Self::First, Self::Same, Self::Tenth];

    fn name(self) -> &'static str {
        match self {
            Self::First => "first load",
            Self::Same => "unchanged re-read",
            Self::Tenth => "a tenth changed",
        }
    }
}

/// The measurements of one phase in one round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    phase: Phase,
    rows: f64,
    ours: Side,
    tools: Side,
    rss_mib: f64,
}

#[derive(Clone, Copy, Debug)]
struct Side {
    seconds: f64,
    wal: f64,
}

/// Runs both sides on a day of about `size` rows.
pub async fn run(engine: &Engine, size: u32, seed: u64) -> Vec<Round> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("bench.db");
    let url = match engine {
        Engine::Postgres(url) => url.clone(),
        Engine::Sqlite => format!("sqlite://{}", file.display()),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let database = Database::connect(&url, clock.clone()).await.unwrap();
    database.migrate(&sources::conversations_view()).await.unwrap();
    let day = Day::of(size, seed).await;
    let (whole, changed) = (folder.path().join("whole.csv"), folder.path().join("changed.csv"));
    let empty = || {
        for table in ["ultimate_conversations", "coverage", "jobs", "requests"] {
            rival::shell(engine, &file, &format!("DELETE FROM {table}"));
        }
        fresh(engine, &file);
    };
    // Ours first, twice: its rows are what the tool's CSVs are made of.
    empty();
    ours(engine, &file, &url, &day);
    rival::export(engine, &file, &whole);
    day.show(&day.changed);
    ours(engine, &file, &url, &day);
    rival::export(engine, &file, &changed);
    let rows: f64 = rival::shell(engine, &file, "SELECT COUNT(*) FROM ultimate_conversations").parse().unwrap();
    let mut found = Vec::new();
    empty();
    let mut ours_of = Vec::new();
    for phase in Phase::ALL {
        day.show(if phase == Phase::Tenth { &day.changed } else { &day.whole });
        ours_of.push(ours(engine, &file, &url, &day));
        fresh(engine, &file);
    }
    let digest = "SELECT COUNT(*) || ' ' || MIN(digest) || ' ' || MAX(digest) FROM ultimate_conversations";
    let stored = rival::shell(engine, &file, digest);
    empty();
    for (phase, (ours, rss_mib)) in Phase::ALL.into_iter().zip(ours_of) {
        let csv = if phase == Phase::Tenth { &changed } else { &whole };
        let tools = timed(engine, &file, clock.as_ref(), || rival::load(engine, &file, csv));
        fresh(engine, &file);
        found.push(Round { phase, rows, ours, tools, rss_mib });
    }
    assert_eq!(rival::shell(engine, &file, digest), stored, "both sides end with the same rows");
    found
}

/// The line of the table with the medians of one phase.
pub fn row(size: u32, engine: &Engine, phase: Phase, seen: &[Round]) -> String {
    let of: Vec<&Round> = seen.iter().filter(|round| round.phase == phase).collect();
    let speed = median(of.iter().map(|round| round.tools.seconds / round.ours.seconds));
    let rate = median(of.iter().map(|round| round.rows / round.ours.seconds));
    let wal = median(of.iter().map(|round| round.ours.wal / round.tools.wal.max(1.0)));
    let rss = of.iter().map(|round| round.rss_mib).fold(0.0, f64::max);
    let wal = if matches!(engine, Engine::Postgres(_)) { format!("{:.1} %", wal * 100.0) } else { "–".to_owned() };
    format!("| {size} | {} | {} | {rate:.0} | {speed:.2} × | {wal} | {rss:.0} |", engine.name(), phase.name())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Runs the service's side in a process of its own.
fn ours(engine: &Engine, file: &Path, url: &str, day: &Day) -> (Side, f64) {
    let wal = wal(engine, file);
    let this = env::current_exe().unwrap();
    let output = Command::new(this).args(["pull", url, &day.base, &day.date.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let measured: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let side = Side { seconds: measured["seconds"].as_f64().unwrap(), wal: self::wal(engine, file) - wal };
    (side, measured["rss_kib"].as_f64().unwrap() / 1024.0)
}

fn timed(engine: &Engine, file: &Path, clock: &dyn Clock, work: impl FnOnce()) -> Side {
    let (wal, started) = (wal(engine, file), clock.elapsed());
    work();
    let seconds = clock.elapsed().saturating_sub(started).as_secs_f64();
    Side { seconds, wal: self::wal(engine, file) - wal }
}

/// The size of the server's write-ahead log so far, in bytes.
fn wal(engine: &Engine, file: &Path) -> f64 {
    match engine {
        Engine::Postgres(_) => {
            rival::shell(engine, file, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").parse().unwrap()
        }
        Engine::Sqlite => 0.0,
    }
}

/// Vacuums and checkpoints, so that the next phase does not pay for the last one.
fn fresh(engine: &Engine, file: &Path) {
    match engine {
        Engine::Postgres(_) => {
            rival::shell(engine, file, "VACUUM ultimate_conversations");
            rival::shell(engine, file, "CHECKPOINT");
        }
        Engine::Sqlite => {
            rival::shell(engine, file, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }
}
