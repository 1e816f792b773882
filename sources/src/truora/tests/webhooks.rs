use super::super::event;
use super::*;
use crate::json::Json;
use domain::webhook::{Webhook, WebhookEvent, WebhookFault};

fn taken(secret: &Value, body: &[u8]) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
    let source = opened(&json!({"webhook_secret": secret})).source;
    source.webhook(&Webhook { secret: None, content_type: Some("application/jwt"), body })
}

fn hook(body: &[u8]) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
    taken(&json!(SECRET), body)
}

#[test]
fn a_signed_token_names_processes() {
    let events = hook(fixture!("webhook.jwt")).unwrap();
    let found: Vec<_> =
        events.iter().map(|event| (event.id.as_str(), event.kind.as_str(), event.items.clone())).collect();
    let hashed_id = found[3].0;
    assert!(hashed_id.len() == 69 && hashed_id.starts_with("hash:"), "{hashed_id}");
    let expected = [
        (
            "HKE01",
            "digital_identity.identity_process.succeeded",
            vec![item(ID, "2026-08-08T13:11:33.104379Z", Some("2026-08-08T13:12:22Z"))],
        ),
        ("HKE02", "truconnect.process_started.created", vec![item("IDP41c0aa02", "2026-08-08T14:00:00.5Z", None)]),
        ("HKE03", "outbound_message.sent", vec![]),
        (hashed_id, "identity.process.failed", vec![item("IDP41c0aa03", "2026-08-08T13:52:22Z", None)]),
    ];
    assert_eq!(found, expected);
    assert!(events.iter().all(|event| event.rows.is_empty()), "an event is a hint");
    assert_eq!(hook(fixture!("webhook.jwt")).unwrap()[3].id, hashed_id, "the same words are the same event");
}

#[test]
fn a_token_may_be_wrapped() {
    let token = std::str::from_utf8(fixture!("webhook.jwt")).unwrap().trim();
    let bare = format!("{:?}", hook(token.as_bytes()).unwrap());
    for body in
        [format!(" {token}\r\n"), json!({"token": token}).to_string(), json!(token).to_string(), format!("{token}=")]
    {
        assert_eq!(format!("{:?}", hook(body.as_bytes()).unwrap()), bare, "{body}");
    }
}

#[test]
fn rejects_a_webhook_without_the_secret() {
    let good = std::str::from_utf8(fixture!("webhook.jwt")).unwrap().trim();
    let other = std::str::from_utf8(fixture!("webhook_no_events.jwt")).unwrap().trim();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let (other_signed, other_signature) = other.rsplit_once('.').unwrap();
    let none = std::str::from_utf8(fixture!("webhook_none.jwt")).unwrap().trim();
    let bodies = [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        "{}".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.{other_signature}"),
        format!("{other_signed}.{signature}"),
        format!("{header}.{claims}A.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{none}{signature}"),
        none.to_owned(),
        json!({"token": none}).to_string(),
        json!({"token": 5}).to_string(),
        std::str::from_utf8(fixture!("webhook_other_secret.jwt")).unwrap().to_owned(),
        std::str::from_utf8(fixture!("webhook_hs512.jwt")).unwrap().to_owned(),
        std::str::from_utf8(fixture!("webhook_unsigned.json")).unwrap().to_owned(),
    ];
    for body in bodies {
        assert!(matches!(hook(body.as_bytes()), Err(WebhookFault::Forged(_))), "{body}");
    }
    assert!(matches!(hook(b"\xFF\xFE"), Err(WebhookFault::Forged(_))));
    for secret in [Value::Null, json!("hook-s3cret of our"), json!("Hook-s3cret of ours")] {
        assert!(matches!(taken(&secret, good.as_bytes()), Err(WebhookFault::Forged(_))), "{secret}");
    }
}

/// Anyone may send a body: whatever is around the token is skipped, not parsed.
#[test]
fn a_token_is_verified_before_anything_is_parsed() {
    let token = std::str::from_utf8(fixture!("webhook.jwt")).unwrap().trim();
    let bare = format!("{:?}", hook(token.as_bytes()).unwrap());
    let nested = "[".repeat(100_000);
    for body in [
        format!("{nested}\"{token}\""),
        format!("{{\"token\": \"{token}\", \"version\": \"1.2.3\""),
        format!("{{\"version\": \"1.2.3\", \"token\": \"{token}\"}}"),
        format!("\u{feff}\u{0} {token} not JSON"),
    ] {
        assert_eq!(format!("{:?}", hook(body.as_bytes()).unwrap()), bare, "{}", &body[..20]);
    }
    assert!(matches!(hook(nested.as_bytes()), Err(WebhookFault::Forged(_))));
}

#[test]
fn two_secrets_are_valid_while_one_is_replaced() {
    let body = fixture!("webhook.jwt");
    let with = |current: &str, previous: &str| {
        let source = opened(&json!({"webhook_secret": current, "webhook_secret_previous": previous})).source;
        source.webhook(&Webhook { secret: None, content_type: None, body })
    };
    assert!(with("the secret to come", SECRET).is_ok());
    assert!(with(SECRET, "the secret that was").is_ok());
    assert!(matches!(with("the secret to come", "the secret that was"), Err(WebhookFault::Forged(_))));
}

#[test]
fn an_account_without_a_secret_has_no_address_for_webhooks() {
    let checked = |secret: &Value| opened(&json!({"webhook_secret": secret})).source.webhook_address(None);
    assert_eq!(checked(&json!(SECRET)), Ok(()));
    assert!(matches!(checked(&Value::Null), Err(WebhookFault::Forged(_))));
}

#[test]
fn rejects_every_changed_character() {
    let good = fixture!("webhook.jwt").trim_ascii();
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] = if bad[at] == b'A' { b'Q' } else { b'A' };
        assert!(matches!(hook(&bad), Err(WebhookFault::Forged(_))), "letter {at}");
        assert!(matches!(hook(&good[..at]), Err(WebhookFault::Forged(_))), "{at} letters");
    }
}

#[test]
fn a_signed_token_without_events_is_malformed() {
    assert!(matches!(hook(fixture!("webhook_no_events.jwt")), Err(WebhookFault::Malformed(_))));
}

#[test]
fn quotes_nothing_of_the_body() {
    for body in
        [fixture!("webhook_other_secret.jwt"), fixture!("webhook_unsigned.json"), fixture!("webhook_no_events.jwt")]
    {
        let text = hook(body).unwrap_err().to_string();
        assert!(!text.contains("57300") && !text.contains("eyJ") && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn events_without_an_id_get_a_hashed_id() {
    let ids = |events: &str| {
        let claims = Json::parse(&format!(r#"{{"events":[{events}]}}"#)).unwrap();
        event::parse(&claims).unwrap().into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let same = ids(r#"{"event_type":"process","event_action":"a"},{ "event_action": "a", "event_type":"process" }"#);
    assert_eq!(same[0], same[1]);
    let other = ids(r#"{"event_type":"process","event_action":"b"}"#);
    assert_ne!(same[0], other[0]);
    let long = "9".repeat(200);
    assert!(ids(&format!(r#"{{"id":"{long}"}}"#))[0].starts_with("hash:"));
}
