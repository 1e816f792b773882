//! The doors to the outside: who sends, who opens mailboxes, who reads the clock, who reads the environment.

use crate::{
    source::{is_test, lines_with},
    tree::File,
};

/// To vendors, and from the simulated ones to whoever listens for their webhooks.
const SENDERS: [&str; 2] = ["worker/src/http.rs", "simulator/src/sender.rs"];
const MAIL: &str = "worker/src/mail";
const SETTINGS: &str = "cli/src/settings";

/// Every request sent outside the files that send, and their absence.
pub fn senders(files: &[File]) -> Vec<String> {
    let is_sender = |(path, _): &(String, usize)| SENDERS.contains(&path.as_str());
    let (own, others): (Vec<_>, Vec<_>) = find_calls(files, sending).into_iter().partition(is_sender);
    let mut broken = complaints(&others, "sends a request");
    for sender in SENDERS.iter().filter(|sender| own.iter().all(|(path, _)| path != *sender)) {
        broken.push(format!("{sender}: nothing is sent there; it must be a file that sends"));
    }
    broken
}

/// Every mailbox opened outside the folder that opens them, and its absence there.
pub fn mailboxes(files: &[File]) -> Vec<String> {
    let opening = |text: &str| lines_with(text, "async_imap");
    let (own, others): (Vec<_>, Vec<_>) =
        find_calls(files, opening).into_iter().partition(|(path, _)| path.starts_with(MAIL));
    let mut broken = complaints(&others, "opens a mailbox");
    if own.is_empty() {
        broken.push(format!("{MAIL}: no file there opens a mailbox; it must be the one that does"));
    }
    broken
}

/// Every wall clock beyond the first, and its absence.
pub fn clocks(files: &[File]) -> Vec<String> {
    let reading = |text: &str| lines_with_any(text, &["Utc::now", "Local::now", "SystemTime::now"]);
    let found = find_calls(files, reading);
    let first = found.first().map(|(path, _)| path.clone());
    if first.is_none() {
        return vec!["no file reads the wall clock; one must".to_owned()];
    }
    if found.iter().all(|(path, _)| Some(path) == first.as_ref()) {
        Vec::new()
    } else {
        complaints(&found, "reads the wall clock")
    }
}

/// Every look into the environment outside the settings, and its absence there.
pub fn environment(files: &[File]) -> Vec<String> {
    // The needle is the beginning of all four: var, var_os, vars, vars_os.
    let reading = |text: &str| lines_with(text, "env::var");
    let (own, others): (Vec<_>, Vec<_>) =
        find_calls(files, reading).into_iter().partition(|(path, _)| path.starts_with(SETTINGS));
    let mut broken = complaints(&others, "reads the environment");
    if own.is_empty() {
        broken.push(format!("{SETTINGS}: no file there reads the environment; it must be the one that does"));
    }
    broken
}

/// `.execute(` is a query too, so it counts only where reqwest is at hand; a channel's `send` takes an argument.
fn sending(text: &str) -> Vec<usize> {
    let mut lines = lines_with_any(text, &[".send()", "RequestBuilder::send", "reqwest::get(", "Client::execute"]);
    if !lines_with(text, "reqwest").is_empty() {
        lines.extend(lines_with(text, ".execute("));
    }
    lines
}

fn lines_with_any(text: &str, needles: &[&str]) -> Vec<usize> {
    needles.iter().flat_map(|needle| lines_with(text, needle)).collect()
}

fn find_calls(files: &[File], find: impl Fn(&str) -> Vec<usize>) -> Vec<(String, usize)> {
    files
        .iter()
        .filter(|file| !is_test(&file.path))
        .flat_map(|file| find(&file.text).into_iter().map(|line| (file.path.clone(), line)))
        .collect()
}

fn complaints(calls: &[(String, usize)], what: &str) -> Vec<String> {
    calls.iter().map(|(path, line)| format!("{path}:{line} {what}")).collect()
}

#[cfg(test)]
fn sample_files<const N: usize>(files: [(&str, &str); N]) -> Vec<File> {
    files.map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() }).into()
}

#[test]
fn a_call_that_sends_outside_the_clients_is_reported() {
    let text = "fn f() { client.get(url).send() }";
    let with = |path, text| {
        sample_files([
            (SENDERS[0], "fn f() { client.get(url).send() }"),
            (SENDERS[1], "f(client.get(url).send())"),
            (path, text),
        ])
    };
    assert!(senders(&with("b.rs", "fn f() {}")).is_empty());
    assert_eq!(senders(&with("cli/src/check.rs", "fn f() { a\n.send() }")), ["cli/src/check.rs:2 sends a request"]);
    assert_eq!(senders(&with("a.rs", "use reqwest::Client; fn f() { client.execute(request) }")).len(), 1);
    assert!(senders(&with("a.rs", "fn f() { tx.send(1); db.execute(query) }")).is_empty());
    assert!(senders(&with("worker/tests/http.rs", text)).is_empty());
    assert_eq!(senders(&[]).len(), 2);
}

#[test]
fn a_mailbox_opened_outside_the_mail_module_is_reported() {
    let mail = ("worker/src/mail/imap.rs", "use async_imap::Session;");
    assert!(mailboxes(&sample_files([mail])).is_empty());
    assert_eq!(mailboxes(&sample_files([mail, ("cli/src/a.rs", "async_imap::Client::new(stream)")])).len(), 1);
    assert_eq!(mailboxes(&[]).len(), 1);
}

#[test]
fn a_second_wall_clock_is_reported() {
    let clock = ("cli/src/clock.rs", "fn f() { Utc::now() }");
    assert!(clocks(&sample_files([clock, ("a.rs", "// Utc::now() is the caller's\nfn f() {}")])).is_empty());
    assert_eq!(clocks(&sample_files([clock, ("a.rs", "fn f() { std::time::SystemTime::now() }")])).len(), 2);
    assert_eq!(clocks(&sample_files([clock, ("a.rs", "fn f() { at.unwrap_or_else(Utc::now) }")])).len(), 2);
    assert_eq!(clocks(&[]).len(), 1);
}

#[test]
fn a_read_of_the_environment_outside_the_settings_is_reported() {
    let settings = ("cli/src/settings/load.rs", "fn f() { std::env::vars() }");
    assert!(environment(&sample_files([settings])).is_empty());
    assert_eq!(environment(&sample_files([settings, ("worker/src/lib.rs", "fn f() { env::var(\"A\") }")])).len(), 1);
    assert!(
        environment(&sample_files([settings, ("a.rs", "const A: &str = env!(\"A\"); fn f() { env::args() }")]))
            .is_empty()
    );
    assert_eq!(environment(&[]).len(), 1);
}
