//! The sessions of a poll, page by page.

use super::{Bench, bench, config, session};
use crate::at;
use chrono::TimeDelta;
use domain::clock::Clock;
use domain::window::Window;
use serde_json::Value;
use simulator::treble::{Config, Order, Session, TimeFormat};
use std::collections::BTreeSet;
use std::time::Duration;

impl Bench {
    /// All rows of a poll's window, repeats and all; the clock moves between pages.
    async fn pages(&self, poll: u64, (limit, window): (usize, Window), between: TimeDelta) -> Vec<Session> {
        let (since, until) = (window.from().timestamp(), window.to().timestamp());
        let first = format!("/devapi/poll/{poll}/sessions?limit={limit}&since={since}&until={until}");
        let (mut rows, mut path) = (Vec::new(), first.clone());
        loop {
            let (status, page) = self.ask(&path).await;
            assert_eq!(status, 200, "{page}");
            let results = page["results"].as_array().unwrap();
            assert!(results.len() <= limit);
            rows.extend(results.iter().map(|row| session(poll, row)));
            match &page["next_id"] {
                Value::Null => return rows,
                next => path = format!("{first}&next_id={next}"),
            }
            self.clock.forward(between);
        }
    }

    fn of_poll(&self, poll: u64, window: Window) -> Vec<Session> {
        self.vendor.dataset(window).sessions.into_iter().filter(|session| session.poll_id == poll).collect()
    }
}

fn whole(window: Window) -> Window {
    Window::new(window.from(), window.to() - TimeDelta::milliseconds(1)).unwrap()
}

#[tokio::test]
async fn pages_have_each_session_and_repeat_only_known_ones() {
    for (order, limit) in [(Order::NewestFirst, 7), (Order::OldestFirst, 100), (Order::OldestFirst, 1)] {
        let bench = bench(Config { order, repeats: 0.5, ..config() }).await;
        let window = whole(bench.last_days(if limit == 1 { 2 } else { 20 }));
        for poll in bench.polls().await {
            let rows = bench.pages(poll, (limit, window), TimeDelta::zero()).await;
            let mut held = bench.of_poll(poll, window);
            if order == Order::NewestFirst {
                held.reverse();
            }
            let repeats = rows.len() - held.len();
            assert_eq!(repeats > 0, limit > 1, "{repeats} repeats");
            let mut seen = BTreeSet::new();
            let once: Vec<_> = rows.into_iter().filter(|row| seen.insert(row.id)).collect();
            assert_eq!(once, held);
        }
    }
}

#[tokio::test]
async fn new_sessions_do_not_move_pages() {
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let live_every = Some(Duration::from_millis(600));
        let bench = bench(Config { order, live_every, repeats: 0.0, ..config() }).await;
        bench.clock.forward(TimeDelta::minutes(2));
        let poll = bench.polls().await[1];
        let until = bench.clock.now() + TimeDelta::hours(1);
        let window = Window::new(until - TimeDelta::days(10), until).unwrap();
        let before: BTreeSet<u64> = bench.of_poll(poll, window).into_iter().map(|it| it.id).collect();
        let rows = bench.pages(poll, (13, window), TimeDelta::seconds(5)).await;
        let ids: Vec<u64> = rows.iter().map(|row| row.id).collect();
        let set: BTreeSet<u64> = ids.iter().copied().collect();
        assert_eq!(set.len(), ids.len());
        assert!(set.is_superset(&before));
        assert_eq!(set.len() > before.len(), order == Order::OldestFirst, "they come at the newest end");
        assert!(bench.of_poll(poll, window).len() > before.len());
    }
}

#[tokio::test]
async fn a_window_is_half_open() {
    let bench = bench(config()).await;
    let poll = bench.polls().await[0];
    let some = bench.of_poll(poll, bench.last_days(3));
    let window = Window::new(some[5].created_at, some[30].created_at).unwrap();
    let rows = bench.pages(poll, (100, window), TimeDelta::zero()).await;
    assert_eq!(rows.into_iter().rev().collect::<Vec<_>>(), some[5..30]);
}

#[tokio::test]
async fn writes_timestamps_in_the_configured_format() {
    let mut shapes = BTreeSet::new();
    for times in [TimeFormat::Number, TimeFormat::Text, TimeFormat::DayAndTime, TimeFormat::Mixed] {
        let bench = bench(Config { times, ..config() }).await;
        let poll = bench.polls().await[0];
        let mut here = BTreeSet::new();
        for _ in 0..20 {
            let (_, page) = bench.ask(&format!("/devapi/poll/{poll}/sessions?limit=1")).await;
            let row = &page["results"][0];
            here.insert(match &row["created_at"] {
                Value::Number(_) => "number",
                Value::String(text) if text.contains(' ') => "day and time",
                Value::String(_) => "text",
                other => panic!("{other}"),
            });
            let it = session(poll, row);
            assert!(
                it.created_at > at("2026-08-11T00:00:00Z")
                    && Some(&it) == bench.of_poll(poll, bench.last_days(2)).last()
            );
        }
        assert_eq!(here.len(), if times == TimeFormat::Mixed { 3 } else { 1 });
        shapes.extend(here);
    }
    assert_eq!(shapes.len(), 3);
}
