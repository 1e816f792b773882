//! A scheduler and a worker in the process of the test.

use super::TestDatabase;
use domain::clock::Clock;
use domain::watchdog::Unwatched;
use scheduler::Scheduler;
use std::sync::Arc;
use std::time::Duration;
use storage::accounts::Accounts;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use worker::http::Http;
use worker::queue::Queue;
use worker::rate_limit::RateLimits;
use worker::worker::Worker;

/// A scheduler and a worker in this process.
pub struct TestService {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl TestService {
    /// Starts both over `database`, with tickets in process.
    pub async fn start(database: &TestDatabase, accounts: Accounts, clock: Arc<dyn Clock>) -> Self {
        let (stop, tasks, accounts) = (CancellationToken::new(), TaskTracker::new(), Arc::new(accounts));
        let (database, queue) = (database.database.clone(), Queue::open("memory:", "test").await.unwrap());
        let tick = Duration::from_millis(200);
        let scheduler = Scheduler::new(database.clone(), accounts.clone(), Arc::new(queue.clone()), tick);
        scheduler.create_lanes().await.unwrap();
        let worker = Arc::new(Worker {
            database,
            accounts,
            http: Http::new().unwrap(),
            rates: RateLimits::new(clock.clone()),
            clock,
            jitter: Arc::new(|| 0.5),
            watchdog: Arc::new(Unwatched),
            name: "worker-1".to_owned(),
            draining: stop.clone(),
        });
        let (scheduling, working) = (stop.clone(), stop.clone());
        tasks.spawn(async move { scheduler.run(&scheduling, &Unwatched).await });
        let grace = Duration::from_secs(10);
        tasks.spawn(async move { queue.consume(worker, 4, (working, grace), Box::new(Unwatched)).await.unwrap() });
        tasks.close();
        Self { stop, tasks }
    }

    /// Stops both, and waits until nothing is in flight.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}
