//! Holding on to a lane while a vendor is asked.

use domain::clock::Clock;
use std::sync::Mutex;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;
use storage::lanes::LaneSpec;
use storage::lanes::claim::Claim;
use storage::lanes::claim::renew;
use storage::lanes::pacing::{book, is_shut};
use tracing::warn;

/// A lease as this host sees it: until when, on its own clock, a request may be in flight.
pub struct LeaseGuard<'a> {
    database: &'a Database,
    clock: &'a dyn Clock,
    lane: &'a LaneSpec,
    claimed: &'a Claim,
    ends: Mutex<Duration>,
}

impl<'a> LeaseGuard<'a> {
    /// The lease in `claimed`, counted from `acquiring`: the instant before it was asked for, which is the safe side.
    pub fn new(
        database: &'a Database,
        clock: &'a dyn Clock,
        lane: &'a LaneSpec,
        claimed: &'a Claim,
        acquiring: Duration,
    ) -> Self {
        Self { database, clock, lane, claimed, ends: Mutex::new(acquiring + lane.rules.lease) }
    }

    /// Whether a request sent now would end, at its time-out, before the lease does. A process that was stopped
    /// between acquiring and sending finds out here; renews where it can.
    pub async fn is_long_enough(&self, timeout: Duration) -> bool {
        self.fits(timeout) || (self.renew().await && self.fits(timeout))
    }

    /// Waits until the next request may be sent: a vendor's rate holds for every request, not for turns alone. `false` where
    /// it may not: somebody has shut the lane meanwhile, or nobody can say.
    pub async fn comes(&self) -> bool {
        match self.wait().await {
            Ok(comes) => comes,
            Err(error) => {
                warn!(%error, "nobody knows when to ask");
                false
            }
        }
    }

    async fn wait(&self) -> Result<bool, DbErr> {
        let Some(wait) = book(self.database, self.lane).await? else { return Ok(false) };
        if wait.is_zero() {
            return Ok(true);
        }
        tokio::time::sleep(wait).await;
        Ok(!is_shut(self.database, self.lane).await?)
    }

    /// Renews every third of the lease; ends when it is lost.
    pub async fn keep(&self) {
        loop {
            tokio::time::sleep(self.lane.rules.lease / 3).await;
            if !self.renew().await && !self.fits(Duration::ZERO) {
                return;
            }
        }
    }

    fn fits(&self, time: Duration) -> bool {
        let ends = self.ends.lock().map_or(Duration::ZERO, |ends| *ends);
        self.clock.elapsed() + time <= ends
    }

    async fn renew(&self) -> bool {
        let asked = self.clock.elapsed();
        match renew(self.database, self.lane, self.claimed).await {
            Ok(Some(_)) => {
                if let Ok(mut ends) = self.ends.lock() {
                    *ends = asked + self.lane.rules.lease;
                }
                true
            }
            Ok(None) => {
                if let Ok(mut ends) = self.ends.lock() {
                    *ends = Duration::ZERO;
                }
                false
            }
            Err(error) => {
                warn!(%error, "the lease could not be renewed");
                false
            }
        }
    }
}
