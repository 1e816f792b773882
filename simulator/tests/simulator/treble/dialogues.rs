//! The lifecycles of sessions, and their histories.

use super::{bench, config};
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use simulator::SimulatedVendor;
use simulator::treble::{Config, Message, Session, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn is_later(before: &Session, after: &Session) {
    let id = before.id;
    assert_eq!((before.created_at, &before.external_id), (after.created_at, &after.external_id), "{id}");
    assert!(before.finished_at.is_none() || before.finished_at == after.finished_at, "{id} opened again");
    assert!(before.deployment == "PROCESSING" || before.deployment == after.deployment, "{id}");
}

/// A message never changes; a receipt may appear.
fn is_longer(before: &[Message], after: &[Message]) {
    assert!(before.len() <= after.len());
    for (then, now) in before.iter().zip(after) {
        assert!(then.delivered_at.is_none() || then.delivered_at == now.delivered_at);
        assert!(then.read_at.is_none() || then.read_at == now.read_at);
        let receipts = Message { delivered_at: now.delivered_at, read_at: now.read_at, ..then.clone() };
        assert_eq!(&receipts, now);
    }
}

/// No value appears before its time.
fn is_past(held: &Snapshot, now: DateTime<Utc>) {
    for message in &held.messages {
        let instants = [Some(message.created_at), message.delivered_at, message.read_at];
        assert!(instants.into_iter().flatten().all(|at| at <= now), "{message:?} at {now}");
    }
    for session in &held.sessions {
        assert!(session.created_at <= now && session.finished_at.is_none_or(|at| at <= now), "{session:?} at {now}");
        let age = now - session.created_at;
        assert!((age >= TimeDelta::seconds(1)) || session.deployment == "PROCESSING", "{session:?} at {now}");
    }
}

fn by_session(held: &Snapshot) -> BTreeMap<u64, Vec<Message>> {
    let mut talks: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
    for message in &held.messages {
        talks.entry(message.session_id).or_default().push(message.clone());
    }
    talks
}

#[tokio::test]
async fn no_session_returns_to_an_earlier_state() {
    let bench = bench(Config { sessions_per_day: 60.0, ..config() }).await;
    let window = bench.last_days(2);
    let (mut before, mut words) = (bench.vendor.dataset(window), BTreeSet::new());
    let first = before.messages.len();
    for hour in 0..230 {
        bench.clock.forward(TimeDelta::minutes(if hour < 60 { 5 } else { 60 }));
        let now = bench.vendor.dataset(window);
        is_past(&now, bench.clock.now());
        assert_eq!(before.sessions.len(), now.sessions.len());
        before.sessions.iter().zip(&now.sessions).for_each(|(then, now)| is_later(then, now));
        let (then, talks) = (by_session(&before), by_session(&now));
        for (id, said) in then {
            is_longer(&said, &talks[&id]);
        }
        words.extend(now.sessions.iter().map(|session| session.deployment.clone()));
        before = now;
    }
    assert!(before.messages.len() > first + 100, "{first} at first, {} at last", before.messages.len());
    let open = before.sessions.iter().filter(|session| session.finished_at.is_none()).count();
    assert!(open > 30 && open * 3 < before.sessions.len(), "{open} of {} never close", before.sessions.len());
    for word in ["DELIVERED", "SUCCESS", "INVALID_PHONE", "POSTPONED_BY_WEATHER"] {
        assert!(words.contains(word), "{words:?}");
    }
    bench.clock.forward(TimeDelta::days(30));
    let at_last = bench.vendor.dataset(window);
    assert!(at_last == before, "something happened after six days");
    each_is_as_the_vendor_says(&at_last);
}

fn each_is_as_the_vendor_says(held: &Snapshot) {
    let talks = by_session(held);
    let senders: BTreeSet<_> = held.messages.iter().map(|message| message.sender.as_str()).collect();
    assert_eq!(senders, BTreeSet::from(["AGENT", "AI", "USER"]));
    let mut longest = TimeDelta::zero();
    for session in &held.sessions {
        let talk = &talks[&session.id];
        assert_eq!((talk[0].kind.as_str(), talk[0].sender.as_str()), ("HSM", "AI"), "the template comes first");
        assert!(talk.windows(2).all(|pair| (pair[0].sender == "USER") != (pair[1].sender == "USER")), "by turns");
        for message in talk {
            assert!(message.delivered_at.is_none_or(|at| at > message.created_at));
            assert!(message.read_at.is_none() || message.read_at >= message.delivered_at);
            assert!(
                session
                    .finished_at
                    .is_none_or(|end| message.created_at < end && message.read_at.is_none_or(|at| at <= end))
            );
            longest = longest.max(message.created_at - session.created_at);
        }
    }
    assert!(longest > TimeDelta::days(3) && longest < TimeDelta::days(6), "{longest}");
    let unnamed = held.sessions.iter().filter(|session| session.external_id.is_none()).count();
    assert!(unnamed > 10 && unnamed * 4 < held.sessions.len(), "{unnamed}");
}

#[tokio::test]
async fn a_history_has_the_messages_and_other_entries() {
    let bench = bench(config()).await;
    let held = bench.vendor.dataset(bench.last_days(1));
    let talks = by_session(&held);
    let (mut others, mut files, mut shapes) = (0, 0, BTreeSet::new());
    for session in &held.sessions {
        let (messages, body) = bench.history(session.id).await;
        assert_eq!(messages, talks[&session.id]);
        let entries = body.as_array().unwrap();
        others += entries.len() - messages.len();
        files += messages.iter().filter(|message| message.file_url.is_some() && message.text.is_none()).count();
        shapes.extend(
            entries.iter().filter(|it| it["type"] == "MESSAGE").map(|it| it["message"].as_object().unwrap().len()),
        );
        let again = bench.history(session.id).await;
        assert_eq!((again.0, again.1.as_array().unwrap().len()), (messages, entries.len()));
    }
    assert!(others > 10 && files > 5, "{others} {files}");
    assert!(shapes.len() > 2, "fields are left out or null: {shapes:?}");
    assert!(bench.broken_rules().is_empty());
}

#[tokio::test]
async fn late_receipts_come_after_the_end_where_configured() {
    for share in [0.0, 0.5] {
        let bench = bench(Config { late_receipts: share, ..config() }).await;
        let held = bench.vendor.dataset(bench.last_days(20));
        let talks = by_session(&held);
        let late = held.sessions.iter().filter(|session| {
            let end = session.finished_at;
            end.is_some() && talks[&session.id].iter().any(|message| message.read_at > end)
        });
        assert_eq!(late.count() > 100, share > 0.0);
    }
}

#[tokio::test]
async fn short_sessions_end_soon_and_frozen_ones_do_not_change() {
    let live_every = Some(Duration::from_millis(250));
    let lasts_for = Some(Duration::from_secs(3));
    let bench = bench(Config { live_every, lasts_for, never_close: 0.0, ..config() }).await;
    let started = bench.clock.now();
    let mut words = BTreeSet::new();
    for _ in 0..20 {
        bench.clock.forward(TimeDelta::seconds(1));
        let held = bench.vendor.dataset(bench.last_days(1));
        is_past(&held, bench.clock.now());
        words.extend(held.sessions.iter().map(|session| session.deployment.clone()));
    }
    assert!(words.contains("PROCESSING") && words.contains("DELIVERED"));
    let held = bench.vendor.dataset(bench.last_days(1));
    let born: Vec<_> = held.sessions.iter().filter(|session| session.created_at >= started).collect();
    assert!((72..=84).contains(&born.len()), "{}", born.len());
    let now = bench.clock.now();
    assert!(born.iter().all(|it| it.finished_at.is_some() || now - it.created_at <= TimeDelta::seconds(3)));
    assert!(born.iter().any(|it| it.finished_at.is_none()));
    assert_eq!(born.iter().map(|it| it.poll_id).collect::<BTreeSet<_>>().len(), 4, "in each poll by turns");
    bench.vendor.freeze();
    let window = bench.last_days(1);
    bench.clock.forward(TimeDelta::minutes(9));
    assert!(bench.vendor.dataset(window) == held);
    assert_eq!(bench.vendor.count(window), held.sessions.len());
    let last = born.last().unwrap().id;
    assert_eq!(bench.history(last).await.0, by_session(&held)[&last]);
}
