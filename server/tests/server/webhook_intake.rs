//! Webhook intake: a proven event is stored before its answer; an unproven one changes nothing.

use crate::fake_source::WEBHOOK_SECRET;
use crate::test_service::{TOKEN, TestService};

const SIGNED: &str = "/hooks/certainly/shop_bot";

#[tokio::test]
async fn stores_a_proven_event_once_and_answers_200() {
    let service = TestService::guarded(TOKEN).await;
    let client = &service.client;
    let reply = client.post(SIGNED, "signed one\ntwo").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{\"success\":true}"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(service.webhook_events_and_jobs().await, (2, 2));
    let secret_path = format!("{SIGNED}/{WEBHOOK_SECRET}");
    assert_eq!(client.post(&secret_path, "two\nthree").await.status, 200, "the first event is known");
    assert_eq!(service.webhook_events_and_jobs().await, (3, 3));
    assert_eq!(client.post(&secret_path, "three").await.status, 200, "a repeated event is accepted, too");
    assert_eq!(service.webhook_events_and_jobs().await, (3, 3));
    let metrics = client.get_authorized("/metrics", &format!("Bearer {TOKEN}")).await.body;
    assert!(metrics.contains("convosync_webhook_events_7d{account=\"shop_bot\"} 3"), "{metrics}");
    for (state, at_least) in [("committed", 3), ("duplicate", 2)] {
        let series = format!("convosync_deliveries_total{{kind=\"webhook\",state=\"{state}\"}} ");
        let count = metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse::<u64>().ok());
        assert!(count.is_some_and(|count| count >= at_least), "{series}\n{metrics}");
    }
}

#[tokio::test]
async fn rejects_an_unproven_or_unreadable_webhook_and_stores_nothing() {
    let service = TestService::open().await;
    let wrong_secret = "/hooks/certainly/shop_bot/a-secret-of-webhookz";
    let unproven = service.client.post("/hooks/certainly/unknown", "signed one").await;
    let cases = [
        (SIGNED, "one", 401, "does not prove"),
        (SIGNED, "", 401, "does not prove"),
        (wrong_secret, "one", 401, "does not prove"),
        (SIGNED, "signed ", 400, "no events"),
        ("/hooks/certainly/unknown", "signed one", 401, "does not prove"),
        ("/hooks/certainly/unknown/a-secret", "signed one", 401, "does not prove"),
        ("/hooks/wolkvox/shop_bot", "signed one", 401, "does not prove"),
        ("/hooks/wolkvox/wolkvox_co", "signed one", 401, "does not prove"),
    ];
    for (path, body, status, expected) in cases {
        let reply = service.client.post(path, body).await;
        assert_eq!(reply.status, status, "{path}");
        let detail = reply.problem();
        assert!(detail.contains(expected) && !detail.contains(WEBHOOK_SECRET), "{path} {body}: {detail}");
        if status == 401 {
            assert_eq!(
                (&reply.headers, &reply.body),
                (&unproven.headers, &unproven.body),
                "one answer for all: {path}"
            );
        }
    }
    let reply = service.get(SIGNED).await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
    assert_eq!(reply.problem(), "/hooks/certainly/shop_bot does not take GET; use POST");
    assert_eq!(service.webhook_events_and_jobs().await, (0, 0));
}

#[tokio::test]
async fn accepts_a_body_of_256_kib_and_no_larger() {
    let service = TestService::open().await;
    let body = |length: usize| format!("signed {}", "x".repeat(length - 7));
    assert_eq!(service.client.post(SIGNED, &body(256 << 10)).await.status, 200);
    assert_eq!(service.webhook_events_and_jobs().await, (1, 1));
    let large = body((256 << 10) + 1);
    let reply = service.client.post(SIGNED, &large).await;
    assert_eq!(reply.status, 413);
    assert_eq!(reply.problem(), "the body has more than 256 KiB; send fewer events at once");
    let declared = [("content-length", "262145")];
    for path in [SIGNED, "/hooks/certainly/unknown"] {
        let reply = service.client.send("POST", path, &declared, "").await;
        assert_eq!(reply.status, 413, "the length alone is refused, whatever the account: {path}");
    }
    assert_eq!(service.webhook_events_and_jobs().await, (1, 1));
}

#[tokio::test]
async fn answers_503_when_the_event_cannot_be_stored() {
    let service = TestService::open().await;
    service.close_database().await;
    let reply = service.client.post(SIGNED, "signed one").await;
    assert_eq!((reply.status, reply.header("content-type")), (503, Some("application/problem+json")));
}
