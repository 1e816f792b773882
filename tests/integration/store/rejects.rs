//! A commit stores each row that a parser rejected once, in few statements.

use super::{Store, full_answer, no_refusal};
use crate::harness::Engine;
use domain::judge::{Judgement, Verdict};
use domain::source::{Reject, ResponseSummary};
use storage::ledger::commit::{ExchangeRecord, commit};
use storage::ledger::intake::Intake;

/// Commits an answer with these rejected rows; the job is due again.
async fn commit_rejects(store: &Store, rejects: Vec<Reject>) {
    let claimed = store.claim_next("worker").await;
    let exchange = ExchangeRecord {
        result: Ok(ResponseSummary { rows: rejects.len() as u64, rejects, ..ResponseSummary::default() }),
        judgement: Judgement { verdict: Verdict::Recheck(claimed.now), closure: None },
        ..full_answer(store, &claimed, 0)
    };
    commit(Intake::new(store.db(), store.lane(), &claimed), exchange, no_refusal).await.unwrap();
    store.expire().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_that_differ_after_the_cut_are_all_stored() {
    check_cut_rows(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_that_differ_after_the_cut_are_all_stored_on_sqlite() {
    check_cut_rows(Engine::Sqlite).await;
}

/// The log keeps nothing of the last rows of a large answer.
async fn check_cut_rows(engine: Engine) {
    let store = Store::fresh(engine).await;
    store.job("a", 0).await;
    let rejects = |numbers: std::ops::Range<u128>| -> Vec<Reject> {
        let reject = |digest| Reject { reason: "is no object".to_owned(), raw: String::new(), digest };
        numbers.map(reject).collect()
    };
    for (numbers, stored) in [(0..1201, 1201), (0..1201, 1201), (1200..1203, 1203)] {
        commit_rejects(&store, rejects(numbers)).await;
        assert_eq!(store.count("rejects").await, stored);
    }
    if engine == Engine::Postgres {
        // PostgreSQL numbers the statements of a transaction in the column `cmin`.
        let statements = "SELECT COUNT(DISTINCT cmin::text) FROM rejects WHERE id <= 1201";
        assert_eq!(store.made.number(statements).await, 3, "500 rows in one statement");
    }
}

/// PostgreSQL stores no NUL in a text.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_row_with_a_nul_is_stored() {
    let store = Store::fresh(Engine::Postgres).await;
    store.job("a", 0).await;
    let raw = "{\"name\":\"a\0b\"}".to_owned();
    commit_rejects(&store, vec![Reject { reason: "has a \0".to_owned(), raw, digest: 1 }]).await;
    assert_eq!(
        store.made.texts("SELECT raw || reason FROM rejects").await,
        ["{\"name\":\"a\u{fffd}b\"}has a \u{fffd}"]
    );
}
