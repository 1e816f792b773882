//! Invalid settings end with exit code 3 and a message that names the key and a valid value.

use super::{run_command, run_command_with, unreachable_account};
use crate::harness::{Engine, TestDatabase};

#[tokio::test(flavor = "multi_thread")]
async fn invalid_settings_exit_with_3_and_suggest_a_fix() {
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let good = unreachable_account().file(&made.url, "memory:");
    let with = |key: &str, value: &str| unreachable_account().with(key, value).file(&made.url, "memory:");
    let instead = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        good.replace(from, to)
    };
    let bare = "[server]\nbind = \"127.0.0.1:0\"\n";
    let cases = [
        (instead(bare, "[server]\nbnid = \"127.0.0.1:0\"\n"), "server.bnid", "did you mean server.bind?"),
        (instead(bare, "[sever]\nbind = \"127.0.0.1:0\"\n"), "sever", "did you mean server?"),
        (with("intervall", "5m"), "accounts.a.intervall", "interval"),
        (with("source", "wolkbox"), "accounts.a.source", "wolkvox"),
        (with("lease", "3s"), "accounts.a.lease", "timeout"),
        (with("row_cap", "60001"), "accounts.a.row_cap", "60000"),
        (with("width", "2"), "accounts.a.width", "at most 1"),
        (with("timezone", "America/Bogotá"), "accounts.a.timezone", "America/Bogota"),
        (with("since", "yesterday"), "accounts.a.since", "2026-"),
        (with("base_url", "http://wv0042.wolkvox.com"), "accounts.a.base_url", "https"),
        (with("token_file", "token.txt"), "accounts.a.token_file", "only one"),
        (instead(bare, "[server]\nbind = \"0.0.0.0:8080\"\n"), "server.bind", "operator_token"),
        (instead(bare, "[server]\nbind = \"somewhere\"\n"), "server.bind", "socket address"),
        (instead(&made.url, "mysql://someone:hunter2@host/name"), "database.url", "postgres://"),
        (instead("memory:", "amqp://someone:hunter2@host"), "queue.url", "redis://"),
        (instead(bare, "[worker]\nconcurrency = 0\n"), "worker.concurrency", "16"),
        (instead(bare, "[scheduler]\ntick = \"1m\"\n"), "scheduler.tick", "\"1s\""),
        (instead(bare, "[scheduler]\ntick = \"soon\"\n"), "scheduler.tick", "\"5s\""),
        (instead(bare, "[server]\noperator_token_file = \"nowhere\"\n"), "server.operator_token_file", "cannot read"),
        (instead("[accounts.a]", "[accounts.\"A B\"]"), "accounts.A B", "a-z"),
    ];
    assert_eq!(run_command(&good, &["status"]).await.code, 0, "the settings are valid before each change");
    for (settings, names, says) in cases {
        let output = run_command(&settings, &["status"]).await;
        assert_eq!(output.code, 3, "{names}: {}", output.err);
        assert!(
            output.err.contains(names) && output.err.contains(says) && output.out.is_empty(),
            "{names}, {says}: {}",
            output.err
        );
        assert!(!output.err.contains("hunter2"), "{}", output.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_errors_of_an_account_are_printed_at_once() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let settings = unreachable_account().with("width", "2").with("row_cap", "1").with("sinse", "2026-01-01");
    let output = run_command(&settings.file(&made.url, "memory:"), &["check"]).await;
    assert_eq!(output.code, 3);
    for key in ["accounts.a.width", "accounts.a.row_cap", "accounts.a.sinse"] {
        assert!(output.err.contains(key), "{key}: {}", output.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_secret_is_not_printed() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let good = unreachable_account().file(&made.url, "memory:");
    let slips = [
        good.replace("token = \"a\"", "token = \"hunter2"),
        good.replace("token = \"a\"", "token = hunter2"),
        good.replace("token = \"a\"", "token = \"hunter2\" and more"),
        good.replace("[server]\n", "[server]\noperator_token = [\"hunter2\"]\n"),
        good.replace("[server]\n", "[server]\noperator_token = 48151623\n"),
        good.replace(&made.url, "hunter2@host"),
    ];
    for settings in slips {
        assert_ne!(settings, good);
        let output = run_command(&settings, &["status"]).await;
        assert_eq!(output.code, 3, "{settings}\n{}", output.err);
        let shown = ["hunter2", "48151623"].iter().any(|secret| output.err.contains(secret));
        assert!(!shown && output.err.len() > 20, "{settings}\n{}", output.err);
    }
    let variables = [("CONVOSYNC__DATABASE__URL", "mysql://someone:hunter2@host/name")];
    let output = run_command_with(&variables, &good, &["status"]).await;
    assert!(
        output.code == 3 && output.err.contains("database.url") && !output.err.contains("hunter2"),
        "{}",
        output.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_and_missing_accounts_are_reported() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let good = unreachable_account().file(&made.url, "memory:");
    let elsewhere = run_command(&good, &["status", "--config", "elsewhere.toml"]).await;
    assert!(elsewhere.code == 3 && elsewhere.err.contains("elsewhere.toml"), "{}", elsewhere.err);
    let (head, _) = good.split_once("[accounts.a]").unwrap();
    let output = run_command(head, &["run"]).await;
    assert_eq!(output.code, 3);
    assert!(output.err.contains("no account") && output.err.contains("[accounts.NAME]"), "{}", output.err);
}
