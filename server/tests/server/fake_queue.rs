//! A queue whose writes succeed, fail or hang.

use server::Probe;
use std::sync::Mutex;

/// The fake; its writes succeed at first.
#[derive(Default)]
pub struct FakeQueue {
    behaviour: Mutex<Behaviour>,
}

#[derive(Clone, Default)]
enum Behaviour {
    #[default]
    Accept,
    Fail(String),
    Hang,
}

impl FakeQueue {
    /// Makes all later writes fail.
    pub fn fail(&self, reason: &str) {
        *self.behaviour.lock().expect("no panic") = Behaviour::Fail(reason.to_owned());
    }

    /// Makes all later writes hang.
    pub fn hang(&self) {
        *self.behaviour.lock().expect("no panic") = Behaviour::Hang;
    }
}

#[async_trait::async_trait]
impl Probe for FakeQueue {
    async fn ping(&self) -> Result<(), String> {
        let behaviour = self.behaviour.lock().expect("no panic").clone();
        match behaviour {
            Behaviour::Accept => Ok(()),
            Behaviour::Fail(reason) => Err(reason),
            Behaviour::Hang => std::future::pending().await,
        }
    }
}
