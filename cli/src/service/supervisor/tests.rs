//! The log and the decisions of the supervisor.

use super::{LoopName, Supervisor};
use crate::clock::SystemClock;
use crate::service::watchdog::LoopWatchdog;
use domain::restart::RestartPolicy;
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// The log lines of one test, which runs on one thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn collect(&self) -> DefaultGuard {
        let lines = tracing_subscriber::fmt().with_writer(self.clone()).with_ansi(false).finish();
        tracing::subscriber::set_default(lines)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Runs a loop that ends as `end` says, given the number of its start, until all tasks have ended.
async fn run(
    name: impl Into<LoopName>,
    end: impl Fn(u32, &CancellationToken) -> Result<(), String> + Send + Sync + 'static,
) -> (Supervisor, u32, CancellationToken) {
    let clock = Arc::new(SystemClock::start());
    let policy = RestartPolicy { min: Duration::from_millis(1), max: Duration::from_millis(1), ..Default::default() };
    let watchdog = LoopWatchdog::new(clock.clone(), Duration::from_mins(5));
    let (stop, tasks, starts) = (CancellationToken::new(), TaskTracker::new(), Arc::<AtomicU32>::default());
    let supervisor = Supervisor::new(clock, policy, watchdog, stop.clone());
    let (counted, end, token) = (starts.clone(), Arc::new(end), stop.clone());
    supervisor.spawn(&tasks, name, stop.clone(), move |_| {
        let (start, end, token) = (counted.fetch_add(1, Ordering::SeqCst), end.clone(), token.clone());
        async move { end(start, &token) }
    });
    tasks.close();
    tasks.wait().await;
    assert!(supervisor.running().is_empty());
    (supervisor, starts.load(Ordering::SeqCst), stop)
}

#[tokio::test]
async fn a_panic_is_logged_with_the_loops_name_and_the_loop_starts_again() {
    let lines = Lines::default();
    let _collecting = lines.collect();
    let name = LoopName { role: "mailbox", accounts: Some("shop_bot".to_owned()) };
    let (supervisor, starts, _) = run(name, |start, stop| {
        assert!(start > 0, "the first start of a test's loop");
        stop.cancel();
        Ok(())
    })
    .await;
    assert_eq!((starts, supervisor.failure()), (2, None));
    let text = lines.text();
    assert!(text.contains("ERROR") && text.contains("name=mailbox of shop_bot"), "{text}");
    assert!(text.contains("reason=\"it panicked\"") && text.contains("it starts again"), "{text}");
}

#[tokio::test]
async fn a_loop_that_ends_by_itself_again_and_again_stops_the_process() {
    let lines = Lines::default();
    let _collecting = lines.collect();
    let (supervisor, starts, stop) = run("scheduler", |_, _| Ok(())).await;
    assert_eq!((starts, stop.is_cancelled()), (6, true));
    let failure = supervisor.failure().unwrap();
    assert!(failure.contains("the loop scheduler failed 6 times within 600 s"), "{failure}");
    assert!(failure.contains("it ended by itself"), "{failure}");
    assert_eq!(lines.text().matches("ERROR").count(), 6, "{}", lines.text());
    assert!(lines.text().contains("the process stops"), "{}", lines.text());
}

#[tokio::test]
async fn a_loop_that_fails_while_the_process_stops_does_not_start_again() {
    let lines = Lines::default();
    let _collecting = lines.collect();
    let (supervisor, starts, _) = run("server", |_, stop| {
        stop.cancel();
        Err("the listener is closed".to_owned())
    })
    .await;
    assert_eq!((starts, supervisor.failure()), (1, None));
    assert!(lines.text().contains("the listener is closed"), "{}", lines.text());
}
