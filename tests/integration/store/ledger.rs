//! The ledger loads as it was stored, and concurrent changes are all kept.

use super::{Store, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::backfill::{Mode, Progress};
use domain::coverage::Coverage;
use domain::job::{Job, JobState, Purpose};
use domain::ledger::Ledger;
use domain::pace::Pace;
use domain::slice::Slice;
use domain::week_profile::WeekProfile;
use domain::window::Window;
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use storage::ledger::backfills::{self, BackfillCommand};
use storage::ledger::{StreamId, lock, store};
use tokio::task::JoinSet;

fn hours(now: DateTime<Utc>, from: i64, to: i64) -> Window {
    Window::new(now + TimeDelta::hours(from), now + TimeDelta::hours(to)).unwrap()
}

/// A job for each combination of purpose, state and slice that exists.
fn all_jobs(now: DateTime<Utc>, backfill: i64) -> Vec<Job> {
    let purposes = [Purpose::Live, Purpose::Item, Purpose::Settle, Purpose::Backfill(backfill)];
    let job_states = [
        JobState::Waiting,
        JobState::Dispatched { until: now + TimeDelta::seconds(15) },
        JobState::Running { until: now + TimeDelta::milliseconds(90_123) },
        JobState::Parked { reason: "an operator's \"reason\"".to_owned() },
    ];
    let slices = [
        Slice::Window(hours(now, -30, -29)),
        Slice::Partition("41/7".to_owned(), hours(now, -5, -4)),
        Slice::Item("ключ '1'".to_owned()),
        Slice::Delivery(7),
    ];
    let mut jobs = Vec::new();
    for purpose in purposes {
        for state in &job_states {
            for slice in slices.iter().filter(|slice| purpose == Purpose::Item || !slice.is_named()) {
                let number = u32::try_from(jobs.len()).unwrap();
                let mut job =
                    Job::new(purpose, slice.clone(), now - TimeDelta::minutes(1), Duration::from_millis(1_234));
                job.state = state.clone();
                job.attempt = i32::try_from(number).unwrap();
                (job.failures, job.rechecks) = (number + 1, number + 2);
                job.scope = matches!(slice, Slice::Item(_)).then(|| hours(now, -9, -8)).filter(|_| number % 2 == 0);
                (job.seen_version, job.has_ended) = (job.scope.map(|of| of.to()), number % 3 == 0);
                job.refetch = number % 4 == 0;
                if let Slice::Item(key) = &mut job.slice {
                    // An item has one job.
                    key.push_str(&number.to_string());
                }
                jobs.push(job);
            }
        }
    }
    jobs
}

fn without_ids(ledger: &Ledger) -> Ledger {
    let mut ledger = ledger.clone();
    for job in &mut ledger.jobs {
        assert_ne!(job.id, 0, "a stored job has an id");
        job.id = 0;
    }
    ledger
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_stream_has_an_empty_ledger() {
    check_new_stream(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_stream_has_an_empty_ledger_on_sqlite() {
    check_new_stream(Engine::Sqlite).await;
}

async fn check_new_stream(engine: Engine) {
    let store = Store::fresh(engine).await;
    assert_eq!(store.ledger("new").await, Ledger::default());
    assert_eq!(store.count("streams").await, 0, "loading a ledger writes nothing");
    assert_eq!(store.change("new", |_| {}).await, Ledger::default());
    assert_eq!(
        store.made.texts("SELECT account || ' ' || stream || ' ' || source FROM streams").await,
        ["new chat_8 wolkvox"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_ledger_loads_unchanged() {
    round_trip(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_ledger_loads_unchanged_on_sqlite() {
    round_trip(Engine::Sqlite).await;
}

async fn round_trip(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let streams = ["chat_8".to_owned()];
    let id = backfills::start(store.db(), "a", &streams, hours(now, -48, -24), Mode::All).await.unwrap();
    let mut wanted = Ledger {
        coverage: Coverage::from_stored([
            (hours(now, -90, -80), true),
            (hours(now, -80, -70), false),
            (hours(now, -9, -8), false),
        ]),
        jobs: all_jobs(now, id),
        pace: Pace { rows_per_day: Some(1.0 / 3.0), spread: -0.1, base_seconds: 0.1, seconds_per_row: 1e-7 },
        live_rows_per_day: Some(2.0 / 3.0),
        profile: {
            let mut profile = WeekProfile::default();
            profile.learn(hours(now, -30, -3), 1_234, 777.7);
            profile
        },
        slot: Some(now),
        refreshed: Some(now - TimeDelta::milliseconds(1)),
        since: Some(now - TimeDelta::days(400)),
        ..store.ledger("a").await
    };
    assert_eq!(wanted.backfills.len(), 1);
    wanted.backfills[0].answered = [hours(now, -48, -40), hours(now, -30, -24)].into_iter().collect();
    (wanted.backfills[0].windows_done, wanted.backfills[0].items_done) = (2, 3);
    wanted.backfills[0].rows = 5_000_000_000;
    let stored = store.change("a", |ledger| *ledger = wanted.clone()).await;
    // Items are stored after all others.
    wanted.jobs.sort_by_key(|job| matches!(job.slice, Slice::Item(_)));
    assert_eq!(without_ids(&stored), wanted);
    assert_eq!(store.ledger("b").await, Ledger::default(), "the ledger of another account is unchanged");

    // Some jobs leave, some change and one is new; the held spans join; the rest stays.
    let mut later = stored.clone();
    later.jobs.retain(|job| job.id % 3 != 0);
    later.jobs[1].state = JobState::Parked { reason: String::new() };
    later.jobs[2].due = now + TimeDelta::hours(1);
    later.coverage.settle(hours(now, -80, -8));
    (later.slot, later.pace.rows_per_day, later.live_rows_per_day) = (None, None, None);
    later.backfills[0].answered.add(hours(now, -40, -30));
    let kept = later.clone();
    later.jobs.push(Job::new(Purpose::Live, Slice::Window(hours(now, -2, -1)), now, Duration::ZERO));
    let mut found = store.change("a", |ledger| *ledger = later.clone()).await;
    let new = found.jobs.pop().unwrap();
    assert!(stored.jobs.iter().all(|job| job.id != new.id), "the new job has a new id");
    assert_eq!((new.purpose, new.slice), (Purpose::Live, Slice::Window(hours(now, -2, -1))));
    assert_eq!(found, kept);

    // A ledger without coverage and jobs is valid, too.
    let bare = store.change("a", |ledger| (ledger.coverage, ledger.jobs) = Default::default()).await;
    assert_eq!((bare.coverage, bare.jobs), Default::default());
    assert_eq!(store.count("coverage").await + store.count("jobs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_leaves_the_ledger_when_it_ends_and_stays_while_paused() {
    check_backfills_in_ledgers(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_leaves_the_ledger_when_it_ends_and_stays_while_paused_on_sqlite() {
    check_backfills_in_ledgers(Engine::Sqlite).await;
}

async fn check_backfills_in_ledgers(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let streams = ["chat_8".to_owned(), "another".to_owned()];
    let mut ids = Vec::new();
    for mode in [Mode::Missing, Mode::All, Mode::Missing] {
        ids.push(backfills::start(store.db(), "a", &streams, hours(now, -48, -24), mode).await.unwrap());
    }
    backfills::apply(store.db(), ids[1], BackfillCommand::Pause).await.unwrap();
    backfills::apply(store.db(), ids[2], BackfillCommand::Cancel).await.unwrap();
    let found: Vec<_> =
        store.ledger("a").await.backfills.iter().map(|one| (one.id, one.mode, one.progress, one.window)).collect();
    let window = hours(now, -48, -24);
    assert_eq!(
        found,
        [(ids[0], Mode::Missing, Progress::Running, window), (ids[1], Mode::All, Progress::Paused, window)]
    );

    let ledger = store.change("a", |ledger| ledger.backfills[0].progress = Progress::Done).await;
    assert_eq!(ledger.backfills.iter().map(|one| one.id).collect::<Vec<_>>(), [ids[1]]);
    let state = async || backfills::find(store.db().connection(), ids[0]).await.unwrap().unwrap().0;
    assert_eq!(state().await.state, "running", "its other stream still has open windows");
    let other = StreamId { stream: "another".to_owned(), ..stream("a") };
    let tx = store.db().begin().await.unwrap();
    let before = lock(&tx, &other).await.unwrap();
    let mut after = before.clone();
    after.backfills[0].progress = Progress::Done;
    self::store(&tx, &other, &before, &after, now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((state().await.state.as_str(), state().await.finished_at), ("done", Some(now)));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_a_ledger_are_all_stored() {
    check_concurrent_changes(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_a_ledger_are_all_stored_on_sqlite() {
    check_concurrent_changes(Engine::Sqlite).await;
}

async fn check_concurrent_changes(engine: Engine) {
    const CHANGES_PER_TASK: i64 = 15;
    let made = Store::fresh(engine).await;
    let now = made.now().await;
    let mut changing = JoinSet::new();
    for writer in 0..2 {
        let own = Database::connect(&made.made.url, Arc::new(SystemClock::start())).await.unwrap();
        changing.spawn(async move {
            for turn in 0..CHANGES_PER_TASK {
                let tx = own.begin().await.unwrap();
                let before = lock(&tx, &stream("a")).await.unwrap();
                let mut after = before.clone();
                // Every other hour, so that no two windows join.
                let from = (turn * 2 + writer) * 2;
                after.coverage.hold(hours(now, from, from + 1));
                after.pace.base_seconds += 1.0;
                store(&tx, &stream("a"), &before, &after, now).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    changing.join_all().await;
    let ledger = made.ledger("a").await;
    assert_eq!(ledger.coverage.held().windows().len(), usize::try_from(2 * CHANGES_PER_TASK).unwrap());
    assert!((ledger.pace.base_seconds - Pace::default().base_seconds - 30.0).abs() < 1e-9, "{:?}", ledger.pace);
}
