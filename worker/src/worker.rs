//! The straight line: acquire → ask → send → read → judge → commit.

use crate::exchange::{Exchange, ExchangeResult};
use crate::http::Http;
use crate::lease_guard::LeaseGuard;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::judge::{Answer, Circumstances, Judgement, judge};
use domain::ticket::Ticket;
use domain::window::midnight;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes::LaneSpec;
use storage::lanes::claim::account_of;
use storage::lanes::claim::claim;
use storage::lanes::claim::undispatch;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::ledger::CommitError;
use storage::ledger::commit::{ExchangeRecord, abandon, commit};
use storage::ledger::intake::Intake;
use storage::ledger::planning::replan;
use tokio::sync::mpsc::channel;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};

/// Works on tickets. One per process; any number of tickets at once.
pub struct Worker {
    /// Where the ledgers are.
    pub database: Database,
    /// How to ask.
    pub accounts: Arc<Accounts>,
    /// The only way out.
    pub http: Http,
    /// For deadlines on this host.
    pub clock: Arc<dyn Clock>,
    /// Numbers in `[0, 1)`.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// Who holds a lane, for people.
    pub name: String,
    /// Set when no new work is to be taken up.
    pub draining: CancellationToken,
}

/// How long one ticket may lead to the next on the same lane before other lanes get their turn.
const CHAIN: Duration = Duration::from_secs(30);
/// How long it is worth waiting for a lane to come free, rather than leaving it to the next tick.
const SOON: TimeDelta = TimeDelta::seconds(2);

/// Batches between reading and storing: enough that neither waits for the other all the time.
const ARRIVING: usize = 3;

impl Worker {
    /// Works on `ticket`, and then on whatever the same lane has next: a backfill runs at the vendor's speed, not at the
    /// tick's. Returns once the lane has nothing ready, or others have waited long enough.
    pub async fn work(&self, ticket: Ticket) {
        let started = self.clock.elapsed();
        let mut next = Some(ticket);
        while let Some(ticket) = next {
            let span = info_span!("acquire", %ticket);
            let pulled = Box::pin(self.pull(ticket)).instrument(span).await.unwrap_or_else(|error| {
                warn!(%ticket, %error, "not stored; asked again once the lease has ended");
                None
            });
            next = match pulled {
                Some(lane) if self.clock.elapsed().saturating_sub(started) < CHAIN => self.follow(lane).await,
                _ => None,
            };
        }
    }

    /// One ticket, from the lane to the ledger. Returns the lane it was on; `None` where there was nothing to do.
    async fn pull(&self, ticket: Ticket) -> Result<Option<&LaneSpec>, CommitError> {
        if self.draining.is_cancelled() {
            undispatch(&self.database, ticket).await?;
            return Ok(None);
        }
        let Some(account) = account_of(&self.database, ticket).await? else { return Ok(None) };
        let Some((account, lane)) = self.accounts.account(&account).zip(self.accounts.lane(&account)) else {
            return Ok(None);
        };
        let acquiring = self.clock.elapsed();
        let Some(claimed) = claim(&self.database, lane, ticket, &self.name).await? else { return Ok(None) };
        let lease = LeaseGuard::new(&self.database, self.clock.as_ref(), lane, &claimed, acquiring);
        let (rows, mut arriving) = channel(ARRIVING);
        let source = account.source.as_ref();
        let exchange = Exchange { source, http: &self.http, clock: self.clock.as_ref(), lease: &lease, rows };
        let mut intake = Intake::new(&self.database, lane, &claimed);
        let taking = async {
            while let Some(batch) = arriving.recv().await {
                intake.take(batch).await?;
            }
            Ok::<(), CommitError>(())
        };
        // Where the lease is lost while we ask, what comes back could not be stored anyway.
        let (result, ()) = tokio::select! {
            both = async { tokio::try_join!(exchange.run(&claimed), taking) } => both?,
            () = lease.keep() => return Err(CommitError::Fenced),
        };
        let Some(result) = result else {
            abandon(&self.database, lane, &claimed).await?;
            return Ok(Some(lane));
        };
        let now = claimed.now + TimeDelta::from_std(self.clock.elapsed().saturating_sub(acquiring)).unwrap_or_default();
        let at = Circumstances {
            now,
            next_day: next_day(lane, now),
            jitter: (self.jitter)(),
            others_answer: claimed.others_answer,
        };
        let answer = result.summary.as_ref().map(|summary| Answer {
            rows: summary.rows,
            rejects: summary.rejects.len() as u64,
            awaited: summary.awaited,
            open: summary.item_status.and_then(|found| found.open_until),
        });
        let judgement = info_span!("judge")
            .in_scope(|| judge(account.source.rules(), &claimed.job, answer.as_ref().map_err(|fault| *fault), at));
        info!(
            account = claimed.stream.account,
            stream = claimed.stream.stream,
            purpose = claimed.job.purpose.as_str(),
            window = claimed.job.slice.window().map(|window| window.to_string()),
            verdict = judgement.verdict.as_str(),
            rows = result.summary.as_ref().map_or(0, |summary| summary.rows),
            fault = result.summary.as_ref().err().map(ToString::to_string),
            elapsed_ms = result.elapsed.as_millis(),
            "judged"
        );
        self.commit(account, intake, result, judgement).instrument(info_span!("commit")).await?;
        Ok(Some(lane))
    }

    async fn commit(
        &self,
        of: &Account,
        intake: Intake<'_>,
        result: ExchangeResult,
        judgement: Judgement,
    ) -> Result<(), CommitError> {
        let claimed = intake.claimed();
        let account = claimed.stream.account.clone();
        let outcome = result.summary.as_ref().err().map_or("answer", domain::fault::Fault::kind);
        metrics::counter!("convosync_vendor_requests_total", "account" => account.clone(), "outcome" => outcome)
            .increment(result.requests);
        let late = (claimed.now - claimed.job.due).to_std().unwrap_or_default();
        metrics::histogram!("convosync_start_lateness_seconds", "account" => account.clone(), "purpose" => claimed.job.purpose.as_str())
            .record(late.as_secs_f64());
        let exchange = ExchangeRecord {
            rules: of.source.rules().clone(),
            sent_at: claimed.now,
            elapsed: result.elapsed,
            result: result.summary,
            judgement,
            idle: result.idle,
        };
        let effect = commit(intake, exchange).await?;
        for (kind, rows) in
            [("inserted", effect.inserted), ("updated", effect.updated), ("unchanged", effect.unchanged)]
        {
            metrics::counter!("convosync_rows_committed_total", "account" => account.clone(), "effect" => kind)
                .increment(rows);
        }
        Ok(())
    }

    /// The lane's next ticket, where it comes within moments.
    async fn follow(&self, lane: &LaneSpec) -> Option<Ticket> {
        while !self.draining.is_cancelled() {
            match dispatch(&self.database, lane).await {
                Ok(Dispatch::Ticket(ticket)) => return Some(ticket),
                Ok(Dispatch::At(turn)) => {
                    let wait = turn - self.now().await.ok()?;
                    if wait > SOON {
                        return None;
                    }
                    tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
                }
                // What was planned is done, but there may be more to plan.
                Ok(Dispatch::Nothing) => match self.replan(lane).await {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return None,
                },
                Err(error) => {
                    debug!(%error, "the next tick will find what is next");
                    return None;
                }
            }
        }
        None
    }

    async fn replan(&self, lane: &LaneSpec) -> Result<bool, DbErr> {
        let mut is_new = false;
        for account in lane.accounts.iter().filter_map(|name| self.accounts.account(name)) {
            for id in account.streams() {
                is_new |= replan(&self.database, account, &id).await?;
            }
        }
        Ok(is_new)
    }

    async fn now(&self) -> Result<DateTime<Utc>, DbErr> {
        self.database.now(self.database.connection()).await
    }
}

/// The next midnight where the vendor is: "licences × 1000 a day", counted there.
fn next_day(lane: &LaneSpec, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.with_timezone(&lane.zone).date_naive();
    today.succ_opt().map_or(now + TimeDelta::days(1), |day| midnight(day, lane.zone))
}
