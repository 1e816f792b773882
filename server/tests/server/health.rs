//! `/livez` and `/readyz`.

use crate::test_service::{TestService, until};
use domain::watchdog::StuckLoop;
use std::time::Duration;

#[tokio::test]
async fn livez_answers_without_the_database() {
    let service = TestService::open().await;
    service.close_database().await;
    let reply = service.get("/livez").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "ok"));
    assert_eq!(service.get("/readyz").await.status, 503);
}

#[tokio::test]
async fn livez_names_the_loops_that_are_stuck() {
    let service = TestService::guarded(crate::test_service::TOKEN).await;
    let stuck = |name, seconds| StuckLoop { name, since: Duration::from_secs(seconds) };
    service.loops.set_stuck(&[stuck("scheduler", 400), stuck("mailbox", 90)]);
    let reply = service.get("/livez").await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.body,
        "[-]scheduler has not moved for 400 s\n[-]mailbox has not moved for 90 s\nlivez check failed\n"
    );
    service.loops.set_stuck(&[]);
    assert_eq!(service.get("/livez").await.status, 200);
}

#[tokio::test]
async fn readyz_answers_200_when_all_checks_pass() {
    let service = TestService::open().await;
    let brief = service.get("/readyz").await;
    assert_eq!((brief.status, brief.body.as_str()), (200, "ok"));
    let verbose = service.get("/readyz?verbose").await;
    assert_eq!(verbose.status, 200);
    assert_eq!(verbose.body, "[+]database ok\n[+]queue ok\n[+]migrations ok\nreadyz check passed\n");
}

#[tokio::test]
async fn readyz_names_a_queue_that_refuses_writes() {
    let service = TestService::open().await;
    service.queue.fail("connection refused");
    let reply = service.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.body,
        "[+]database ok\n[-]queue failed: connection refused\n[+]migrations ok\nreadyz check failed\n"
    );
}

#[tokio::test]
async fn readyz_stops_waiting_for_a_silent_queue() {
    let service = TestService::open().await;
    service.queue.hang();
    let reply = tokio::time::timeout(Duration::from_secs(8), service.get("/readyz")).await.expect("an answer in time");
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("[-]queue failed: no answer within 5 s\n"), "{}", reply.body);
}

#[tokio::test]
async fn a_thousand_requests_for_readyz_cost_one_check() {
    let service = TestService::open().await;
    service.queue.hang();
    let asking = futures::future::join_all((0..1_000).map(|_| service.get("/readyz")));
    let (replies, ()) = tokio::join!(asking, async {
        until("the check to run", || service.queue.pings() > 0).await;
        service.queue.accept();
    });
    assert!(replies.iter().all(|reply| reply.status == 200), "{:?}", replies.iter().find(|reply| reply.status != 200));
    assert_eq!(service.queue.pings(), 1);
}

#[tokio::test]
async fn readyz_checks_again_after_three_seconds() {
    let service = TestService::open().await;
    assert_eq!(service.get("/readyz").await.status, 200);
    service.queue.fail("connection refused");
    service.clock.advance(2_999);
    assert_eq!(service.get("/readyz").await.status, 200, "the last result still counts");
    service.clock.advance(1);
    assert_eq!(service.get("/readyz").await.status, 503);
    service.queue.accept();
    assert_eq!(service.get("/readyz?verbose").await.status, 503, "a failure counts as long");
    service.clock.advance(3_000);
    assert_eq!(service.get("/readyz?verbose").await.status, 200);
}

#[tokio::test]
async fn readyz_names_pending_migrations() {
    let service = TestService::open().await;
    service.database.migrate_down(1).await.expect("one step down");
    let reply = service.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("[+]queue ok\n[-]migrations failed: pending: m2026"), "{}", reply.body);
}
