//! What every vendor must do alike. A new one needs its example here, and nothing else.

#![cfg(test)]

use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::rules::{Limits, Tighten};
use domain::source::{Head, Source, Step};
use domain::want::Slice;
use domain::window::Window;
use entities::tables::shapes;
use entities::upsert::Batch;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sources::VENDORS;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

type Opened = Arc<dyn Source<Batch>>;

const SECRET: &str = "c4n4ry-t0k3n";

/// Settings with which each account opens: the least that there must be.
fn least(vendor: &str) -> Value {
    let id = "6a41cee6fbfda88b1060d653";
    let own = match vendor {
        "wolkvox" => json!({"server": "0042"}),
        "certainly" => json!({"bot_ids": ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "other-bot"]}),
        "ultimate" => json!({"base_url": "https://api.ultimate.ai", "organization_id": id, "bot_ids": [id, "other"]}),
        "truora" | "treble" => json!({}),
        other => panic!("{other} has no example here"),
    };
    let mut all = json!({"source": vendor, "token": SECRET});
    all.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    all
}

fn open(vendor: &str) -> Opened {
    let settings = least(vendor);
    sources::open("a", settings.as_object().unwrap()).unwrap_or_else(|problems| panic!("{problems:?}")).source
}

fn all() -> Vec<Opened> {
    VENDORS.iter().map(|vendor| open(vendor.name)).collect()
}

fn now() -> DateTime<Utc> {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

/// A stretch that any vendor can be asked for.
fn a_day() -> Slice {
    Slice::Window(Window::new(now() - TimeDelta::days(1), now()).unwrap())
}

/// What the first answer to a question for a day is read as.
fn read(source: &dyn Source<Batch>, head: Head, chunks: &[&[u8]]) -> Result<Step, Fault> {
    let stream = source.streams().remove(0).name;
    let mut reader = source.reader(&stream, &a_day(), None)?;
    for chunk in chunks {
        reader.feed(head, chunk)?;
    }
    reader.finish(head)
}

fn head(status: u16) -> Head {
    Head { status, retry_after: None }
}

#[test]
fn names_are_words_and_nobody_elses() {
    let mut names = BTreeSet::new();
    for source in all() {
        assert!(source.vendor().bytes().all(|byte| byte.is_ascii_lowercase()) && source.account() == "a");
        assert!(names.insert(source.vendor()), "{} twice", source.vendor());
    }
    assert_eq!(names.len(), VENDORS.len());
}

#[test]
fn streams_are_told_apart_and_their_tables_are_there() {
    let shapes = shapes();
    for source in all() {
        let streams = source.streams();
        let names: BTreeSet<_> = streams.iter().map(|stream| stream.name.clone()).collect();
        assert!(!streams.is_empty() && names.len() == streams.len(), "{}", source.vendor());
        for stream in &streams {
            let shape = shapes.iter().find(|shape| shape.table == stream.table).unwrap();
            let columns: BTreeSet<_> = shape.columns.iter().map(|column| column.name).collect();
            assert!(columns.contains(stream.at) && stream.part.is_none_or(|part| columns.contains(part)));
            assert!(streams.len() == 1 || stream.part.is_some(), "{}: whose rows?", source.vendor());
        }
    }
}

#[test]
fn the_rules_in_force_are_rules_that_settings_could_ask_for() {
    for source in all() {
        let rules = source.rules();
        let limits =
            Limits { longest: rules.longest, row_cap: rules.row_cap, width: rules.width, spacing: rules.spacing };
        assert_eq!(rules.tighten(&limits, &Tighten::default()).as_ref(), Ok(rules), "{}", source.vendor());
        assert!(rules.lease > rules.timeout && rules.longest >= rules.step.max(rules.grain));
        assert!(rules.longest.num_milliseconds() % rules.grain.max(rules.step).num_milliseconds() == 0);
    }
}

/// The credential goes into headers alone, where nothing writes it down.
#[test]
fn a_question_shows_no_secret() {
    for source in all() {
        let stream = source.streams().remove(0).name;
        let request = source.ask(&stream, &a_day(), None).unwrap();
        let sent: Vec<_> = request.headers.iter().filter(|(_, value)| value.expose_secret().contains(SECRET)).collect();
        assert_eq!(sent.len(), 1, "{}: the credential is sent once", source.vendor());
        assert!(request.url.starts_with("https://") && !request.url.contains(SECRET));
        assert!(request.body.as_ref().is_none_or(|body| !body.contains(SECRET)));
        assert!(!format!("{request:?} {:?}", source.lane()).contains(SECRET));
    }
}

#[test]
fn nobody_is_asked_what_it_does_not_know() {
    for source in all() {
        let stream = source.streams().remove(0).name;
        let part = |name: &str| Slice::Part(name.to_owned(), a_day().window().unwrap());
        let strange = [Slice::Key("../1".to_owned()), part("../1"), Slice::Delivery(1)];
        for slice in strange {
            assert!(matches!(source.ask(&stream, &slice, None), Err(Fault::Refused(_))), "{}", source.vendor());
        }
        assert!(matches!(source.ask("no such stream", &a_day(), None), Err(Fault::Refused(_))), "{}", source.vendor());
        assert!(matches!(source.reader("no such stream", &a_day(), None), Err(Fault::Refused(_))));
    }
}

/// One credential has one lane, whatever the account is called; another has another.
#[test]
fn a_lane_belongs_to_a_credential() {
    for vendor in VENDORS {
        let opened = |account: &str, token: &str| {
            let mut settings = least(vendor.name);
            settings["token"] = token.into();
            sources::open(account, settings.as_object().unwrap()).unwrap().source.lane()
        };
        assert_eq!(opened("a", SECRET), opened("b", SECRET), "{}", vendor.name);
        assert_ne!(opened("a", SECRET), opened("a", "another"), "{}", vendor.name);
    }
}

/// Whatever comes instead of an answer is a fault of the right kind, and never an empty day.
#[test]
fn no_refusal_passes_for_an_answer() {
    let page: &[u8] = b"<html><body>We will be back soon, 573001112233</body></html>";
    for source in all() {
        let name = source.vendor();
        let fault = |status, body: &[u8]| read(source.as_ref(), head(status), &[body]).expect_err(name);
        assert!(matches!(fault(401, b"{\"detail\":\"no\"}"), Fault::Unauthorised(_)), "{name}");
        assert!(matches!(fault(504, page), Fault::TimedOut(_)), "{name}");
        for status in [500, 502, 503] {
            assert!(matches!(fault(status, page), Fault::Unreachable(_)), "{name}: {:?}", fault(status, page));
        }
        for body in [page, b"", b"{", b"[{", b"\"\"", b"null and void"] {
            assert!(matches!(fault(200, body), Fault::Malformed(_)), "{name}: {:?}", fault(200, body));
        }
        let wait = Head { status: 429, retry_after: Some(Duration::from_secs(7)) };
        let throttled = read(source.as_ref(), wait, &[page]).expect_err(name);
        let expected = Some(Duration::from_secs(7));
        assert!(matches!(throttled, Fault::Throttled { retry_after, .. } if retry_after == expected), "{name}");
        assert!(!throttled.to_string().contains("573001112233"), "{name}: {throttled}");
        // Byte by byte it is the same.
        let bytes: Vec<&[u8]> = page.chunks(1).collect();
        assert_eq!(read(source.as_ref(), head(200), &bytes), Err(fault(200, page)), "{name}");
    }
}

/// Who answers by mail says where mails arrive, and can read a file; who does not refuses one.
#[test]
fn files_are_read_where_there_are_any() {
    for source in all() {
        let stream = source.streams().remove(0).name;
        let reads = source.file_reader(&stream).is_ok();
        assert!(reads || (source.mailbox().is_none() && source.rules().export.is_none()), "{}", source.vendor());
        assert!(source.file_reader("no such stream").is_err(), "{}", source.vendor());
    }
}
