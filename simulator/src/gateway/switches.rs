//! A configuration that can be changed while the vendor runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The configuration of a vendor. A change counts from the next request on.
#[derive(Debug)]
pub(crate) struct Switches<C>(Mutex<C>);

impl<C: Clone> Switches<C> {
    pub(crate) fn new(config: C) -> Self {
        Self(Mutex::new(config))
    }

    /// A copy, so that one request sees one configuration.
    pub(crate) fn get(&self) -> C {
        self.edit().clone()
    }

    pub(crate) fn edit(&self) -> MutexGuard<'_, C> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
