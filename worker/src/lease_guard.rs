//! Keeps a worker's lease on its lane while an exchange runs.

use domain::clock::Clock;
use domain::watchdog::Progress;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;
use storage::lanes::LaneSpec;
use storage::lanes::claim::Claim;
use storage::lanes::claim::renew;
use storage::lanes::pacing::{is_closed, reserve_send_time};
use tracing::warn;

/// A lease as this host counts it: until when, on its own monotonic clock, a request may be in flight.
pub struct LeaseGuard<'a> {
    database: &'a Database,
    clock: &'a dyn Clock,
    lane: &'a LaneSpec,
    claim: &'a Claim,
    ends: Mutex<Duration>,
}

impl<'a> LeaseGuard<'a> {
    /// Guards the lease of `claim`. It counts from `acquiring`, the instant before the lease was requested, so that
    /// it ends here no later than in the database.
    pub fn new(
        database: &'a Database,
        clock: &'a dyn Clock,
        lane: &'a LaneSpec,
        claim: &'a Claim,
        acquiring: Duration,
    ) -> Self {
        Self { database, clock, lane, claim, ends: Mutex::new(acquiring + lane.rules.lease) }
    }

    /// Whether a request sent now would reach its time-out before the lease ends; renews the lease if needed. A process
    /// that was paused between acquiring and sending notices it here.
    pub async fn outlasts(&self, timeout: Duration) -> bool {
        self.fits(timeout) || (self.renew().await && self.fits(timeout))
    }

    /// Books a send time and waits for it: a vendor's rate counts every request, not only the first of a job. `false`
    /// if the lane was closed meanwhile or the database failed.
    pub async fn wait_for_send_time(&self, progress: &dyn Progress) -> bool {
        match self.book_and_wait(progress).await {
            Ok(may_send) => may_send,
            Err(error) => {
                warn!(%error, "cannot reserve a send time (database error); the job goes back to the queue");
                false
            }
        }
    }

    async fn book_and_wait(&self, progress: &dyn Progress) -> Result<bool, DbErr> {
        let Some(wait) = reserve_send_time(self.database, self.lane).await? else { return Ok(false) };
        if wait.is_zero() {
            return Ok(true);
        }
        progress.expect_within(wait);
        tokio::time::sleep(wait).await;
        Ok(!is_closed(self.database, self.lane).await?)
    }

    /// Renews the lease whenever a third of it has passed; returns when the lease is lost.
    pub async fn keep_renewed(&self) {
        loop {
            tokio::time::sleep(self.lane.rules.lease / 3).await;
            if !self.renew().await && !self.fits(Duration::ZERO) {
                return;
            }
        }
    }

    /// Awaits `commit` and renews the lease meanwhile. It never interrupts a commit: the fence alone decides on it, and the
    /// database may have stored it when the renewal finds the lease released.
    pub async fn keep_renewed_during<T>(&self, commit: impl Future<Output = T>) -> T {
        let renewing = async {
            self.keep_renewed().await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            done = commit => done,
            never = renewing => match never {},
        }
    }

    fn fits(&self, time: Duration) -> bool {
        let ends = self.ends.lock().map_or(Duration::ZERO, |ends| *ends);
        self.clock.elapsed() + time <= ends
    }

    async fn renew(&self) -> bool {
        let requested_at = self.clock.elapsed();
        match renew(self.database, self.lane, self.claim).await {
            Ok(Some(_)) => {
                if let Ok(mut ends) = self.ends.lock() {
                    *ends = requested_at + self.lane.rules.lease;
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
                warn!(%error, "cannot renew the lease (database error); the worker tries again while the lease lasts");
                false
            }
        }
    }
}
