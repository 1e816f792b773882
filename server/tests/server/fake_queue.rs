//! A queue whose writes succeed, fail or hang.

use server::Probe;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// The fake; its writes succeed at first.
pub struct FakeQueue {
    behaviour: watch::Sender<Behaviour>,
    pings: AtomicUsize,
}

#[derive(Clone)]
enum Behaviour {
    Accept,
    Fail(String),
    Hang,
}

impl Default for FakeQueue {
    fn default() -> Self {
        Self { behaviour: watch::channel(Behaviour::Accept).0, pings: AtomicUsize::new(0) }
    }
}

impl FakeQueue {
    /// Makes all later writes succeed, and those that hang.
    pub fn accept(&self) {
        self.behaviour.send_replace(Behaviour::Accept);
    }

    /// Makes all later writes fail.
    pub fn fail(&self, reason: &str) {
        self.behaviour.send_replace(Behaviour::Fail(reason.to_owned()));
    }

    /// Makes all later writes hang.
    pub fn hang(&self) {
        self.behaviour.send_replace(Behaviour::Hang);
    }

    /// The number of writes so far.
    pub fn pings(&self) -> usize {
        self.pings.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl Probe for FakeQueue {
    async fn ping(&self) -> Result<(), String> {
        self.pings.fetch_add(1, Ordering::SeqCst);
        let mut behaviour = self.behaviour.subscribe();
        loop {
            let current = behaviour.borrow_and_update().clone();
            match current {
                Behaviour::Accept => return Ok(()),
                Behaviour::Fail(reason) => return Err(reason),
                Behaviour::Hang => behaviour.changed().await.map_err(|error| error.to_string())?,
            }
        }
    }
}
