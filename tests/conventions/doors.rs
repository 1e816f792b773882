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
pub fn sends(files: &[File]) -> Vec<String> {
    let is_sender = |(path, _): &(String, usize)| SENDERS.contains(&path.as_str());
    let (own, others): (Vec<_>, Vec<_>) = places(files, sending).into_iter().partition(is_sender);
    let mut broken = shown(&others, "sends a request");
    for sender in SENDERS.iter().filter(|sender| own.iter().all(|(path, _)| path != *sender)) {
        broken.push(format!("{sender}: nothing is sent there; it must be a file that sends"));
    }
    broken
}

/// Every mailbox opened outside the folder that opens them, and its absence there.
pub fn mailboxes(files: &[File]) -> Vec<String> {
    let opening = |text: &str| lines_with(text, "async_imap");
    let (own, others): (Vec<_>, Vec<_>) =
        places(files, opening).into_iter().partition(|(path, _)| path.starts_with(MAIL));
    let mut broken = shown(&others, "opens a mailbox");
    if own.is_empty() {
        broken.push(format!("{MAIL}: no file there opens a mailbox; it must be the one that does"));
    }
    broken
}

/// Every wall clock beyond the first, and its absence.
pub fn clocks(files: &[File]) -> Vec<String> {
    let reading = |text: &str| lines_with_any(text, &["Utc::now", "Local::now", "SystemTime::now"]);
    let found = places(files, reading);
    let first = found.first().map(|(path, _)| path.clone());
    if first.is_none() {
        return vec!["no file reads the wall clock; one must".to_owned()];
    }
    if found.iter().all(|(path, _)| Some(path) == first.as_ref()) {
        Vec::new()
    } else {
        shown(&found, "reads the wall clock")
    }
}

/// Every look into the environment outside the settings, and its absence there.
pub fn environment(files: &[File]) -> Vec<String> {
    // The needle is the beginning of all four: var, var_os, vars, vars_os.
    let reading = |text: &str| lines_with(text, "env::var");
    let (own, others): (Vec<_>, Vec<_>) =
        places(files, reading).into_iter().partition(|(path, _)| path.starts_with(SETTINGS));
    let mut broken = shown(&others, "reads the environment");
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

fn places(files: &[File], find: impl Fn(&str) -> Vec<usize>) -> Vec<(String, usize)> {
    files
        .iter()
        .filter(|file| !is_test(&file.path))
        .flat_map(|file| find(&file.text).into_iter().map(|line| (file.path.clone(), line)))
        .collect()
}

fn shown(places: &[(String, usize)], what: &str) -> Vec<String> {
    places.iter().map(|(path, line)| format!("{path}:{line} {what}")).collect()
}

#[cfg(test)]
fn planted<const N: usize>(files: [(&str, &str); N]) -> Vec<File> {
    files.map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() }).into()
}

#[test]
fn another_sender_is_seen() {
    let text = "fn f() { client.get(url).send() }";
    let with = |path, text| {
        planted([
            (SENDERS[0], "fn f() { client.get(url).send() }"),
            (SENDERS[1], "f(client.get(url).send())"),
            (path, text),
        ])
    };
    assert!(sends(&with("b.rs", "fn f() {}")).is_empty());
    assert_eq!(sends(&with("cli/src/check.rs", "fn f() { a\n.send() }")), ["cli/src/check.rs:2 sends a request"]);
    assert_eq!(sends(&with("a.rs", "use reqwest::Client; fn f() { client.execute(request) }")).len(), 1);
    assert!(sends(&with("a.rs", "fn f() { tx.send(1); db.execute(query) }")).is_empty());
    assert!(sends(&with("worker/tests/http.rs", text)).is_empty());
    assert_eq!(sends(&[]).len(), 2);
}

#[test]
fn another_opener_of_mailboxes_is_seen() {
    let mail = ("worker/src/mail/imap.rs", "use async_imap::Session;");
    assert!(mailboxes(&planted([mail])).is_empty());
    assert_eq!(mailboxes(&planted([mail, ("cli/src/a.rs", "async_imap::Client::new(stream)")])).len(), 1);
    assert_eq!(mailboxes(&[]).len(), 1);
}

#[test]
fn a_second_clock_is_seen() {
    let clock = ("cli/src/clock.rs", "fn f() { Utc::now() }");
    assert!(clocks(&planted([clock, ("a.rs", "// Utc::now() is the caller's\nfn f() {}")])).is_empty());
    assert_eq!(clocks(&planted([clock, ("a.rs", "fn f() { std::time::SystemTime::now() }")])).len(), 2);
    assert_eq!(clocks(&planted([clock, ("a.rs", "fn f() { at.unwrap_or_else(Utc::now) }")])).len(), 2);
    assert_eq!(clocks(&[]).len(), 1);
}

#[test]
fn a_second_look_into_the_environment_is_seen() {
    let settings = ("cli/src/settings/load.rs", "fn f() { std::env::vars() }");
    assert!(environment(&planted([settings])).is_empty());
    assert_eq!(environment(&planted([settings, ("worker/src/lib.rs", "fn f() { env::var(\"A\") }")])).len(), 1);
    assert!(
        environment(&planted([settings, ("a.rs", "const A: &str = env!(\"A\"); fn f() { env::args() }")])).is_empty()
    );
    assert_eq!(environment(&[]).len(), 1);
}
