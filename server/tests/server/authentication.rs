//! The operator token.

use crate::test_service::{TOKEN, TestService};

#[tokio::test]
async fn guarded_routes_require_the_operator_token() {
    let service = TestService::guarded(TOKEN).await;
    service.fill().await;
    let client = &service.client;
    let bearer = format!("Bearer {TOKEN}");
    let id = client.get_authorized("/api/v1/backfills", &bearer).await.json()[0]["id"].to_string();
    let backfill = format!("/api/v1/backfills/{id}");
    let guarded = [
        "/",
        "/metrics",
        "/api/openapi.json",
        "/api/v1/status",
        "/api/v1/accounts/shop_bot/coverage",
        "/api/v1/backfills",
        &backfill,
    ];
    for path in guarded {
        for wrong in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic YW5hOndyb25n"), Some(TOKEN)] {
            let reply = match wrong {
                Some(authorization) => client.get_authorized(path, authorization).await,
                None => client.get(path).await,
            };
            assert_eq!(reply.status, 401, "{path} {wrong:?}");
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            let mut challenges = reply.headers.get_all("www-authenticate").iter();
            assert!(challenges.any(|challenge| challenge.as_bytes().starts_with(b"Basic ")));
            assert!(!reply.body.contains(TOKEN) && !reply.body.contains("shop_bot"));
        }
        // The second one is `ana:a-token-for-tests`.
        for right in [bearer.as_str(), "Basic YW5hOmEtdG9rZW4tZm9yLXRlc3Rz"] {
            assert_eq!(client.get_authorized(path, right).await.status, 200, "{path} {right}");
        }
    }
    service.queue.fail("no route to queue.internal");
    assert_eq!(client.get("/livez").await.status, 200);
    assert!(client.get("/readyz").await.body.contains("[-]queue failed: reason withheld\n"));
    let readiness = client.get_authorized("/readyz", &bearer).await;
    assert!(readiness.body.contains("[-]queue failed: no route to queue.internal\n"));
}

#[tokio::test]
async fn an_empty_operator_token_opens_no_route() {
    let service = TestService::guarded("").await;
    assert_eq!(service.get("/").await.status, 401);
    for credential in ["Bearer ", "Basic Og=="] {
        assert_eq!(service.client.get_authorized("/", credential).await.status, 401, "{credential}");
    }
}
