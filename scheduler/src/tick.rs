//! One tick: plan each stream, dispatch each lane, push the tickets.

use domain::ticket::{PushError, TicketSink};
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

/// Plans every stream once per tick and pushes a ticket for each job that a free lane can run.
pub struct Scheduler {
    /// The database with the ledgers.
    pub database: Database,
    /// The accounts to plan for.
    pub accounts: Arc<Accounts>,
    /// The queue that receives the tickets.
    pub queue: Arc<dyn TicketSink>,
    /// The time between two ticks. A crashed worker's job is dispatched by the first tick after its lease has ended.
    pub interval: Duration,
}

/// Why a tick ended early. The next tick continues.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// The database returned an error.
    #[error("the scheduler cannot read or write the database: {0}")]
    Database(#[from] DbErr),
    /// The queue refused a ticket. A new ticket is pushed when the dispatch expires.
    #[error("the scheduler cannot push a ticket: {0}")]
    Queue(#[from] PushError),
}

impl Scheduler {
    /// Ticks until `stop`. A failed tick loses nothing: the next one reads the ledger again.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut healthy = true;
        while !stop.is_cancelled() {
            match self.tick().instrument(info_span!("tick")).await {
                Ok(()) => healthy = true,
                // One warning per outage, not one per second.
                Err(error) if healthy => {
                    warn!(%error, "the tick failed; the scheduler tries again at the next tick");
                    healthy = false;
                }
                Err(error) => debug!(%error, "the tick failed again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    /// Plans and dispatches once.
    ///
    /// # Errors
    /// [`TickError`], from the first stream or lane that fails.
    pub async fn tick(&self) -> Result<(), TickError> {
        for account in self.accounts.all() {
            for id in account.streams() {
                let span = info_span!("plan", account = id.account, stream = id.stream);
                if replan(&self.database, account, &id).instrument(span).await? {
                    self.log_warnings(account, &id).await?;
                }
            }
        }
        for lane in self.accounts.lanes() {
            while let Dispatch::Ticket(ticket) = dispatch(&self.database, lane).await? {
                let span = info_span!("push", account = lane.accounts.first(), %ticket);
                self.queue.push(ticket).instrument(span).await?;
            }
        }
        Ok(())
    }

    /// Logs the account's warnings, such as days that the vendor will soon delete. Called when a plan adds jobs, so
    /// that they do not repeat every second.
    async fn log_warnings(&self, account: &Account, id: &StreamId) -> Result<(), DbErr> {
        let snapshot = self.database.snapshot().await?;
        for warning in account.warnings(&ledger::load(&snapshot, id).await?, snapshot.now()) {
            warn!(account = id.account, stream = id.stream, warning, "the account needs an operator's attention");
        }
        Ok(())
    }

    /// Inserts the lanes' rows; call it once, before the first tick.
    ///
    /// # Errors
    /// The database's error.
    pub async fn create_lanes(&self) -> Result<(), DbErr> {
        for lane in self.accounts.lanes() {
            ensure(&self.database, lane).await?;
        }
        Ok(())
    }
}
