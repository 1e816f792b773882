//! tick → plan → push

use domain::job::Push;
use entities::DbErr;
use entities::database::Database;
use entities::lanes::{Next, ensure, hand_out};
use entities::ledger::{self, StreamId};
use entities::planning::replan;
use entities::roster::{Account, Roster};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span, warn};

/// Looks at every ledger once a tick, wants what is worth wanting, and pushes a ticket for each lane that is free.
pub struct Scheduler {
    /// Where the ledgers are.
    pub database: Database,
    /// Whose ledgers.
    pub roster: Arc<Roster>,
    /// Where tickets go.
    pub queue: Arc<dyn Push>,
    /// How often to look; a lost worker's want is found by the first look after its lease has ended.
    pub every: Duration,
}

/// Why a tick could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// The database refused.
    #[error("the database refused: {0}")]
    Database(#[from] DbErr),
    /// The queue refused; the tickets are pushed again later.
    #[error("the queue refused: {0}")]
    Queue(String),
}

impl Scheduler {
    /// Ticks until `stop`. A tick that fails is tried again: nothing is lost, since the next one reads the ledger anew.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut healthy = true;
        while !stop.is_cancelled() {
            match self.tick().instrument(info_span!("tick")).await {
                Ok(()) => healthy = true,
                // Said once, not every second of an outage.
                Err(error) if healthy => {
                    warn!(%error, "tick failed; trying again");
                    healthy = false;
                }
                Err(error) => debug!(%error, "tick failed again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// [`TickError`].
    pub async fn tick(&self) -> Result<(), TickError> {
        for account in self.roster.accounts() {
            for id in account.streams() {
                let span = info_span!("plan", account = id.account, stream = id.stream);
                if replan(&self.database, account, &id).instrument(span).await? {
                    self.warn(account, &id).await?;
                }
            }
        }
        for lane in self.roster.lanes() {
            while let Next::Job(job) = hand_out(&self.database, lane).await? {
                let span = info_span!("push", account = lane.accounts.first(), %job);
                self.queue.push(job).instrument(span).await.map_err(TickError::Queue)?;
            }
        }
        Ok(())
    }

    /// Says, each time that there is something new to ask, what people should look at before it is too late.
    async fn warn(&self, account: &Account, id: &StreamId) -> Result<(), DbErr> {
        let on = self.database.connection();
        let now = self.database.now(on).await?;
        for warning in account.warnings(&ledger::load(on, id).await?, now) {
            warn!(account = id.account, stream = id.stream, warning, "look at this before it is too late");
        }
        Ok(())
    }

    /// Makes the lanes' rows; call once before the first tick.
    ///
    /// # Errors
    /// What the database says.
    pub async fn prepare(&self) -> Result<(), DbErr> {
        for lane in self.roster.lanes() {
            ensure(&self.database, lane).await?;
        }
        Ok(())
    }
}
