//! A session that is listed and imported ends in the same row, whichever comes first.

use super::Store;
use crate::harness::Engine;
use domain::slice::Slice;
use domain::source::{Reader, ResponseHead};
use domain::spans::Spans;
use domain::window::Window;
use entities::rows::RowBatch;
use entities::treble_sessions::{Column, Entity, Model};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;
use storage::upsert::Effect;

const PAGE: &str = r#"{"results":[
    {"id":1,"created_at":1786197600,"finished_at":1786201200,"user":{"country_code":"+57","cellphone":"3001112233","name":"Ana","tags":["b","a"]},
     "external_id":"c3f0-11","deployment_status":"DELIVERED","channel":{"b":1.0,"a":[1,2]}},
    {"id":2,"created_at":1786197601,"finished_at":null},
    {"id":3,"created_at":1786197602,"user":{"cellphone":"3001112244"}}],"next_id":null}"#;
const REPORT: &str = "session_id,user_cellphone,session_started_timestamp,session_finished_timestamp,session_status,last_node_id,city\n\
    1,573001112233,2026-08-08 14:00:00,2026-08-08 15:00:00,Completed,node-4,Cali\n\
    2,573001112299,2026-08-08 14:00:01,2026-08-08 16:00:00,HumanHandover,,\n\
    4,573001112266,2026-08-08 14:00:03,,Expired,node-1,Lima\n";
/// A report that knows fewer columns.
const SHORT: &str = "session_id,user_cellphone,session_started_timestamp,session_status\n\
    1,573001112233,2026-08-08 14:00:00,Completed\n";

fn rows(mut reader: Box<dyn Reader<RowBatch>>, body: &str) -> Vec<RowBatch> {
    let head = ResponseHead { status: 200, retry_after: None, date: None };
    reader.feed(head, body.as_bytes()).unwrap();
    let summary = reader.finish(head).unwrap();
    assert_eq!(summary.rejects, []);
    std::iter::from_fn(|| reader.take()).collect()
}

/// Stores the batches of one answer; returns what they changed.
async fn upsert(store: &Store, batches: &[RowBatch]) -> Effect {
    let (tx, now) = (store.db().begin().await.unwrap(), store.now().await);
    let mut sum = Effect::default();
    for batch in batches {
        sum = sum.and(storage::upsert::upsert(&tx, batch, &Spans::default(), now).await.unwrap());
    }
    tx.commit().await.unwrap();
    sum
}

async fn sessions(store: &Store) -> Vec<Model> {
    let rows = Entity::find().order_by_asc(Column::SessionId).all(store.db().connection()).await.unwrap();
    rows.into_iter().map(|row| Model { synced_at: chrono::DateTime::UNIX_EPOCH, ..row }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_and_importing_in_any_order_end_in_the_same_rows() {
    check_orders(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_and_importing_in_any_order_end_in_the_same_rows_on_sqlite() {
    check_orders(Engine::Sqlite).await;
}

async fn check_orders(engine: Engine) {
    let settings = json!({"source": "treble", "token": "key"});
    let source = sources::open("t", settings.as_object().unwrap()).unwrap().source;
    let from = chrono::DateTime::from_timestamp(1_786_147_200, 0).unwrap();
    let poll = Slice::Partition("41007".to_owned(), Window::new(from, from + chrono::TimeDelta::days(1)).unwrap());
    let list = rows(source.reader("sessions", &poll, None).unwrap(), PAGE);
    let file = |body| rows(source.file_reader("sessions").unwrap(), body);
    let (report, short) = (file(REPORT), file(SHORT));
    let mut ends = Vec::new();
    for order in
        [[&list, &report, &short], [&report, &list, &short], [&short, &report, &list], [&report, &short, &list]]
    {
        let store = Store::with(engine, &[]).await;
        for batches in order {
            upsert(&store, batches).await;
        }
        let end = sessions(&store).await;
        for batches in order {
            let again = upsert(&store, batches).await;
            assert_eq!((again.inserted, again.updated), (0, 0), "what is known already changes nothing");
        }
        assert_eq!(sessions(&store).await, end);
        ends.push(end);
    }
    let [one, two, three, four] = ends[0].as_slice() else { panic!("four sessions: {:?}", ends[0]) };
    assert_eq!((one.poll_id.as_deref(), one.external_id.as_deref()), (Some("41007"), Some("c3f0-11")), "{one:?}");
    assert_eq!((one.session_status.as_deref(), one.last_node_id.as_deref()), (Some("Completed"), Some("node-4")));
    assert_eq!(one.cellphone.as_deref(), Some("3001112233"), "a list knows the number better than a report");
    assert_eq!((two.phone.as_deref(), two.finished_at.is_some()), (Some("573001112299"), true), "{two:?}");
    assert_eq!((three.session_status.as_deref(), four.poll_id.as_deref()), (None, None));
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:#?}");
}
