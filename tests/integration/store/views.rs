//! The views for users.

use super::{Store, chat};
use crate::harness::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::{Job, Purpose};
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::VendorTable;
use entities::wolkvox_chats::Entity;
use entities::{treble_events, treble_messages, treble_sessions, truora_processes, truora_responses};
use std::time::Duration;
use storage::ledger::{StreamId, lock};
use storage::upsert::upsert;

#[tokio::test(flavor = "multi_thread")]
async fn final_views_show_only_rows_in_final_coverage_of_their_account() {
    check_views(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn final_views_show_only_rows_in_final_coverage_of_their_account_on_sqlite() {
    check_views(Engine::Sqlite).await;
}

async fn check_views(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let at = |hours: i64| now - TimeDelta::days(9) + TimeDelta::hours(hours);
    let window = |from, to| Window::new(at(from), at(to)).unwrap();
    store
        .change("a", |ledger| {
            ledger.coverage.settle(window(0, 10));
            ledger.coverage.hold(window(10, 20));
        })
        .await;
    store.change("b", |ledger| ledger.coverage.hold(window(0, 20))).await;
    let mut rows: Vec<_> =
        [("before", -1), ("first", 0), ("inside", 9), ("edge", 10), ("provisional", 11), ("after", 21)]
            .map(|(id, hours)| chat("a", id, Some(at(hours)), "x"))
            .into();
    rows.push(chat("a", "timeless", None, "x"));
    rows.push(chat("b", "inside", Some(at(9)), "x"));
    "no".clone_into(&mut rows[2].go_to_agent);
    rows[2].end_at = Some(at(10));
    let tx = store.db().begin().await.unwrap();
    upsert(&tx, &RowBatch::of::<Entity>(&rows), &Spans::default(), now).await.unwrap();
    tx.commit().await.unwrap();

    let found = store.made.texts("SELECT account || ' ' || conn_id FROM wolkvox_chats_final ORDER BY conn_id").await;
    assert_eq!(found, ["a first", "a inside"]);
    assert_eq!(store.made.texts("SELECT digest FROM wolkvox_chats_final WHERE conn_id = 'first'").await, ["x"]);
    assert_eq!(store.count("conversations").await, 8, "the view `conversations` shows every row");
    let sql = "SELECT source || '|' || account || '|' || conversation_id || '|' || channel || '|' || customer_phone || '|' || \
                CAST(messages AS TEXT) || '|' || CASE WHEN reached_agent THEN 'agent' ELSE 'bot' END FROM conversations \
                WHERE account = 'a' AND conversation_id IN ('first', 'inside') ORDER BY conversation_id";
    let rows = store.made.texts(sql).await;
    assert_eq!(rows, ["wolkvox|a|first|whatsapp|573000000000|7|agent", "wolkvox|a|inside|whatsapp|573000000000|7|bot"]);
    let lasted = "SELECT conversation_id FROM conversations WHERE ended_at > started_at AND synced_at >= ended_at AND \
                  customer_name IS NOT NULL AND agent_name = ''";
    assert_eq!(store.made.texts(lasted).await, ["inside"]);
}

/// A row of a table with these cells; the other columns are NULL.
fn row<E: VendorTable>(cells: &[(&str, Cell<'static>)]) -> RowBatch {
    let mut rows = RowBatch::new(E::schema());
    let mut row = Row::new(rows.schema());
    for (name, cell) in cells {
        row.set_named(name, cell.clone());
    }
    // An event has the whole body in place of `extra`.
    let rest = if rows.schema().table == "treble_events" { "body" } else { "extra" };
    row.set_named(rest, Cell::Json("{}".into()));
    rows.push(&row).unwrap();
    rows
}

fn text(text: &str) -> Cell<'static> {
    Cell::Text(text.to_owned().into())
}

async fn put(store: &Store, rows: Vec<RowBatch>) {
    let tx = store.db().begin().await.unwrap();
    for rows in rows {
        upsert(&tx, &rows, &Spans::default(), store.now().await).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// Changes the ledger of a stream of another vendor.
async fn change(store: &Store, stream: &str, source: &str, change: impl FnOnce(&mut Ledger)) {
    let id = StreamId { account: "a".to_owned(), stream: stream.to_owned(), source: source.to_owned() };
    let tx = store.db().begin().await.unwrap();
    let before = lock(&tx, &id).await.unwrap();
    let mut after = before.clone();
    change(&mut after);
    storage::ledger::store(&tx, &id, &before, &after, store.now().await).await.unwrap();
    tx.commit().await.unwrap();
}

/// A job for the item `key` that began at `at`, or a final check without a start.
fn open(key: &str, at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Job {
    let of = at.and_then(|at| Window::new(at, at + TimeDelta::seconds(1)));
    Job { scope: of, ..Job::new(Purpose::Item, Slice::Item(key.to_owned()), now, Duration::ZERO) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_view_shows_ended_processes_without_open_jobs() {
    check_processes(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_view_shows_ended_processes_without_open_jobs_on_sqlite() {
    check_processes(Engine::Sqlite).await;
}

async fn check_processes(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let at = |hours: i64| now - TimeDelta::days(9) + TimeDelta::hours(hours);
    let process = |id: &str, hours: i64, is_open: bool, responses: i64| {
        row::<truora_processes::Entity>(&[
            ("account", text("a")),
            ("process_id", text(id)),
            ("creation_date", Cell::Time(at(hours))),
            ("is_open", Cell::Bool(is_open)),
            ("responses", Cell::Int(responses)),
            ("state_at", Cell::Time(at(hours))),
        ])
    };
    let response = |id: &str, hours: i64, ordinal: i64| {
        row::<truora_responses::Entity>(&[
            ("account", text("a")),
            ("process_id", text(id)),
            ("ordinal", Cell::Int(ordinal)),
            ("creation_date", Cell::Time(at(hours))),
        ])
    };
    let all =
        [("final", 1, false), ("looked", 2, false), ("open", 3, true), ("queued", 4, false), ("young", 11, false)];
    let mut rows: Vec<RowBatch> = all.iter().map(|(id, hours, is_open)| process(id, *hours, *is_open, 1)).collect();
    // The vendor has withdrawn one of the two responses of the first process.
    rows.push(response("final", 1, 0));
    rows.push(response("final", 1, 1));
    rows.extend(all[1..].iter().map(|(id, hours, _)| response(id, *hours, 0)));
    put(&store, rows).await;
    change(&store, "processes", "truora", |ledger| {
        ledger.coverage.settle(Window::new(at(0), at(10)).unwrap());
        ledger.coverage.hold(Window::new(at(10), at(20)).unwrap());
        ledger.jobs.push(open("queued", Some(at(4)), now));
        ledger.jobs.push(open("looked", None, now));
    })
    .await;
    let found = store.made.texts("SELECT process_id FROM truora_processes_final ORDER BY process_id").await;
    assert_eq!(found, ["final", "looked"]);
    let sql = "SELECT process_id || ' ' || CAST(ordinal AS TEXT) FROM truora_responses_final ORDER BY process_id";
    assert_eq!(store.made.texts(sql).await, ["final 0", "looked 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_view_shows_sessions_without_open_jobs() {
    check_sessions(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_view_shows_sessions_without_open_jobs_on_sqlite() {
    check_sessions(Engine::Sqlite).await;
}

async fn check_sessions(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let at = |hours: i64| now - TimeDelta::days(9) + TimeDelta::hours(hours);
    let session = |id: &str, hours: i64| {
        row::<treble_sessions::Entity>(&[
            ("account", text("a")),
            ("session_id", text(id)),
            ("created_at", Cell::Time(at(hours))),
        ])
    };
    let message = |id: &str, hours: i64| {
        row::<treble_messages::Entity>(&[
            ("account", text("a")),
            ("session_id", text(id)),
            ("ordinal", Cell::Int(0)),
            ("session_created_at", Cell::Time(at(hours))),
        ])
    };
    let all = [("final", 1), ("open", 3), ("young", 11)];
    put(&store, all.iter().flat_map(|(id, hours)| [session(id, *hours), message(id, *hours)]).collect()).await;
    change(&store, "sessions", "treble", |ledger| {
        ledger.coverage.settle(Window::new(at(0), at(10)).unwrap());
        ledger.coverage.hold(Window::new(at(10), at(20)).unwrap());
        ledger.jobs.push(open("session/open/1", Some(at(3)), now));
        ledger.jobs.push(open("session/final/1", None, now));
    })
    .await;
    for table in ["treble_sessions", "treble_messages"] {
        assert_eq!(store.made.texts(&format!("SELECT session_id FROM {table}_final")).await, ["final"], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_join_their_session_by_external_id_or_phone() {
    check_events(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_join_their_session_by_external_id_or_phone_on_sqlite() {
    check_events(Engine::Sqlite).await;
}

async fn check_events(engine: Engine) {
    let store = Store::fresh(engine).await;
    let now = store.now().await;
    let at = |hours: i64| now - TimeDelta::days(9) + TimeDelta::hours(hours);
    let session = |account: &str, id: &str, external: Option<&str>, hours: i64| {
        row::<treble_sessions::Entity>(&[
            ("account", text(account)),
            ("session_id", text(id)),
            ("created_at", Cell::Time(at(hours))),
            ("external_id", external.map_or(Cell::Null, text)),
            ("phone_tail", text("9991412826")),
        ])
    };
    let event = |id: &str, external: Option<&str>, phone: Option<&str>, hours: i64| {
        row::<treble_events::Entity>(&[
            ("account", text("a")),
            ("event_id", text(id)),
            ("event_type", text("session.close")),
            ("timestamp", Cell::Time(at(hours))),
            ("external_id", external.map_or(Cell::Null, text)),
            ("phone_tail", phone.map_or(Cell::Null, text)),
        ])
    };
    let phone = Some("9991412826");
    put(
        &store,
        vec![
            session("a", "first", Some("x1"), 1),
            session("a", "second", None, 5),
            session("a", "csv:0", None, 6),
            session("a", "third", None, 9),
            session("b", "other", Some("x1"), 6),
            event("by id", Some("x1"), phone, 8),
            event("by phone", None, phone, 7),
            event("too early", None, phone, 0),
            event("template", None, None, 7),
            event("unknown", Some("x9"), phone, 7),
        ],
    )
    .await;
    let sql =
        "SELECT event_id || ': ' || session_id || ', ' || matched_by FROM treble_session_events ORDER BY event_id";
    let expected = ["by id: first, external_id", "by phone: second, phone_tail"];
    assert_eq!(store.made.texts(sql).await, expected);
}
