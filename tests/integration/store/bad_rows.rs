//! A row that the database refuses is kept aside; all others are stored, and the window does not become final.

use super::{Store, full_answer, stream};
use crate::harness::Engine;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::job::JobState;
use domain::judge::{Judgement, Verdict};
use domain::source::ResponseSummary;
use domain::webhook::WebhookEvent;
use entities::rejects;
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::{ColumnType, VendorTable};
use entities::wolkvox_chats::Entity;
use sea_orm::EntityTrait;
use storage::deliveries::webhook_intake::accept;
use storage::lanes::claim::Claim;
use storage::ledger::commit::commit;
use storage::ledger::intake::Intake;

/// `count` rows, of which two have a JSON number with more digits than PostgreSQL's `numeric` holds.
fn rows(claim: &Claim, count: usize) -> RowBatch {
    let start = claim.job.slice.window().unwrap().from() + TimeDelta::minutes(1);
    let mut rows = RowBatch::new(Entity::schema());
    for number in 0..count {
        let digits = if number == 7 || number == 11 { 20_000 } else { 20 };
        let mut row = Row::new(Entity::schema());
        for (position, column) in Entity::schema().columns.iter().enumerate() {
            row.set(
                position,
                match (column.name, column.column_type) {
                    ("account", _) => Cell::Text("a".into()),
                    ("conn_id", _) => Cell::Text(number.to_string().into()),
                    ("start_at", _) => Cell::Time(start),
                    ("extra", _) => Cell::Json(format!("{{\"number\":0.{}}}", "7".repeat(digits)).into()),
                    ("digest", _) => Cell::Null,
                    (_, ColumnType::Text) => Cell::Text("x".into()),
                    _ => Cell::Null,
                },
            );
        }
        rows.push(&row).unwrap();
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_database_refuses_is_kept_aside() {
    // Few rows go by INSERT, many by COPY.
    for count in [20, 700] {
        check_refused_rows(Engine::Postgres, count, 2).await;
    }
}

/// SQLite takes both rows.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_the_database_refuses_is_kept_aside_on_sqlite() {
    check_refused_rows(Engine::Sqlite, 700, 0).await;
}

async fn check_refused_rows(engine: Engine, count: usize, refused: usize) {
    let store = Store::fresh(engine).await;
    let claim = store.claimed().await;
    let mut intake = Intake::new(store.db(), store.lane(), &claim);
    intake.take(rows(&claim, count)).await.unwrap();
    let later = claim.now + TimeDelta::hours(1);
    let judge_again = |result: Result<&ResponseSummary, &Fault>| {
        assert_eq!(result.unwrap().rejects.len(), refused);
        Judgement { verdict: Verdict::Recheck(later), closure: None }
    };
    let effect = commit(intake, full_answer(&store, &claim, count), judge_again).await.unwrap();
    assert_eq!(effect.inserted, (count - refused) as u64);
    assert_eq!(store.count("wolkvox_chats").await, i64::try_from(count - refused).unwrap());
    let kept = rejects::Entity::find().all(store.db().connection()).await.unwrap();
    assert_eq!(kept.len(), refused);
    for row in kept {
        assert!(row.reason.contains("refused the row") && row.raw.contains("\"conn_id\""), "{row:?}");
    }
    let ledger = store.ledger("a").await;
    let state = ledger.jobs.iter().map(|job| (job.state.clone(), job.due)).collect::<Vec<_>>();
    if refused > 0 {
        assert_eq!(state, [(JobState::Waiting, later)], "the window is fetched again");
        assert!(ledger.coverage.held().is_empty());
    } else {
        assert_eq!(state, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_with_a_refused_row_is_taken() {
    let store = Store::fresh(Engine::Postgres).await;
    let claim = store.claimed().await;
    let event =
        WebhookEvent { id: "e".to_owned(), kind: "x".to_owned(), rows: vec![rows(&claim, 20)], items: Vec::new() };
    assert_eq!(accept(store.db(), &stream("a"), &[event]).await.unwrap().new_events, 1);
    assert_eq!((store.count("wolkvox_chats").await, store.count("rejects").await), (18, 2));
}

/// A failure that is not the fault of a row is an error, and stores nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_database_stores_nothing() {
    let store = Store::fresh(Engine::Postgres).await;
    let claim = store.claimed().await;
    store.made.run("ALTER TABLE wolkvox_chats ADD CONSTRAINT no_row CHECK (conn_id <> '5')").await;
    let mut intake = Intake::new(store.db(), store.lane(), &claim);
    intake.take(rows(&claim, 20)).await.unwrap();
    let failed = commit(intake, full_answer(&store, &claim, 20), super::no_refusal).await;
    assert!(failed.is_err());
    assert_eq!((store.count("wolkvox_chats").await, store.count("rejects").await), (0, 0));
}
