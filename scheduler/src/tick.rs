//! tick → plan → push

use domain::ticket::Push;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::ensure;
use storage::ledger::planning::replan;
use storage::ledger::{self, StreamId};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info_span, warn};

/// Looks at every ledger once a tick, jobs what is worth claiming, and pushes a ticket for each lane that is free.
pub struct Scheduler {
    /// Where the ledgers are.
    pub database: Database,
    /// Whose ledgers.
    pub accounts: Arc<Accounts>,
    /// Where tickets go.
    pub queue: Arc<dyn Push>,
    /// How often to look; a lost worker's job is found by the first look after its lease has ended.
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
        for account in self.accounts.all() {
            for id in account.streams() {
                let span = info_span!("plan", account = id.account, stream = id.stream);
                if replan(&self.database, account, &id).instrument(span).await? {
                    self.warn(account, &id).await?;
                }
            }
        }
        for lane in self.accounts.lanes() {
            while let Dispatch::Ticket(ticket) = dispatch(&self.database, lane).await? {
                let span = info_span!("push", account = lane.accounts.first(), %ticket);
                self.queue.push(ticket).instrument(span).await.map_err(TickError::Queue)?;
            }
        }
        Ok(())
    }

    /// Says, each time that there is something new to ask, what people should look at before it is too late.
    async fn warn(&self, account: &Account, id: &StreamId) -> Result<(), DbErr> {
        let snapshot = self.database.snapshot().await?;
        for warning in account.warnings(&ledger::load(&snapshot, id).await?, snapshot.now()) {
            warn!(account = id.account, stream = id.stream, warning, "look at this before it is too late");
        }
        Ok(())
    }

    /// Makes the lanes' rows; call once before the first tick.
    ///
    /// # Errors
    /// What the database says.
    pub async fn prepare(&self) -> Result<(), DbErr> {
        for lane in self.accounts.lanes() {
            ensure(&self.database, lane).await?;
        }
        Ok(())
    }
}
