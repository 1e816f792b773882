//! Coverage counts rows and requests on their days, also where clocks change.

use super::reports::request;
use super::{Store, chat};
use crate::harness::Engine;
use chrono::{Days, NaiveDate, TimeDelta};
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::{requests, wolkvox_chats};
use sea_orm::EntityTrait;
use serde_json::json;
use storage::reports::coverage::coverage;
use storage::upsert::upsert;

#[tokio::test(flavor = "multi_thread")]
async fn coverage_counts_each_row_and_request_on_its_days() {
    check_day_counts(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_counts_each_row_and_request_on_its_days_on_sqlite() {
    check_day_counts(Engine::Sqlite).await;
}

/// Each day is counted for itself here. In this zone clocks change twice within the year, on days of 23 and 25 hours.
async fn check_day_counts(engine: Engine) {
    let zone = chrono_tz::America::New_York;
    let store = Store::with(engine, &[("a", json!({"timezone": zone.name()}))]).await;
    let now = store.now().await;
    let (first, last) = ("2026-02-20".parse::<NaiveDate>().unwrap(), "2026-11-20".parse::<NaiveDate>().unwrap());
    let begins = Window::of_day(first, zone).unwrap().from() - TimeDelta::days(3);
    // Half an hour more than whole days, so that instants fall on all parts of a day, and some on its very border.
    let starts = (0..300).map(|number| begins + TimeDelta::minutes(number * (24 * 60 + 30)));
    let borders = first.iter_days().take_while(|day| *day <= last).map(|day| Window::of_day(day, zone).unwrap().from());
    let instants: Vec<_> = starts.chain(borders.flat_map(|at| [at, at - TimeDelta::milliseconds(1)])).collect();
    let rows: Vec<_> =
        (0..).zip(&instants).map(|(id, at): (i32, _)| chat("a", &id.to_string(), Some(*at), "x")).collect();
    let lengths = [1, 999, 3_600_000, 86_400_000, 86_400_001, 40 * 86_400_000];
    let asked = instants.iter().zip(lengths.iter().cycle());
    let asked: Vec<_> =
        asked.map(|(from, length)| Window::new(*from, *from + TimeDelta::milliseconds(*length)).unwrap()).collect();
    let tx = store.db().begin().await.unwrap();
    upsert(&tx, &RowBatch::of::<wolkvox_chats::Entity>(&rows), &Spans::default(), now).await.unwrap();
    let requests = asked.iter().map(|window| request("a", *window, now));
    requests::Entity::insert_many(requests).exec(&tx).await.unwrap();
    tx.commit().await.unwrap();
    for (first, last) in [(first, last), (first + Days::new(200), first + Days::new(200))] {
        let found = coverage(&store.snapshot().await, store.account(), first, last).await.unwrap();
        assert_eq!(found.len(), first.iter_days().take_while(|day| *day <= last).count());
        for day in found {
            let window = Window::of_day(day.day, zone).unwrap();
            let rows = instants.iter().filter(|at| window.contains(**at)).count() as u64;
            let requests = asked.iter().filter(|asked| asked.intersect(&window).is_some()).count() as u64;
            assert_eq!((day.rows, day.requests), (rows, requests), "{}", day.day);
        }
    }
}
