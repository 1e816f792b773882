//! A loop that panics starts again, one that is stuck is visible at `/livez`, and a process whose loop fails again and again
//! stops.

use crate::harness::{AccountSettings, Engine, TestDatabase, WolkvoxVendor, history, until};
use crate::store::Store;
use chrono::{DateTime, Utc};
use convosync::clock::SystemClock;
use convosync::service::supervisor::Supervisor;
use convosync::service::watchdog::LoopWatchdog;
use convosync::service::{Role, Service};
use convosync::settings::Settings;
use domain::clock::Clock;
use domain::restart::RestartPolicy;
use domain::ticket::{PushError, Ticket, TicketSink};
use scheduler::Scheduler;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use worker::queue::Queue;

/// A clock whose elapsed time also moves when the test says so.
struct MovableClock {
    host: SystemClock,
    ahead: Mutex<Duration>,
}

impl MovableClock {
    fn start() -> Arc<Self> {
        Arc::new(Self { host: SystemClock::start(), ahead: Mutex::default() })
    }

    fn advance(&self, by: Duration) {
        *self.ahead.lock().unwrap() += by;
    }
}

impl Clock for MovableClock {
    fn now(&self) -> DateTime<Utc> {
        self.host.now()
    }

    fn elapsed(&self) -> Duration {
        self.host.elapsed() + *self.ahead.lock().unwrap()
    }
}

/// What a queue does with its next tickets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Push {
    PanicsOnce,
    Panics,
    Hangs,
    Takes,
}

/// A queue that fails as the test says, and notes each ticket.
struct FailingQueue {
    next: Mutex<Push>,
    seen: Mutex<Vec<(Push, Ticket)>>,
}

impl FailingQueue {
    fn new(next: Push) -> Arc<Self> {
        Arc::new(Self { next: Mutex::new(next), seen: Mutex::default() })
    }

    fn count(&self, push: Push) -> usize {
        self.seen.lock().unwrap().iter().filter(|(seen, _)| *seen == push).count()
    }
}

#[async_trait::async_trait]
impl TicketSink for FailingQueue {
    async fn push(&self, ticket: Ticket) -> Result<(), PushError> {
        let next = *self.next.lock().unwrap();
        self.seen.lock().unwrap().push((next, ticket));
        if next == Push::PanicsOnce {
            *self.next.lock().unwrap() = Push::Takes;
        }
        match next {
            Push::PanicsOnce | Push::Panics => panic!("the test's queue panics"),
            Push::Hangs => std::future::pending().await,
            Push::Takes => Ok(()),
        }
    }
}

/// More lanes than a loop may fail.
const LANES: usize = 20;

/// A supervised scheduler over many accounts, each with a lane and work of its own.
struct Supervised {
    clock: Arc<MovableClock>,
    watchdog: LoopWatchdog,
    supervisor: Supervisor,
    queue: Arc<FailingQueue>,
    stop: CancellationToken,
    tasks: TaskTracker,
    _store: Store,
}

impl Supervised {
    async fn start(next: Push) -> Self {
        let names: Vec<String> = (0..LANES).map(|number| format!("a{number}")).collect();
        let accounts: Vec<_> = names.iter().map(|name| (name.as_str(), json!({}))).collect();
        let store = Store::with(Engine::Sqlite, &accounts).await;
        let clock = MovableClock::start();
        let policy =
            RestartPolicy { min: Duration::from_millis(1), max: Duration::from_millis(2), ..Default::default() };
        let watchdog = LoopWatchdog::new(clock.clone(), Duration::from_mins(5));
        let (stop, tasks, queue) = (CancellationToken::new(), TaskTracker::new(), FailingQueue::new(next));
        let supervisor = Supervisor::new(clock.clone(), policy, watchdog.clone(), stop.clone());
        let accounts = Arc::new(store.accounts.clone());
        let tick = Duration::from_millis(10);
        let scheduler = Arc::new(Scheduler::new(store.db().clone(), accounts, queue.clone(), tick));
        let running = stop.clone();
        supervisor.spawn(&tasks, "scheduler", stop.clone(), move |progress| {
            let (scheduler, stop) = (scheduler.clone(), running.clone());
            async move {
                scheduler.run(&stop, progress.as_ref()).await;
                Ok(())
            }
        });
        Self { clock, watchdog, supervisor, queue, stop, tasks, _store: store }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_inside_a_tick_is_survived() {
    let service = Supervised::start(Push::PanicsOnce).await;
    until("the tickets of all other lanes", async || service.queue.count(Push::Takes) >= LANES - 1).await;
    assert_eq!(service.queue.count(Push::PanicsOnce), 1);
    assert_eq!(service.supervisor.failure(), None);
    assert_eq!(service.supervisor.running(), ["scheduler"]);
    assert!(!service.stop.is_cancelled());
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_that_panics_again_and_again_stops_the_process() {
    let service = Supervised::start(Push::Panics).await;
    until("the process to stop", async || service.stop.is_cancelled()).await;
    assert_eq!(service.queue.count(Push::Panics), 6, "the first start and five restarts");
    let failure = service.supervisor.failure().unwrap();
    assert!(failure.contains("the loop scheduler failed 6 times") && failure.contains("it panicked"), "{failure}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_hangs_is_stuck() {
    let service = Supervised::start(Push::Hangs).await;
    until("a push that hangs", async || service.queue.count(Push::Hangs) == 1).await;
    assert_eq!(service.watchdog.stuck_loops(), [], "the scheduler may take a while");
    service.clock.advance(Duration::from_mins(6));
    let names: Vec<_> = service.watchdog.stuck_loops().iter().map(|stuck| stuck.name).collect();
    assert_eq!(names, ["scheduler"]);
}

/// `GET /livez`: the status and the body.
#[expect(clippy::disallowed_methods, reason = "a test asks the service as a supervisor does")]
async fn livez(address: &str) -> (u16, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reply = reqwest::Client::new().get(format!("http://{address}/livez")).send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

/// The queue of a whole service hands out no ticket, because another task holds its output.
#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_loop_turns_livez_to_503_until_it_moves() {
    let vendor = WolkvoxVendor::start(history(2, 20.0)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").with("since", &vendor.days().0);
    let settings = Settings::from_text(&account.file(&database.url, "memory:"), &BTreeMap::new()).unwrap();
    let clock = MovableClock::start();
    let service = Service { clock: clock.clone(), ..Service::open(&settings).await.unwrap() };
    let Queue::Memory { waiting, .. } = service.queue.clone() else { panic!("a queue in process") };
    let held = waiting.lock_owned().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, tasks, roles) =
        (CancellationToken::new(), TaskTracker::new(), [Role::Scheduler, Role::Worker, Role::Server]);
    let stopping = stop.clone();
    tasks.spawn(async move { service.run(&settings, &roles, Some(listener), stopping).await.unwrap() });
    until("the service", async || livez(&address).await == (200, "ok".to_owned())).await;
    clock.advance(Duration::from_hours(1));
    until("the consumer alone to be stuck", async || {
        let (status, body) = livez(&address).await;
        status == 503 && body.lines().count() == 2 && body.starts_with("[-]queue_consumer has not moved for ")
    })
    .await;
    drop(held);
    until("the loop to move", async || livez(&address).await == (200, "ok".to_owned())).await;
    until("rows", async || database.number("SELECT COUNT(*) FROM wolkvox_chats").await > 0).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
