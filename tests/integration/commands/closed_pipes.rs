//! A command ends quietly when the reader of its output, such as `head`, closes the pipe.

use super::store_and_settings;
use crate::harness::{Process, convosync_with_closed_pipe, free_address, within};
use chrono::TimeDelta;
use domain::job::{Job, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use std::time::Duration;

/// Runs a command whose stdout is closed after `bytes` bytes. Returns the exit code and stderr.
async fn run(settings: &str, arguments: &[&str], bytes: usize) -> (Option<i32>, String) {
    let output = convosync_with_closed_pipe(settings, arguments, bytes).await;
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_ends_quietly_with_a_closed_pipe() {
    let (_store, settings) = store_and_settings().await;
    for line in [
        "status",
        "--output json status",
        "coverage a",
        "backfill list",
        "jobs list",
        "--output json jobs list",
        "lanes list",
        "--output json doctor",
        "config",
        "completions bash",
        "--help",
    ] {
        let (code, said) = run(&settings, &line.split(' ').collect::<Vec<_>>(), 0).await;
        assert_eq!(code, Some(0), "{line}: {said}");
        assert!(!said.contains("pipe") && !said.contains("panic"), "{line}: {said}");
    }
}

/// The list does not fit into the buffer of the pipe, so that the command still writes when the reader leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_ends_quietly_when_the_reader_has_enough() {
    let (store, settings) = store_and_settings().await;
    let now = store.now().await;
    let window = |number: i64| {
        let from = now - TimeDelta::days(30) + TimeDelta::minutes(number);
        Slice::Window(Window::new(from, from + TimeDelta::minutes(1)).unwrap())
    };
    let jobs = (0..600).map(|number| Job::new(Purpose::Settle, window(number), now, Duration::ZERO));
    store.change("a", |ledger| ledger.jobs.extend(jobs)).await;
    for output in ["table", "json"] {
        let ended = run(&settings, &["--output", output, "jobs", "list"], 100).await;
        assert_eq!(ended, (Some(0), String::new()), "{output}");
    }
}

/// A script asks for the verdict by the exit code, whether it reads the table or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_check_still_fails_with_a_closed_pipe() {
    let (_store, settings) = store_and_settings().await;
    let (code, said) = run(&settings, &["coverage", "a", "--require", "final"], 0).await;
    assert!(code == Some(8) && !said.contains("pipe"), "{code:?} {said}");
}

/// Nobody reads the log: the service goes on, and ends as usual.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_outlives_the_reader_of_its_log() {
    let (_store, settings) = store_and_settings().await;
    let server = free_address();
    let settings = settings.replace("127.0.0.1:0", &server.to_string());
    let mut process = Process::run_without_log(&settings, &[]);
    let connects = async || tokio::net::TcpStream::connect(server).await.is_ok();
    within(Duration::from_secs(30), "the server", connects).await;
    process.signal("TERM");
    assert_eq!(process.ended(Duration::from_secs(30)).await.code(), Some(0));
}
