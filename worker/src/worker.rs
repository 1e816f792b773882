//! The worker's pipeline: claim → request → send → parse → judge → commit.

use crate::exchange::{Exchange, ExchangeResult};
use crate::http::Http;
use crate::lease_guard::LeaseGuard;
use crate::rate_limit::RateLimits;
use async_recursion::async_recursion as boxed;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::clock_skew::VendorClock;
use domain::fault::Fault;
use domain::health::Reason;
use domain::job::Purpose;
use domain::judge::{Answer, JudgeContext, Judgement, Verdict, judge};
use domain::source::ResponseSummary;
use domain::ticket::Ticket;
use domain::watchdog::{Progress, Watchdog};
use domain::window::midnight;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes::LaneSpec;
use storage::lanes::claim::Claim;
use storage::lanes::claim::account_of;
use storage::lanes::claim::claim;
use storage::lanes::claim::undispatch;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::lost_attempts::survive_attempt;
use storage::ledger::CommitError;
use storage::ledger::commit::{ExchangeRecord, abandon, commit};
use storage::ledger::intake::Intake;
use storage::ledger::planning::replan;
use storage::upsert::Effect;
use tokio::sync::mpsc::channel;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};

/// Processes tickets. One per process, with any number of tickets at once.
pub struct Worker {
    /// The database with the ledgers.
    pub database: Database,
    /// The accounts and their sources.
    pub accounts: Arc<Accounts>,
    /// The HTTP client.
    pub http: Http,
    /// Smooths this process' own requests, lane by lane.
    pub rates: RateLimits,
    /// The monotonic clock for deadlines on this host.
    pub clock: Arc<dyn Clock>,
    /// Returns random numbers in `[0, 1)` that spread retries.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// Watches the processing of each ticket.
    pub watchdog: Arc<dyn Watchdog>,
    /// The worker's name, shown as the holder of a lane.
    pub name: String,
    /// Cancelled when the worker must claim no further job.
    pub draining: CancellationToken,
}

/// How long a worker continues with jobs of one lane before it takes another ticket from the queue.
const LONGEST_RUN: Duration = Duration::from_secs(30);
/// How long a worker waits for the lane's next job rather than leave it to the next tick.
const LONGEST_IDLE: TimeDelta = TimeDelta::seconds(2);

/// The number of row batches between parsing and storing, so that neither always waits for the other.
const BUFFERED_BATCHES: usize = 3;

impl Worker {
    /// Processes `ticket`, and then the next jobs of the same lane, so that a backfill runs at the vendor's speed and
    /// not at the tick's. Returns when the lane has no job that is ready soon, or after `LONGEST_RUN`.
    #[boxed]
    pub async fn process(&self, ticket: Ticket) {
        let started = self.clock.elapsed();
        let progress = self.watchdog.watch("worker");
        let mut next = Some(ticket);
        while let Some(ticket) = next {
            let span = info_span!("claim", %ticket);
            let lane = match Box::pin(self.process_one(ticket, progress.as_ref())).instrument(span).await {
                Ok(lane) => lane,
                Err(error) => {
                    warn!(%ticket, %error, "the answer was not stored; the job is dispatched again when its lease has ended");
                    self.survive(ticket).await;
                    None
                }
            };
            next = match lane {
                Some(lane) if self.clock.elapsed().saturating_sub(started) < LONGEST_RUN => {
                    self.next_ticket(lane, progress.as_ref()).await
                }
                _ => None,
            };
        }
    }

    /// Notes that this worker has not vanished. Without the note, which a silent database may refuse, the attempt counts as
    /// lost.
    async fn survive(&self, ticket: Ticket) {
        if let Err(error) = survive_attempt(&self.database, ticket).await {
            debug!(%ticket, %error, "cannot note that the worker still runs; the attempt counts as lost");
        }
    }

    /// Processes one ticket from claim to commit. Returns its lane; `None` if the ticket is outdated or the lane is
    /// busy.
    async fn process_one(&self, ticket: Ticket, progress: &dyn Progress) -> Result<Option<&LaneSpec>, CommitError> {
        progress.expect_within(Duration::ZERO);
        if self.draining.is_cancelled() {
            undispatch(&self.database, ticket).await?;
            return Ok(None);
        }
        let Some(account) = account_of(&self.database, ticket).await? else { return Ok(None) };
        let Some((account, lane)) = self.accounts.account(&account).zip(self.accounts.lane(&account)) else {
            return Ok(None);
        };
        let acquiring = self.clock.elapsed();
        let claiming = claim(&self.database, lane, ticket, &self.name);
        let Some(claim) = self.timed("claim", claiming).await? else { return Ok(None) };
        let claimed_at = self.clock.elapsed();
        let lease = LeaseGuard::new(&self.database, self.clock.as_ref(), lane, &claim, acquiring);
        let (rows, mut batches) = channel(BUFFERED_BATCHES);
        let source = account.source.as_ref();
        let rate = self.rates.of_lane(&lane.key, &lane.rules);
        let exchange = Exchange {
            source,
            http: &self.http,
            clock: self.clock.as_ref(),
            claimed_at,
            lease: &lease,
            rate: rate.as_deref(),
            rows,
            progress,
        };
        let stream = source.streams().into_iter().find(|stream| stream.name == claim.stream.stream);
        let mut intake = Intake::new(&self.database, lane, &claim).comparing(stream);
        let storing = async {
            while let Some(batch) = batches.recv().await {
                intake.take(batch).await?;
            }
            Ok::<(), CommitError>(())
        };
        // If the lease is lost meanwhile, the fence would refuse the rows anyway.
        let done = tokio::select! {
            done = async { tokio::try_join!(exchange.run(&claim), storing) } => done,
            () = lease.keep_renewed() => return Err(CommitError::Fenced),
        };
        progress.expect_within(lane.rules.lease);
        let now = claim.now + TimeDelta::from_std(self.clock.elapsed().saturating_sub(acquiring)).unwrap_or_default();
        let lane_use = LaneUse { account, lane, claim: &claim, lease: &lease, now };
        match done {
            Ok((Some(result), ())) => self.commit(&lane_use, intake, result).await?,
            Ok((None, ())) => {
                abandon(&self.database, lane, &claim).await?;
                return Ok(Some(lane));
            }
            // The request was cut off: the vendor may still be working on it.
            Err(CommitError::Database(error)) => self.record_failure(&lane_use, error, false).await?,
            Err(CommitError::Fenced) => return Err(CommitError::Fenced),
        }
        // The quota limits backfills only, so that a live poll need not wait for the question.
        if claim.job.purpose != Purpose::Live {
            self.learn_quota(account, lane).await;
        }
        Ok(Some(lane))
    }

    /// Judges the result of an exchange, and logs the verdict.
    fn judge(&self, on: &LaneUse<'_>, result: Result<&ResponseSummary, &Fault>, elapsed: Duration) -> Judgement {
        let at = JudgeContext {
            now: on.now,
            next_day: next_day(on.lane, on.now),
            jitter: (self.jitter)(),
            previous_request_answered: on.claim.previous_request_answered,
            refusals: on.claim.refusals,
        };
        let answer = result.map(|summary| Answer {
            rows: summary.rows,
            rejects: summary.rejects.len() as u64,
            by_mail: summary.by_mail,
            is_over_budget: summary.is_over_budget,
            open_until: summary.item_status.and_then(|status| status.open_until),
        });
        let job = &on.claim.job;
        let judgement = info_span!("judge")
            .in_scope(|| judge(on.account.source.rules(), job, answer.as_ref().map_err(|fault| *fault), at));
        warn_operator(&on.claim.stream.account, &on.claim.stream.stream, &judgement);
        info!(
            account = on.claim.stream.account,
            stream = on.claim.stream.stream,
            purpose = job.purpose.as_str(),
            window = job.slice.window().map(|window| window.to_string()),
            verdict = judgement.verdict.as_str(),
            rows = result.map_or(0, |summary| summary.rows),
            fault = result.err().map(ToString::to_string),
            elapsed_ms = elapsed.as_millis(),
            "the job was judged"
        );
        judgement
    }

    /// Judges the exchange, counts it in the metrics and commits it. A failure of the database is recorded.
    async fn commit(&self, on: &LaneUse<'_>, intake: Intake<'_>, result: ExchangeResult) -> Result<(), CommitError> {
        let (elapsed, idle) = (result.elapsed, result.idle);
        let judgement = self.judge(on, result.summary.as_ref(), elapsed);
        let name = on.claim.stream.account.clone();
        let outcome = result.summary.as_ref().err().map_or("answer", Fault::kind);
        metrics::counter!("convosync_vendor_requests_total", "account" => name.clone(), "outcome" => outcome)
            .increment(result.requests);
        let late = (on.claim.now - on.claim.job.due).to_std().unwrap_or_default();
        metrics::histogram!("convosync_start_lateness_seconds", "account" => name.clone(), "purpose" => on.claim.job.purpose.as_str())
            .record(late.as_secs_f64());
        let vendor_clock = result.vendor_clock;
        let record = on.record(result.summary, judgement, (elapsed, idle, vendor_clock));
        let judge_again = |result: Result<&ResponseSummary, &Fault>| self.judge(on, result, elapsed);
        let committing = Box::pin(commit(intake, record, judge_again)).instrument(info_span!("commit"));
        let committed = self.timed("commit", on.lease.keep_renewed_during(committing)).await;
        count_commit(&name, &committed);
        match committed {
            Ok(effect) => {
                count_rows(&name, &effect);
                count_reopened_days(on.account, effect.reopened_days);
                Ok(())
            }
            Err(CommitError::Database(error)) => self.record_failure(on, error, idle).await,
            Err(CommitError::Fenced) => Err(CommitError::Fenced),
        }
    }

    /// Records that the database failed while it stored an answer: the job is retried after a wait, the reason is visible,
    /// and the lane is free. Without this the lane would wait for the end of the lease and the cause would be lost.
    async fn record_failure(&self, on: &LaneUse<'_>, error: DbErr, idle: bool) -> Result<(), CommitError> {
        let fault = Fault::Database(error.to_string());
        warn!(account = on.claim.stream.account, stream = on.claim.stream.stream, %error, "the database failed while it stored an answer; the job is retried");
        let judgement = self.judge(on, Err(&fault), Duration::ZERO);
        let record = on.record(Err(fault), judgement.clone(), (Duration::ZERO, idle, None));
        let intake = Intake::new(&self.database, on.lane, on.claim);
        let committing = Box::pin(commit(intake, record, |_| judgement.clone()));
        on.lease.keep_renewed_during(committing).await.map(|_| ())
    }

    /// The lane's next ticket; `None` if no job is ready within [`LONGEST_IDLE`].
    async fn next_ticket(&self, lane: &LaneSpec, progress: &dyn Progress) -> Option<Ticket> {
        while !self.draining.is_cancelled() {
            progress.expect_within(LONGEST_IDLE.to_std().unwrap_or_default());
            match self.timed("dispatch", dispatch(&self.database, lane)).await {
                Ok(Dispatch::Ticket(ticket)) => return Some(ticket),
                Ok(Dispatch::At(next)) => {
                    let wait = next - self.now().await.ok()?;
                    if wait > LONGEST_IDLE {
                        return None;
                    }
                    tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
                }
                // All planned jobs are done; the answers may allow further ones.
                Ok(Dispatch::Nothing) if self.replan(lane).await => {}
                // The scheduler dispatches again once the lane is open, or a job is due.
                Ok(Dispatch::Closed(_) | Dispatch::Nothing) => return None,
                Err(error) => {
                    debug!(%error, "cannot dispatch the lane's next job; the next tick does");
                    return None;
                }
            }
        }
        None
    }

    /// Plans the lane's streams again; returns whether a job was added. A stream that fails stops no other.
    async fn replan(&self, lane: &LaneSpec) -> bool {
        let mut is_new = false;
        for account in lane.accounts.iter().filter_map(|name| self.accounts.account(name)) {
            for id in account.streams() {
                is_new |= replan(&self.database, account, &id).await.unwrap_or_else(|error| {
                    debug!(account = id.account, stream = id.stream, %error, "cannot plan the stream; the next tick does");
                    false
                });
            }
        }
        is_new
    }

    /// Awaits one step, and records how long it took.
    async fn timed<T>(&self, step: &'static str, doing: impl Future<Output = T>) -> T {
        let started = self.clock.elapsed();
        let done = doing.await;
        let took = self.clock.elapsed().saturating_sub(started);
        metrics::histogram!("convosync_step_duration_seconds", "step" => step).record(took);
        done
    }

    async fn now(&self) -> Result<DateTime<Utc>, DbErr> {
        self.database.now(self.database.connection()).await
    }
}

/// What a worker holds while it works on a job.
struct LaneUse<'a> {
    account: &'a Account,
    lane: &'a LaneSpec,
    claim: &'a Claim,
    lease: &'a LeaseGuard<'a>,
    /// When the exchange ended.
    now: DateTime<Utc>,
}

impl LaneUse<'_> {
    fn record(
        &self,
        result: Result<ResponseSummary, Fault>,
        judgement: Judgement,
        (elapsed, idle, vendor_clock): (Duration, bool, Option<VendorClock>),
    ) -> ExchangeRecord {
        let rules = self.account.source.rules().clone();
        ExchangeRecord { rules, sent_at: self.claim.now, elapsed, result, judgement, idle, vendor_clock }
    }
}

fn count_commit(account: &str, committed: &Result<Effect, CommitError>) {
    let outcome = match committed {
        Ok(_) => "stored",
        Err(CommitError::Database(_)) => "failed",
        Err(CommitError::Fenced) => "fenced",
    };
    metrics::counter!("convosync_commits_total", "account" => account.to_owned(), "outcome" => outcome).increment(1);
}

fn count_rows(account: &str, effect: &Effect) {
    metrics::counter!("convosync_rows_gone_total", "account" => account.to_owned()).increment(effect.gone);
    for (kind, rows) in [("inserted", effect.inserted), ("updated", effect.updated), ("unchanged", effect.unchanged)] {
        metrics::counter!("convosync_rows_committed_total", "account" => account.to_owned(), "effect" => kind)
            .increment(rows);
    }
}

/// Counts the days that were final and that an answer of `account` made provisional again.
pub(crate) fn count_reopened_days(account: &Account, days: u64) {
    let (name, source) = (account.source.account().to_owned(), account.source.vendor());
    metrics::counter!("convosync_days_reopened_total", "account" => name, "source" => source).increment(days);
}

/// Warns of a verdict that only an operator can lift: a parked job, or a lane that does not open by itself.
fn warn_operator(account: &str, stream: &str, judgement: &Judgement) {
    if let Verdict::Park(reason) = &judgement.verdict {
        let next_step = "remove the cause, then retry the job: convosync jobs list, convosync jobs retry";
        warn!(account, stream, reason, next_step, "the job waits for an operator");
    }
    if let Some(closure) = judgement.closure.as_ref().filter(|closure| closure.needs_operator()) {
        let reason = Reason::of_closure(closure);
        warn!(account, stream, next_step = reason.next_step(account), "{}", reason.sentence(account));
    }
}

/// The next midnight in the vendor's time zone, where it counts its daily quota ("licences × 1000" a day).
fn next_day(lane: &LaneSpec, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.with_timezone(&lane.zone).date_naive();
    today.succ_opt().map_or(now + TimeDelta::days(1), |day| midnight(day, lane.zone))
}
