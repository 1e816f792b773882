//! One tick: plan the streams that may need it, dispatch the lanes that have work, push the tickets; then sleep until the
//! next tick has something to do.

use crate::failure_log::{FailureLog, Step};
use crate::watch::StreamWatch;
use chrono::{DateTime, TimeDelta, Utc};
use domain::health::Reason;
use domain::ticket::{PushError, TicketSink};
use domain::watchdog::{Progress, Unwatched};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use storage::DbErr;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes::LaneSpec;
use storage::lanes::dispatch::{Dispatch, dispatch, next_work};
use storage::lanes::ensure;
use storage::ledger::planning::{replan, revisions};
use storage::ledger::{self, StreamId};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span, warn};

/// Plans streams and pushes a ticket for each job that a free lane can run.
///
/// A quiet tick costs three statements, however many accounts there are: a stream is planned only after its ledger has
/// changed or its next live slot has come, and a lane is locked only if one of its jobs is due. Between two ticks the
/// scheduler sleeps until the next slot, due job, or lost ticket, lease or mail, or until a commit of this process has
/// changed a ledger. It sleeps no longer than `LONGEST_SLEEP`, because it does not notice commits of other processes.
pub struct Scheduler {
    /// The database with the ledgers.
    database: Database,
    /// The accounts to plan for.
    accounts: Arc<Accounts>,
    /// The queue that receives the tickets.
    queue: Arc<dyn TicketSink>,
    /// The shortest time between two ticks. While a lane has work that it cannot start, the scheduler ticks this often.
    interval: Duration,
    /// The streams that need no plan for now.
    watch: Mutex<StreamWatch>,
    /// The streams and lanes that fail.
    failures: FailureLog,
}

/// The longest sleep. An order of another process is seen after that time, and a lease that a worker took since the last tick
/// lasts longer, or ends less than 5 s before the next tick.
const LONGEST_SLEEP: TimeDelta = TimeDelta::seconds(5);

/// Why a part of a tick failed. The next tick tries again.
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
    /// A scheduler whose ticks are at least `interval` apart.
    #[must_use]
    pub fn new(database: Database, accounts: Arc<Accounts>, queue: Arc<dyn TicketSink>, interval: Duration) -> Self {
        Self { database, accounts, queue, interval, watch: Mutex::default(), failures: FailureLog::default() }
    }

    /// Ticks until `stop`, and notes its progress. A failed tick loses nothing: the next one reads the ledger again.
    pub async fn run(&self, stop: &CancellationToken, progress: &dyn Progress) {
        while !stop.is_cancelled() {
            let started = self.database.elapsed();
            let ticked = self.watched_tick(progress).instrument(info_span!("tick")).await;
            let took = self.database.elapsed().saturating_sub(started);
            metrics::histogram!("convosync_step_duration_seconds", "step" => "tick").record(took);
            // The failure log has each error.
            let sleep = ticked.unwrap_or(self.interval);
            progress.expect_within(sleep);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.sleep(sleep) => {}
            }
        }
    }

    /// Sleeps for `longest`, or until a commit changes a ledger; at least for the interval, so that many commits cost no more
    /// than one tick per interval.
    async fn sleep(&self, longest: Duration) {
        tokio::time::sleep(self.interval).await;
        tokio::select! {
            () = self.database.ledger_changed() => {}
            () = tokio::time::sleep(longest.saturating_sub(self.interval)) => {}
        }
    }

    /// Plans and dispatches once; returns how long the scheduler may sleep if nothing changes. A stream or lane that fails
    /// does not stop the others.
    ///
    /// # Errors
    /// [`TickError`] of the first stream or lane that failed.
    pub async fn tick(&self) -> Result<Duration, TickError> {
        self.watched_tick(&Unwatched).await
    }

    async fn watched_tick(&self, progress: &dyn Progress) -> Result<Duration, TickError> {
        progress.expect_within(Duration::ZERO);
        let now = self.database.now(self.database.connection()).await;
        let now = self.failures.note(Step::Read, "clock", now)?;
        // What all streams share may be unreadable because of one of them: then each is looked at by itself.
        let revisions = self.failures.note(Step::Read, "revisions", revisions(&self.database).await);
        let mut result = revisions.as_ref().map(|_| ()).map_err(|error| TickError::from(error.clone()));
        let revisions = revisions.unwrap_or_default();
        for account in self.accounts.all() {
            for id in account.streams() {
                let revision = revisions.get(&id).copied();
                if revision.is_some_and(|revision| self.watch().is_quiet(&id, revision, now)) {
                    continue;
                }
                progress.expect_within(Duration::ZERO);
                let span = info_span!("plan", account = id.account, stream = id.stream);
                let planned = self.plan(account, &id, revision, now).instrument(span).await;
                let planned = self.failures.note(Step::Plan, &format!("{}/{}", id.account, id.stream), planned);
                result = result.and(planned.map_err(TickError::from));
            }
        }
        let next = self.dispatch_lanes(now, progress).await;
        let next = self.watch().next_change().into_iter().fold(next?, DateTime::min);
        result.map(|()| (next - now).to_std().unwrap_or_default())
    }

    /// Dispatches the lanes that have work; returns when to look at them again.
    async fn dispatch_lanes(&self, now: DateTime<Utc>, progress: &dyn Progress) -> Result<DateTime<Utc>, TickError> {
        let next_work = next_work(&self.database, &self.accounts, now).await;
        let next_work = self.failures.note(Step::Read, "work", next_work);
        let mut result =
            next_work.as_ref().map(|_| now + LONGEST_SLEEP).map_err(|error| TickError::from(error.clone()));
        for lane in self.accounts.lanes() {
            // Without the common answer each lane is looked at by itself.
            let work = next_work.as_ref().map_or(Some(now), |next_work| {
                lane.accounts.iter().filter_map(|account| next_work.get(account)).min().copied()
            });
            let Some(work) = work else { continue };
            progress.expect_within(Duration::ZERO);
            let again = if work > now { Ok(Some(work)) } else { self.push_tickets(lane, now).await };
            let name = lane.accounts.first().map_or("", String::as_str);
            match (self.failures.note(Step::Dispatch, name, again), &mut result) {
                (Ok(again), Ok(next)) => *next = again.into_iter().fold(*next, DateTime::min),
                (Err(error), Ok(_)) => result = Err(error),
                (_, Err(_)) => {}
            }
        }
        result
    }

    /// Plans one stream. Without a new job the stream is quiet until its next live slot, or until its ledger changes.
    async fn plan(
        &self,
        account: &Account,
        id: &StreamId,
        revision: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<(), DbErr> {
        if replan(&self.database, account, id).await? {
            return self.log_warnings(account, id).await;
        }
        if let Some(revision) = revision {
            self.watch().set_quiet(id, revision, now, account.source.rules());
        }
        Ok(())
    }

    /// Pushes a ticket for each job that the lane can start. Returns when to try again, because jobs may be left; `None` if an
    /// operator must open the lane first.
    async fn push_tickets(&self, lane: &LaneSpec, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, TickError> {
        loop {
            match dispatch(&self.database, lane).await? {
                Dispatch::Ticket(ticket) => {
                    let span = info_span!("push", account = lane.accounts.first(), %ticket);
                    self.queue.push(ticket).instrument(span).await?;
                }
                Dispatch::Closed(until) => return Ok(until),
                // A worker may release a slot at any moment, also one of another process.
                Dispatch::At(_) | Dispatch::Nothing => {
                    return Ok(Some(now + TimeDelta::from_std(self.interval).unwrap_or(LONGEST_SLEEP)));
                }
            }
        }
    }

    /// Logs what no worker warns of: days that the vendor will soon delete, parked items, a credential that ends. Called
    /// when a plan adds jobs, so that the warnings do not repeat every second.
    async fn log_warnings(&self, account: &Account, id: &StreamId) -> Result<(), DbErr> {
        let snapshot = self.database.snapshot().await?;
        let ledger = ledger::load(&snapshot, id).await?;
        let health = account.stream_health(&id.stream, &ledger, None, snapshot.now());
        let is_logged = |reason: &&Reason| matches!(reason, Reason::DaysExpire { .. } | Reason::ItemsParked { .. });
        let reasons = health.reasons.iter().filter(is_logged);
        let warnings = reasons.map(|reason| reason.text(&id.account)).chain(account.ending(snapshot.now()));
        for warning in warnings {
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

    fn watch(&self) -> std::sync::MutexGuard<'_, StreamWatch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
