//! Operators start, pause, resume and cancel backfills, and retry and discard jobs.

use super::{Store, old_hour};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use std::time::Duration;
use storage::ledger::backfills::{BackfillCommand, BackfillCommandError, apply, find, list, open_jobs, start};
use storage::ledger::jobs::{self, Discard};

async fn start_backfill(store: &Store, mode: Mode) -> i64 {
    let now = store.now().await;
    let window = Window::new(now - TimeDelta::days(12), now - TimeDelta::days(9)).unwrap();
    start(store.db(), "a", &["chat_8".to_owned()], window, mode).await.unwrap()
}

/// Adds one job of the backfill in each state.
async fn add_jobs(store: &Store, id: i64, now: DateTime<Utc>) {
    let until = now + TimeDelta::seconds(60);
    let job_states = [
        JobState::Waiting,
        JobState::Dispatched { until },
        JobState::Running { until },
        JobState::Parked { reason: "too dense".to_owned() },
    ];
    let jobs = job_states.into_iter().zip(0..).map(|(state, hour)| {
        let slice = Slice::Window(old_hour(now, hour));
        let mut job = Job::new(Purpose::Backfill(id), slice, now, Duration::ZERO);
        (job.state, job.failures, job.rechecks) = (state, 5, 3);
        job
    });
    let jobs: Vec<_> = jobs.collect();
    store.change("a", |ledger| ledger.jobs.extend(jobs)).await;
}

async fn job_states(store: &Store, id: i64) -> Vec<String> {
    let sql = format!("SELECT state FROM jobs WHERE backfill_id = {id} ORDER BY state");
    store.made.texts(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_starts_pauses_resumes_and_cancels_a_backfill() {
    check_lifecycle(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_starts_pauses_resumes_and_cancels_a_backfill_on_sqlite() {
    check_lifecycle(Engine::Sqlite).await;
}

async fn check_lifecycle(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, now) = (store.db(), store.now().await);
    let (first, second) = (start_backfill(&store, Mode::Missing).await, start_backfill(&store, Mode::All).await);
    let state = async |id: i64| find(db.connection(), id).await.unwrap().unwrap().0;
    let all = list(db.connection()).await.unwrap();
    assert_eq!(
        all.iter().map(|row| (row.id, row.mode.as_str())).collect::<Vec<_>>(),
        [(second, "all"), (first, "missing")]
    );
    let (row, streams) = find(db.connection(), first).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.finished_at, streams.len()), ("running", None, 1));
    assert_eq!(
        (streams[0].stream.as_str(), streams[0].is_done, streams[0].windows_done, streams[0].rows),
        ("chat_8", false, 0, 0)
    );

    add_jobs(&store, first, now).await;
    add_jobs(&store, second, now).await;
    assert_eq!(open_jobs(db.connection(), first).await.unwrap(), (4, 1));
    apply(db, first, BackfillCommand::Resume).await.unwrap();
    assert_eq!(
        job_states(&store, first).await,
        ["dispatched", "running", "waiting", "waiting"],
        "the parked job is waiting again"
    );
    let freed =
        store.made.number("SELECT COUNT(*) FROM jobs WHERE state = 'waiting' AND failures + rechecks = 0").await;
    assert_eq!(freed, 1, "its failures count from zero again");
    apply(db, first, BackfillCommand::Pause).await.unwrap();
    assert_eq!(state(first).await.state, "paused");
    assert_eq!(job_states(&store, first).await, ["running"], "the running job goes on");
    assert_eq!(job_states(&store, second).await.len(), 4, "another backfill's jobs stay");
    apply(db, first, BackfillCommand::Resume).await.unwrap();
    assert_eq!((state(first).await.state.as_str(), state(first).await.finished_at), ("running", None));
    apply(db, first, BackfillCommand::Cancel).await.unwrap();
    assert_eq!(state(first).await.state, "cancelled");
    assert!(state(first).await.finished_at.is_some_and(|at| at >= now));
    for again in [BackfillCommand::Pause, BackfillCommand::Resume, BackfillCommand::Cancel] {
        let refused = apply(db, first, again).await;
        assert!(
            matches!(&refused, Err(BackfillCommandError::Ended(id, state)) if *id == first && state == "cancelled"),
            "{refused:?}"
        );
    }
    assert!(matches!(apply(db, 999, BackfillCommand::Pause).await, Err(BackfillCommandError::Unknown(999))));
    assert!(find(db.connection(), 999).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_retries_or_discards_jobs_that_are_not_running() {
    check_retry_and_discard(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_retries_or_discards_jobs_that_are_not_running_on_sqlite() {
    check_retry_and_discard(Engine::Sqlite).await;
}

async fn check_retry_and_discard(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, now) = (store.db(), store.now().await);
    add_jobs(&store, 1, now + TimeDelta::hours(1)).await;
    let found = jobs::list(&store.snapshot().await).await.unwrap().jobs;
    assert_eq!(found.iter().map(|job| job.state.as_str()).next(), Some("parked"), "the list starts with parked jobs");
    for (state, retried, discarded) in
        [("waiting", true, true), ("dispatched", false, true), ("running", false, false), ("parked", true, true)]
    {
        let id = found.iter().find(|job| job.state == state).unwrap().id;
        assert_eq!(jobs::retry(db, id).await.unwrap(), retried, "retry {state}");
        if retried {
            let job = jobs::find(db.connection(), id).await.unwrap().unwrap();
            assert_eq!((job.state.as_str(), job.failures, job.rechecks, job.reason), ("waiting", 0, 0, None));
            assert!(job.due_at < now + TimeDelta::minutes(1), "it is due now");
        }
        let outcome = if discarded { Discard::Discarded } else { Discard::NotFound };
        assert_eq!(jobs::discard(db, &store.accounts, id).await.unwrap(), outcome, "discard {state}");
        assert_eq!(jobs::find(db.connection(), id).await.unwrap().is_none(), discarded);
    }
    assert!(!jobs::retry(db, 999).await.unwrap());
    assert_eq!(jobs::discard(db, &store.accounts, 999).await.unwrap(), Discard::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_would_be_planned_again_is_not_discarded() {
    check_owed_jobs(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_would_be_planned_again_is_not_discarded_on_sqlite() {
    check_owed_jobs(Engine::Sqlite).await;
}

async fn check_owed_jobs(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, now) = (store.db(), store.now().await);
    let running = start_backfill(&store, Mode::Missing).await;
    let paused = start_backfill(&store, Mode::Missing).await;
    apply(db, paused, BackfillCommand::Pause).await.unwrap();
    let yesterday = Window::new(now - TimeDelta::days(1), now - TimeDelta::hours(23)).unwrap();
    let cases = [
        (Purpose::Settle, yesterday, Discard::OwedByLiveSync),
        (Purpose::Live, yesterday, Discard::OwedByLiveSync),
        (Purpose::Backfill(running), yesterday, Discard::OwedByLiveSync),
        (Purpose::Backfill(running), old_hour(now, 0), Discard::OwedByBackfill(running)),
        (Purpose::Backfill(paused), old_hour(now, 0), Discard::Discarded),
        (Purpose::Settle, old_hour(now, 0), Discard::Discarded),
    ];
    for (purpose, window, outcome) in cases {
        let mut job = Job::new(purpose, Slice::Window(window), now, Duration::ZERO);
        job.state = JobState::Parked { reason: "too dense".to_owned() };
        let ledger = store.change("a", |ledger| ledger.jobs.push(job)).await;
        let id = ledger.jobs.iter().map(|job| job.id).max().unwrap();
        assert_eq!(jobs::discard(db, &store.accounts, id).await.unwrap(), outcome, "{purpose:?} {window}");
        let is_gone = jobs::find(db.connection(), id).await.unwrap().is_none();
        assert_eq!(is_gone, outcome == Discard::Discarded, "{purpose:?} {window}");
    }
}
