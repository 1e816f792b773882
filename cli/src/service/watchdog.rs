//! The watchdog of this process: it knows when each loop last moved, and how long the loop may take.

use domain::clock::Clock;
use domain::watchdog::{Movement, Progress, StuckLoop, Watchdog, stuck_loops};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// Watches the loops of a process.
#[derive(Clone)]
pub struct LoopWatchdog {
    clock: Arc<dyn Clock>,
    /// What the database may take for one step, on top of the time that a loop names.
    database_time: Duration,
    loops: Arc<Mutex<Loops>>,
}

#[derive(Default)]
struct Loops {
    movements: BTreeMap<u64, Movement>,
    last: u64,
}

impl LoopWatchdog {
    /// A watchdog without loops. One step of a loop may take `database_time` in the database.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, database_time: Duration) -> Self {
        Self { clock, database_time, loops: Arc::default() }
    }

    /// The loops that have not moved for longer than they may, the longest first.
    #[must_use]
    pub fn stuck_loops(&self) -> Vec<StuckLoop> {
        let now = self.clock.elapsed();
        stuck_loops(self.loops().movements.values().copied(), now)
    }

    fn loops(&self) -> MutexGuard<'_, Loops> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time between two looks for stuck loops.
const INTERVAL: Duration = Duration::from_secs(10);

/// Logs each loop that is stuck, once, and each that moves again, until `end`.
pub async fn report(watchdog: LoopWatchdog, end: CancellationToken) {
    let mut known = BTreeSet::new();
    while !end.is_cancelled() {
        let stuck = watchdog.stuck_loops();
        let names: BTreeSet<&'static str> = stuck.iter().map(|stuck| stuck.name).collect();
        for stuck in stuck.iter().filter(|stuck| !known.contains(stuck.name)) {
            error!(
                name = stuck.name,
                seconds = stuck.since.as_secs(),
                "a loop of this process is stuck; restart the process"
            );
        }
        for name in known.difference(&names) {
            warn!(name, "a loop of this process that was stuck moves again");
        }
        known = names;
        tokio::select! {
            () = end.cancelled() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

impl Watchdog for LoopWatchdog {
    fn watch(&self, name: &'static str) -> Box<dyn Progress> {
        let mut loops = self.loops();
        loops.last += 1;
        let id = loops.last;
        let movement = Movement { name, at: self.clock.elapsed(), longest: None };
        loops.movements.insert(id, movement);
        Box::new(WatchedLoop { watchdog: self.clone(), name, id })
    }
}

impl server::Liveness for LoopWatchdog {
    fn stuck_loops(&self) -> Vec<StuckLoop> {
        self.stuck_loops()
    }
}

/// One loop under watch, until it is dropped.
struct WatchedLoop {
    watchdog: LoopWatchdog,
    name: &'static str,
    id: u64,
}

impl WatchedLoop {
    fn note(&self, longest: Option<Duration>) {
        let movement = Movement { name: self.name, at: self.watchdog.clock.elapsed(), longest };
        self.watchdog.loops().movements.insert(self.id, movement);
    }
}

impl Progress for WatchedLoop {
    fn expect_within(&self, longest: Duration) {
        self.note(Some(longest.saturating_add(self.watchdog.database_time)));
    }

    fn rest(&self) {
        self.note(None);
    }
}

impl Drop for WatchedLoop {
    fn drop(&mut self) {
        self.watchdog.loops().movements.remove(&self.id);
    }
}
