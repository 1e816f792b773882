use super::*;
use domain::webhook::{Webhook, WebhookEvent, WebhookFault};
use secrecy::SecretString;

fn taken(own: &Value, received: Option<&str>, body: &[u8]) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
    let source = opened(&json!({"webhook_secret": own})).source;
    source.webhook(&Webhook { secret: received.map(SecretString::from), content_type: Some("application/json"), body })
}

/// The only event of a body: its id, its kind, its row.
fn success(body: &[u8]) -> (String, String, StoredRow) {
    let mut events = taken(&json!(SECRET), Some(SECRET), body).unwrap();
    assert_eq!(events.len(), 1);
    let WebhookEvent { id, kind, rows, items } = events.remove(0);
    assert!(items.is_empty());
    let mut rows = stored(&rows);
    assert_eq!((rows.len(), rows[0]["event_id"] == id, rows[0]["event_type"] == kind), (1, true, true));
    (id, kind, rows.remove(0))
}

#[test]
fn events_of_the_account_become_rows() {
    let names = [
        "event_id",
        "timestamp",
        "external_id",
        "phone",
        "phone_tail",
        "failure_reason",
        "deployment_status",
        "status",
        "hsm_name",
        "ended_at",
    ];
    let (id, kind, row) = success(fixture!("session_close.json"));
    assert_eq!((id.as_str(), kind.as_str()), ("0b1c-1", "session.close"));
    let expected = [
        "0b1c-1",
        "2026-08-08T15:00:00Z",
        "c3f0-11",
        "573001112233",
        "3001112233",
        "-",
        "-",
        "-",
        "bienvenida",
        "2026-08-08T14:59:59Z",
    ];
    assert_eq!(cells(&row, &names), expected);
    let body: Value = serde_json::from_str(&row["body"]).unwrap();
    assert_eq!(body, serde_json::from_slice::<Value>(fixture!("session_close.json")).unwrap());

    let (_, kind, row) = success(fixture!("deployment_failure.json"));
    let why = "FAILURE_BY_BLOCKED_CONTACT";
    let expected = [
        "0b1c-2",
        "2026-08-08T15:00:01Z",
        "-",
        "5219991412826",
        "9991412826",
        why,
        why,
        "-",
        "-",
        "2026-08-08T15:00:00.500Z",
    ];
    assert_eq!((kind.as_str(), cells(&row, &names)), ("deployment.failure", expected.to_vec()));

    let (_, kind, row) = success(fixture!("hsm_status.json"));
    let expected = ["0b1c-3", "2026-08-08T15:00:02Z", "-", "-", "-", "-", "-", "APPROVED", "bienvenida", "-"];
    assert_eq!((kind.as_str(), cells(&row, &names)), ("hsm.status", expected.to_vec()));
}

#[test]
fn detects_the_type_of_a_flow_event() {
    let cases = [
        (fixture!("flow_response.json"), "flow.response", "-"),
        (fixture!("flow_timeout.json"), "flow.timeout", "2026-08-08T14:53:22.572123Z"),
        (fixture!("flow_opt_out.json"), "flow.opt_out", "-"),
        (fixture!("flow_closed.json"), "flow.closed", "-"),
    ];
    let mut ids = Vec::new();
    for (body, kind, at) in cases {
        let (id, found, row) = success(body);
        assert!(id.len() == 69 && id.starts_with("hash:"), "{id}");
        let names = ["timestamp", "external_id", "poll_id", "phone_tail"];
        assert_eq!((found.as_str(), cells(&row, &names)), (kind, vec![at, "c3f0-11", "41007", "3001112233"]));
        assert_eq!(success(body).0, id);
        ids.push(id);
    }
    let other = std::str::from_utf8(fixture!("flow_response.json")).unwrap().replace("Bien", "Mal");
    assert_ne!(success(other.as_bytes()).0, ids[0]);
    // The order of members and blanks mean nothing.
    let spelled = serde_json::to_vec(&serde_json::from_slice::<Value>(fixture!("flow_closed.json")).unwrap()).unwrap();
    assert_eq!(success(&spelled).0, ids[3]);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn stores_undocumented_events() {
    let (id, kind, row) =
        success(br#"{"event_type":"agent.assigned","event_id":7,"deployment_status":"SUCCESS","user":[]}"#);
    assert_eq!((id.as_str(), kind.as_str(), row["deployment_status"].as_str()), ("7", "agent.assigned", "SUCCESS"));
    assert_eq!(success(b"{}").1, "unknown");
    let long = format!(r#"{{"event_type":"x","event_id":"{}","session":{{"external_id":""}}}}"#, "9".repeat(500));
    let (id, _, row) = success(long.as_bytes());
    assert!(id.starts_with("hash:") && !row.contains_key("external_id"), "{id}");
    let several = taken(&json!(SECRET), Some(SECRET), br#"[{"event_id":"a"},{"event_id":"b"}]"#).unwrap();
    assert_eq!(several.len(), 2);
}

#[test]
fn rejects_a_webhook_without_the_secret() {
    let body = fixture!("session_close.json");
    let wrong = [None, Some(""), Some("hook-s3cret-of-our"), Some("hook-s3cret-of-ourt"), Some("Hook-s3cret-of-ours")];
    for received in wrong {
        let fault = taken(&json!(SECRET), received, body).unwrap_err();
        assert!(matches!(fault, WebhookFault::Forged(_)), "{received:?}: {fault}");
        assert!(!fault.to_string().contains("s3cret"), "{fault}");
    }
    for received in [None, Some(""), Some(SECRET)] {
        assert!(matches!(taken(&Value::Null, received, body), Err(WebhookFault::Forged(_))), "{received:?}");
    }
    // The source checks the secret before it parses the body.
    assert!(matches!(taken(&json!(SECRET), Some("x"), b"nonsense"), Err(WebhookFault::Forged(_))));
}

#[test]
fn two_secrets_are_valid_while_one_is_replaced() {
    let body = fixture!("session_close.json");
    let source = opened(&json!({"webhook_secret": "the-secret-to-come", "webhook_secret_previous": SECRET})).source;
    for (received, is_valid) in [("the-secret-to-come", true), (SECRET, true), ("the-secret-of-others", false)] {
        let secret = SecretString::from(received);
        assert_eq!(source.webhook_address(Some(&secret)).is_ok(), is_valid, "{received}");
        let webhook = Webhook { secret: Some(secret), content_type: None, body };
        assert_eq!(source.webhook(&webhook).is_ok(), is_valid, "{received}");
    }
}

#[test]
fn the_address_alone_tells_a_forged_webhook() {
    let checked = |own: &Value, received: Option<&str>| {
        let received = received.map(SecretString::from);
        opened(&json!({"webhook_secret": own})).source.webhook_address(received.as_ref())
    };
    assert_eq!(checked(&json!(SECRET), Some(SECRET)), Ok(()));
    for (own, received) in [(json!(SECRET), Some("x")), (json!(SECRET), None), (Value::Null, Some(SECRET))] {
        assert!(matches!(checked(&own, received), Err(WebhookFault::Forged(_))), "{own} {received:?}");
    }
}

#[test]
fn rejects_everything_but_events() {
    for body in
        [b"".as_slice(), b"x", b"5", b"\"3001112233\"", b"[5]", b"{\"user\":{\"cellphone\":\"3001112233\"", b"\xFF"]
    {
        let fault = taken(&json!(SECRET), Some(SECRET), body).unwrap_err();
        assert!(matches!(fault, WebhookFault::Malformed(_)), "{fault}");
        assert!(!fault.to_string().contains("300111"), "{fault}");
    }
}
