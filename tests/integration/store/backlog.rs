//! The sums of a stream's open items.

use super::{Store, stream};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::item_backlog::ItemCounts;
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use std::time::Duration;
use storage::ledger::load;

const ITEMS: i64 = 400;

/// An item that began `minutes` ago, in one of the states that an open item can have.
fn job(now: DateTime<Utc>, number: i64) -> Job {
    let from = now - TimeDelta::minutes(7 * number);
    let scope = Window::new(from, from + TimeDelta::seconds(1));
    let job = Job::new(Purpose::Item, Slice::Item(format!("item {number}")), now, Duration::ZERO);
    let (rechecks, failures, is_parked) = match number % 5 {
        0 => (2, 0, false),
        1 => (0, 3, false),
        2 => (0, 9, true),
        _ => (0, 0, false),
    };
    let state = if is_parked { JobState::Parked { reason: "404".to_owned() } } else { JobState::Waiting };
    // Each seventh is fetched once more, so that its rows stay valid; each eleventh has an unknown time.
    let missing_scope = scope.filter(|_| number % 7 != 0);
    let (scope, missing_scope) = if number % 11 == 0 { (None, None) } else { (scope, missing_scope) };
    Job { scope, missing_scope, rechecks, failures, state, ..job }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sums_of_items_agree_with_the_items() {
    check_sums(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sums_of_items_agree_with_the_items_on_sqlite() {
    check_sums(Engine::Sqlite).await;
}

async fn check_sums(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let all = Window::new(now - TimeDelta::days(30), now + TimeDelta::hours(1)).unwrap();
    store
        .change("a", |ledger| {
            ledger.coverage.settle(all);
            ledger.jobs.extend((0..ITEMS).map(|number| job(now, number)));
        })
        .await;
    let (single, sums) = (store.ledger("a").await, store.ledger_with_sums("a").await);
    assert_eq!((single.jobs.len(), sums.jobs.len()), (400, 0));

    let dated: Vec<&Job> = single.jobs.iter().filter(|job| job.scope.is_some()).collect();
    let count = |is: fn(&Job) -> bool| dated.iter().filter(|job| is(job)).count() as u64;
    let expected = ItemCounts {
        unread: count(|job| job.rechecks == 0 && !job.is_parked()),
        untried: count(|job| job.rechecks + job.failures == 0 && !job.is_parked()),
        open: count(|job| job.rechecks > 0 && !job.is_parked()),
        parked: count(Job::is_parked),
        failures: 9,
    };
    assert_eq!(sums.items.total(), expected);
    assert_eq!(sums.untried_items(), single.untried_items());

    // What the items leave out is left out by the sums, and by no more than the rest of a quarter of an hour.
    let (by_item, by_sums) = (single.effective_coverage(), sums.effective_coverage());
    for window in by_sums.held().windows() {
        assert!(by_item.held().covers(*window), "{window} is held by the sums only");
    }
    for window in by_sums.settled().windows() {
        assert!(by_item.settled().covers(*window), "{window} is final by the sums only");
    }
    let missing = |ledger: &domain::ledger::Ledger| {
        ledger.effective_coverage().held().gaps(all).iter().map(|gap| gap.span().num_seconds()).sum::<i64>()
    };
    assert!(missing(&single) <= missing(&sums) && missing(&sums) < 900 * ITEMS, "{}", missing(&sums));
    let quarter = TimeDelta::minutes(15);
    for blocked in single.blocked() {
        assert!(sums.blocked().iter().any(|window| window.covers(&blocked) && window.span() <= quarter));
    }
    let unread = sums.unread_spans();
    assert!(single.unread_spans().windows().iter().all(|window| unread.covers(*window)));
    assert_eq!(load(&store.snapshot().await, &stream("b")).await.unwrap().items.buckets, []);
}
