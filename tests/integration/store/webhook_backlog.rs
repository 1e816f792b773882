//! Recorded webhook events become rows, also when one of them never can.

use super::items::item;
use super::{Store, stream};
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::webhook::WebhookEvent;
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::VendorTable;
use entities::treble_events::Entity;
use storage::deliveries::webhook_backlog::store_backlog;
use storage::deliveries::webhook_intake::{RecordedEvents, WebhookCounts, record};

/// An event with a row whose body is `body`.
fn event(id: &str, body: &str) -> WebhookEvent<RowBatch> {
    let mut rows = RowBatch::new(Entity::schema());
    let mut row = Row::new(rows.schema());
    for (column, text) in [("account", "a"), ("event_id", id), ("event_type", "session.close")] {
        row.set_named(column, Cell::Text(text.into()));
    }
    row.set_named("body", Cell::Json(body.into()));
    rows.push(&row).unwrap();
    WebhookEvent { id: id.to_owned(), kind: "session.close".to_owned(), rows: vec![rows], items: Vec::new() }
}

async fn recorded(store: &Store, events: &[WebhookEvent<RowBatch>]) -> RecordedEvents {
    record(store.db(), &stream("a"), events).await.unwrap()
}

const STATES: &str = "SELECT identity || ' ' || state || ' ' || (CASE WHEN payload IS NULL THEN '-' ELSE 'kept' END) FROM \
                      deliveries ORDER BY identity";

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_database_refuses_stops_no_other() {
    let store = Store::fresh(Engine::Postgres).await;
    store.made.run("ALTER TABLE treble_events ADD CONSTRAINT own CHECK (event_id <> 'e1')").await;
    let both = [event("e1", "{\"n\":1}"), event("e2", "{\"n\":1}")];
    let first = recorded(&store, &both).await;
    assert_eq!((first.counts, first.open.len()), (WebhookCounts { new_events: 2, repeated: 0 }, 2));
    let again = recorded(&store, &both).await;
    assert_eq!((again.counts, again.open), (WebhookCounts { new_events: 0, repeated: 2 }, first.open));
    assert_eq!(store.count("treble_events").await, 0);
    store_backlog(store.db()).await.unwrap();
    assert_eq!(store.made.texts(STATES).await, ["e1 unreadable kept", "e2 committed -"]);
    assert_eq!(store.made.texts("SELECT event_id FROM treble_events").await, ["e2"]);
    let reason = store.made.texts("SELECT reason FROM deliveries WHERE reason IS NOT NULL").await;
    assert!(reason[0].contains("error code 23"), "{reason:?}");
    // What is stored or refused is not tried again.
    store_backlog(store.db()).await.unwrap();
    assert_eq!(recorded(&store, &both).await.open, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_rows_and_items_are_stored_as_they_came() {
    check_round_trip(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_rows_and_items_are_stored_as_they_came_on_sqlite() {
    check_round_trip(Engine::Sqlite).await;
}

async fn check_round_trip(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let named = item(now, "one", Some(1));
    let events = [WebhookEvent { items: vec![named.clone()], ..event("e1", "{\"a\":\"\\u00e9\",\"b\":1.50}") }];
    recorded(&store, &events).await;
    assert_eq!(store.ledger("a").await.jobs, []);
    // Two processes look at once.
    let (one, other) = tokio::join!(store_backlog(store.db()), store_backlog(store.db()));
    one.unwrap();
    other.unwrap();
    assert_eq!(store.made.texts(STATES).await, ["e1 committed -"]);
    let [job] = store.ledger("a").await.jobs.try_into().unwrap();
    assert_eq!((job.slice, job.scope, job.has_ended), (named.slice, named.scope, false));
    let version = job.seen_version.unwrap() - named.seen_version.unwrap();
    assert!(version.abs() < TimeDelta::milliseconds(1), "{version}");
    let digest = events[0].rows[0].text(0, Entity::schema().digest).unwrap().to_owned();
    assert_eq!(store.made.texts("SELECT digest FROM treble_events").await, [digest]);
}
