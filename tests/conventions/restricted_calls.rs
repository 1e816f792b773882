//! Calls that only some files may make: they send requests, open mailboxes, read the clock or read the environment.

use crate::{
    source::{is_test, lines_with},
    tree::File,
};

/// The worker sends requests to vendors, and the simulator sends webhooks.
const SENDERS: [&str; 2] = ["worker/src/http.rs", "simulator/src/sender.rs"];
const MAIL: &str = "worker/src/mail";
const SETTINGS: &str = "cli/src/settings";

/// Reports each request that another file sends, and each of the two files that sends none.
pub fn senders(files: &[File]) -> Vec<String> {
    let is_sender = |(path, _): &(String, usize)| SENDERS.contains(&path.as_str());
    let (own, others): (Vec<_>, Vec<_>) = find_calls(files, sending).into_iter().partition(is_sender);
    let mut broken = complaints(&others, "sends a request");
    for sender in SENDERS.iter().filter(|sender| own.iter().all(|(path, _)| path != *sender)) {
        broken.push(format!("{sender}: this file must send requests, and it sends none"));
    }
    broken
}

/// Reports each mailbox that a file outside the mail module opens, and a mail module that opens none.
pub fn mailboxes(files: &[File]) -> Vec<String> {
    let opening = |text: &str| lines_with(text, "async_imap");
    let (own, others): (Vec<_>, Vec<_>) =
        find_calls(files, opening).into_iter().partition(|(path, _)| path.starts_with(MAIL));
    let mut broken = complaints(&others, "opens a mailbox");
    if own.is_empty() {
        broken.push(format!("{MAIL}: a file in this folder must open the mailboxes, and none does"));
    }
    broken
}

/// Reports each file that reads the wall clock if there is not exactly one.
pub fn clocks(files: &[File]) -> Vec<String> {
    let reading = |text: &str| lines_with_any(text, &["Utc::now", "Local::now", "SystemTime::now"]);
    let found = find_calls(files, reading);
    let first = found.first().map(|(path, _)| path.clone());
    if first.is_none() {
        return vec!["no file reads the wall clock, and one must".to_owned()];
    }
    if found.iter().all(|(path, _)| Some(path) == first.as_ref()) {
        Vec::new()
    } else {
        complaints(&found, "reads the wall clock")
    }
}

/// Reports each read of the environment outside the settings, and settings that do not read it.
pub fn environment(files: &[File]) -> Vec<String> {
    // The needle is the beginning of all four: var, var_os, vars, vars_os.
    let reading = |text: &str| lines_with(text, "env::var");
    let (own, others): (Vec<_>, Vec<_>) =
        find_calls(files, reading).into_iter().partition(|(path, _)| path.starts_with(SETTINGS));
    let mut broken = complaints(&others, "reads the environment");
    if own.is_empty() {
        broken.push(format!("{SETTINGS}: a file in this folder must read the environment, and none does"));
    }
    broken
}

/// `.execute(` is a database call too, so it counts only in a file that uses reqwest. A channel's `send` takes an argument.
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
