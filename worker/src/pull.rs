//! The straight line: acquire → ask → send → read → judge → commit.

use crate::exchange::{Heard, Line};
use crate::http::Http;
use crate::turn::Turn;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use domain::job::Job;
use domain::judge::{Answer, Circumstances, Judgement, judge};
use domain::window::midnight;
use entities::DbErr;
use entities::commit::{CommitError, Exchange, commit, give_up};
use entities::database::Database;
use entities::intake::Intake;
use entities::lanes::{LaneSpec, Next, account_of, claim, give_back, hand_out};
use entities::planning::replan;
use entities::roster::{Account, Roster};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::channel;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};

/// Works on tickets. One per process; any number of tickets at once.
pub struct Worker {
    /// Where the ledgers are.
    pub database: Database,
    /// How to ask.
    pub roster: Arc<Roster>,
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
    /// Works on `job`, and then on whatever the same lane has next: a backfill runs at the vendor's speed, not at the
    /// tick's. Returns once the lane has nothing ready, or others have waited long enough.
    pub async fn work(&self, job: Job) {
        let started = self.clock.elapsed();
        let mut next = Some(job);
        while let Some(job) = next {
            let span = info_span!("acquire", %job);
            let pulled = Box::pin(self.pull(job)).instrument(span).await.unwrap_or_else(|error| {
                warn!(%job, %error, "not stored; asked again once the lease has ended");
                None
            });
            next = match pulled {
                Some(lane) if self.clock.elapsed().saturating_sub(started) < CHAIN => self.follow(lane).await,
                _ => None,
            };
        }
    }

    /// One ticket, from the lane to the ledger. Returns the lane it was on; `None` where there was nothing to do.
    async fn pull(&self, job: Job) -> Result<Option<&LaneSpec>, CommitError> {
        if self.draining.is_cancelled() {
            give_back(&self.database, job).await?;
            return Ok(None);
        }
        let Some(account) = account_of(&self.database, job).await? else { return Ok(None) };
        let Some((account, lane)) = self.roster.account(&account).zip(self.roster.lane(&account)) else {
            return Ok(None);
        };
        let acquiring = self.clock.elapsed();
        let Some(claimed) = claim(&self.database, lane, job, &self.name).await? else { return Ok(None) };
        let turn = Turn::new(&self.database, self.clock.as_ref(), lane, &claimed, acquiring);
        let (rows, mut arriving) = channel(ARRIVING);
        let source = account.source.as_ref();
        let line = Line { source, http: &self.http, clock: self.clock.as_ref(), turn: &turn, rows };
        let mut intake = Intake::new(&self.database, lane, &claimed);
        let taking = async {
            while let Some(batch) = arriving.recv().await {
                intake.take(batch).await?;
            }
            Ok::<(), CommitError>(())
        };
        // Where the lease is lost while we ask, what comes back could not be stored anyway.
        let (heard, ()) = tokio::select! {
            both = async { tokio::try_join!(line.ask(&claimed), taking) } => both?,
            () = turn.keep() => return Err(CommitError::Fenced),
        };
        let Some(heard) = heard else {
            give_up(&self.database, lane, &claimed).await?;
            return Ok(Some(lane));
        };
        let now = claimed.now + TimeDelta::from_std(self.clock.elapsed().saturating_sub(acquiring)).unwrap_or_default();
        let at = Circumstances {
            now,
            next_day: next_day(lane, now),
            jitter: (self.jitter)(),
            others_answer: claimed.others_answer,
        };
        let answer = heard.step.as_ref().map(|step| Answer {
            rows: step.rows,
            rejects: step.rejects.len() as u64,
            awaited: step.awaited,
            open: step.found.and_then(|found| found.open_until),
        });
        let judgement = info_span!("judge")
            .in_scope(|| judge(account.source.rules(), &claimed.want, answer.as_ref().map_err(|fault| *fault), at));
        info!(
            account = claimed.stream.account,
            stream = claimed.stream.stream,
            purpose = claimed.want.purpose.as_str(),
            window = claimed.want.slice.window().map(|window| window.to_string()),
            verdict = judgement.verdict.as_str(),
            rows = heard.step.as_ref().map_or(0, |step| step.rows),
            fault = heard.step.as_ref().err().map(ToString::to_string),
            elapsed_ms = heard.elapsed.as_millis(),
            "judged"
        );
        self.commit(account, intake, heard, judgement).instrument(info_span!("commit")).await?;
        Ok(Some(lane))
    }

    async fn commit(
        &self,
        of: &Account,
        intake: Intake<'_>,
        heard: Heard,
        judgement: Judgement,
    ) -> Result<(), CommitError> {
        let claimed = intake.claimed();
        let account = claimed.stream.account.clone();
        let outcome = heard.step.as_ref().err().map_or("answer", domain::fault::Fault::kind);
        metrics::counter!("convosync_vendor_requests_total", "account" => account.clone(), "outcome" => outcome)
            .increment(heard.requests);
        let late = (claimed.now - claimed.want.due).to_std().unwrap_or_default();
        metrics::histogram!("convosync_start_lateness_seconds", "account" => account.clone(), "purpose" => claimed.want.purpose.as_str())
            .record(late.as_secs_f64());
        let exchange = Exchange {
            rules: of.source.rules().clone(),
            asked_at: claimed.now,
            elapsed: heard.elapsed,
            heard: heard.step,
            judgement,
            idle: heard.idle,
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
    async fn follow(&self, lane: &LaneSpec) -> Option<Job> {
        while !self.draining.is_cancelled() {
            match hand_out(&self.database, lane).await {
                Ok(Next::Job(job)) => return Some(job),
                Ok(Next::At(turn)) => {
                    let wait = turn - self.now().await.ok()?;
                    if wait > SOON {
                        return None;
                    }
                    tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
                }
                // What was planned is done, but there may be more to plan.
                Ok(Next::Nothing) => match self.replan(lane).await {
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
        for account in lane.accounts.iter().filter_map(|name| self.roster.account(name)) {
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
