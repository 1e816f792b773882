//! The tokens, and the host that a request without one must name.

use crate::test_service::{TOKEN, TestService};
use server::{Limits, Tokens};

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

#[tokio::test]
async fn each_token_opens_its_routes() {
    let [operator, read, metrics] = ["a-token-to-operate", "a-token-to-read-all", "a-token-for-metrics"];
    let tokens = Tokens { operator: Some(operator.into()), read: Some(read.into()), metrics: Some(metrics.into()) };
    let service = TestService::guarded_by(tokens, Limits::default()).await;
    for (token, path, status) in [
        (operator, "/", 200),
        (operator, "/metrics", 200),
        (read, "/", 200),
        (read, "/api/v1/status", 200),
        (read, "/metrics", 200),
        (metrics, "/metrics", 200),
        (metrics, "/", 403),
        (metrics, "/api/v1/status", 403),
        ("another-token", "/metrics", 401),
    ] {
        let reply = service.client.get_authorized(path, &format!("Bearer {token}")).await;
        assert_eq!(reply.status, status, "{token} {path}");
    }
    let reply = service.client.get_authorized("/", &format!("Bearer {metrics}")).await;
    assert_eq!(reply.problem(), "this token opens /metrics only; send the read token or the operator token");
}

#[tokio::test]
async fn a_metrics_token_alone_guards_only_the_metrics() {
    let tokens = Tokens { metrics: Some("a-token-for-metrics".into()), ..Tokens::default() };
    let service = TestService::guarded_by(tokens, Limits::default()).await;
    assert_eq!(service.get("/metrics").await.status, 401);
    assert_eq!(service.get("/").await.status, 200);
}

/// A browser may be made to send requests here under a stranger's name, by DNS rebinding.
#[tokio::test]
async fn without_a_token_only_a_loopback_host_is_answered() {
    let service = TestService::open().await;
    service.fill().await;
    service.queue.fail("no route to queue.internal");
    for path in ["/", "/metrics", "/api/openapi.json", "/api/v1/status", "/api/v1/backfills"] {
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
            assert_eq!(service.client.get_at_host(path, host).await.status, 200, "{path} {host}");
        }
        let reply = service.client.get_at_host(path, "rebound.example:8080").await;
        assert_eq!(reply.status, 421, "{path}");
        assert!(reply.problem().contains("set server.operator_token") && !reply.body.contains("shop_bot"), "{path}");
    }
    assert_eq!(service.client.get_at_host("/livez", "rebound.example").await.status, 200);
    let readiness = service.client.get_at_host("/readyz", "rebound.example").await;
    assert!(readiness.body.contains("[-]queue failed: reason withheld\n"), "{}", readiness.body);
    let guarded = TestService::guarded(TOKEN).await;
    let bearer = format!("Bearer {TOKEN}");
    let request = [("host", "convosync.example"), ("authorization", bearer.as_str())];
    assert_eq!(guarded.client.send("GET", "/", &request, "").await.status, 200, "a token proves the client");
}
