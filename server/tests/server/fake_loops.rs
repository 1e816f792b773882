//! Loops that move, or are stuck.

use domain::watchdog::StuckLoop;
use server::Liveness;
use std::sync::Mutex;

/// The fake; no loop is stuck at first.
#[derive(Default)]
pub struct FakeLoops {
    stuck: Mutex<Vec<StuckLoop>>,
}

impl FakeLoops {
    /// Sets the loops that are stuck.
    pub fn set_stuck(&self, stuck: &[StuckLoop]) {
        *self.stuck.lock().expect("no panic") = stuck.to_vec();
    }
}

impl Liveness for FakeLoops {
    fn stuck_loops(&self) -> Vec<StuckLoop> {
        self.stuck.lock().expect("no panic").clone()
    }
}
