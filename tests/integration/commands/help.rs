//! Help texts, shell completions and the printed default settings.

use super::{run_command, run_command_with, unreachable_account};
use crate::harness::{Engine, TestDatabase};

/// The names below `Commands:` in a help text.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_prints_its_help() {
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    let mut seen = Vec::new();
    while let Some(path) = open.pop() {
        let mut line: Vec<&str> = path.iter().map(String::as_str).collect();
        line.push("--help");
        let help = run_command("", &line).await;
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{line:?}");
        let (sentence, usage) = help.out.split_once("\n\nUsage: ").unwrap_or_else(|| panic!("{line:?}: {}", help.out));
        assert!(sentence.split_whitespace().count() >= 2, "the help of {line:?} is too short: {sentence:?}");
        assert!(usage.starts_with("convosync"), "{line:?}: {usage}");
        open.extend(commands(&help.out).into_iter().map(|name| [path.clone(), vec![name]].concat()));
        seen.push(path.join(" "));
    }
    for name in ["demo", "run", "migrate", "check", "status", "coverage", "doctor", "simulate", "config", "completions"]
    {
        assert!(seen.iter().any(|path| path == name), "{name} is missing: {seen:?}");
    }
    for verbs in
        ["backfill start list show pause resume cancel", "jobs list show retry discard", "lanes list close open"]
    {
        let mut words = verbs.split(' ');
        let group = words.next().unwrap();
        for verb in words {
            assert!(seen.contains(&format!("{group} {verb}")), "{group} {verb} is missing: {seen:?}");
        }
    }
    let help = run_command("", &["--help"]).await.out;
    for example in ["convosync demo", "convosync check", "--dry-run", "Exit codes:", "8 a check failed"] {
        assert!(help.contains(example), "no {example}: {help}");
    }
    for (line, example) in [(["run", "--help"], "--role worker"), (["completions", "--help"], "completions bash >")] {
        assert!(run_command("", &line).await.out.contains(example), "{line:?}");
    }
    assert!(
        run_command("", &["backfill", "start", "--help"])
            .await
            .out
            .contains("--from 2026-10-01 --to 2026-10-31 --dry-run")
    );
    assert!(run_command("", &["--version"]).await.out.starts_with("convosync 0."));
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_exist_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run_command("", &["completions", shell]).await;
        assert_eq!((script.code, script.err.as_str()), (0, ""), "{shell}");
        for word in ["convosync", "backfill", "coverage", "dry-run"] {
            assert!(script.out.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(run_command("", &["completions", "abacus"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_default_settings_load() {
    let printed = run_command("", &["config"]).await;
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    for key in ["[database]", "[queue]", "[server]", "[scheduler]", "[worker]", "[log]", "timezone", "row_cap"] {
        assert!(printed.out.contains(key), "the printed settings lack {key}");
    }
    // The printed URL names a file that does not exist.
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let url = [("CONVOSYNC__DATABASE__URL", made.url.as_str())];
    let loaded = run_command_with(&url, &printed.out, &["--output", "json", "status"]).await;
    assert_eq!(loaded.code, 0, "{}", loaded.err);
    assert_eq!(loaded.json()["accounts"].as_array().unwrap().len(), 0);
    // The commented examples are valid accounts, too.
    let (_, examples) = printed.out.split_once("# [accounts.wolkvox_co]").unwrap();
    let lines = examples.lines().map(|line| line.trim_start_matches('#').trim_start()).collect::<Vec<_>>().join("\n");
    let settings =
        format!("{}[accounts.wolkvox_co]{lines}\n", printed.out).replace("\"…\"", "\"secret-of-16-and-more\"");
    let settings = settings.replace("mailbox_ca_file", "# mailbox_ca_file");
    let loaded = run_command_with(&url, &settings, &["--output", "json", "status"]).await;
    assert_eq!(loaded.code, 0, "{}", loaded.err);
    let accounts =
        loaded.json()["accounts"].as_array().unwrap().iter().map(|account| account["name"].clone()).collect();
    let known = serde_json::json!(["certainly_dk", "treble_mx", "truora_co", "ultimate_eu", "wolkvox_co"]);
    assert_eq!(serde_json::Value::Array(accounts), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_usage_errors_need_no_database() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let settings = unreachable_account().file(&made.url, "memory:");
    for line in [&["--help"][..], &["config"], &["completions", "bash"], &["frobnicate"]] {
        run_command(&settings, line).await;
    }
    assert!(!made.database.pending().await.unwrap().is_empty(), "the database has no table");
}
