//! The limits on inbound requests.

use crate::fake_source::WEBHOOK_SECRET;
use crate::test_service::{TOKEN, TestService};
use server::{Limits, Tokens};
use std::num::NonZeroU32;

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("a positive number")
}

#[tokio::test]
async fn answers_429_to_a_client_over_its_limit() {
    let limits =
        Limits { requests_per_second_per_client: number(1), request_burst_per_client: number(2), ..Limits::default() };
    let service = TestService::limited(limits).await;
    let client = service.client.at("192.0.2.1");
    assert_eq!(client.get("/api/v1/status").await.status, 200);
    assert_eq!(client.get("/nowhere").await.status, 404, "an unknown path counts, too");
    let reply = client.get("/api/v1/status").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    assert_eq!(reply.problem(), "too many requests from this address; send the next one in 1 s");
    assert!(reply.header("content-security-policy").is_some());
    assert_eq!(client.get("/livez").await.status, 200, "a supervisor may always ask");
    assert_eq!(service.client.at("192.0.2.2").get("/api/v1/status").await.status, 200);
    let metrics = service.client.at("192.0.2.3").get("/metrics").await.body;
    assert!(metrics.contains("convosync_http_requests_limited_total{limit=\"client\"} "), "{metrics}");
}

#[tokio::test]
async fn answers_429_to_a_client_after_too_many_wrong_tokens() {
    let limits = Limits { wrong_tokens_per_minute_per_client: number(2), ..Limits::default() };
    let tokens = Tokens { operator: Some(TOKEN.into()), ..Tokens::default() };
    let service = TestService::guarded_by(tokens, limits).await;
    let client = service.client.at("192.0.2.1");
    let right = format!("Bearer {TOKEN}");
    for _ in 0..5 {
        assert_eq!(client.get("/").await.status, 401, "a request without a token is no guess");
    }
    assert_eq!(client.get_authorized("/", "Bearer wrong").await.status, 401);
    assert_eq!(client.get_authorized("/", &right).await.status, 200, "one wrong token is no harm");
    assert_eq!(client.get_authorized("/metrics", "Bearer wrong").await.status, 401);
    for token in ["Bearer wrong", &right] {
        let reply = client.get_authorized("/", token).await;
        assert_eq!((reply.status, reply.header("retry-after")), (429, Some("30")), "{token}");
        assert_eq!(reply.problem(), "too many wrong tokens from this address; send the next one in 30 s");
    }
    service.queue.fail("no route to queue.internal");
    let readiness = client.get_authorized("/readyz", &right).await.body;
    assert!(readiness.contains("reason withheld"), "/readyz is no way around the limit: {readiness}");
    assert_eq!(service.client.at("192.0.2.2").get_authorized("/", &right).await.status, 200);
    service.clock.advance(30_000);
    assert_eq!(client.get_authorized("/", &right).await.status, 200);
}

#[tokio::test]
async fn answers_429_to_proven_webhooks_over_the_accounts_limit() {
    let limits = Limits {
        webhooks_per_second_per_account: number(1),
        webhook_burst_per_account: number(2),
        ..Limits::default()
    };
    let service = TestService::limited(limits).await;
    let path = format!("/hooks/certainly/shop_bot/{WEBHOOK_SECRET}");
    for _ in 0..5 {
        let forged = service.client.post("/hooks/certainly/shop_bot/wrong", "one").await;
        assert_eq!(forged.status, 401, "a forged webhook uses up nothing of the limit");
    }
    assert_eq!(service.client.post(&path, "one").await.status, 200);
    assert_eq!(service.client.post(&path, "two").await.status, 200);
    let reply = service.client.post(&path, "three").await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("1")));
    assert_eq!(reply.problem(), "too many webhooks for this account; send the next one in 1 s");
    assert_eq!(service.webhook_events_and_jobs().await, (2, 2), "the third is not stored");
    assert_eq!(service.get("/api/v1/status").await.status, 200, "other routes have limits of their own");
}
