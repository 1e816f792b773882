use super::super::event;
use super::*;
use crate::json::Json;
use domain::hook::{Event, Hook, HookFault};

fn taken(secret: &Value, body: &[u8]) -> Result<Vec<Event<Batch>>, HookFault> {
    let source = opened(&json!({"webhook_secret": secret})).source;
    source.hook(&Hook { secret: None, content_type: Some("application/jwt"), body })
}

fn hook(body: &[u8]) -> Result<Vec<Event<Batch>>, HookFault> {
    taken(&json!(SECRET), body)
}

#[test]
fn a_signed_token_tells_of_processes() {
    let events = hook(fixture!("webhook.jwt")).unwrap();
    let told: Vec<_> =
        events.iter().map(|event| (event.id.as_str(), event.kind.as_str(), event.leads.clone())).collect();
    let loose = told[3].0;
    assert!(loose.len() == 37 && loose.starts_with("hash:"), "{loose}");
    let expected = [
        (
            "HKE01",
            "digital_identity.identity_process.succeeded",
            vec![lead(ID, "2026-08-08T13:11:33.104379Z", Some("2026-08-08T13:12:22Z"))],
        ),
        ("HKE02", "truconnect.process_started.created", vec![lead("IDP41c0aa02", "2026-08-08T14:00:00.5Z", None)]),
        ("HKE03", "outbound_message.sent", vec![]),
        (loose, "identity.process.failed", vec![lead("IDP41c0aa03", "2026-08-08T13:52:22Z", None)]),
    ];
    assert_eq!(told, expected);
    assert!(events.iter().all(|event| event.rows.is_empty()), "an event is a hint");
    assert_eq!(hook(fixture!("webhook.jwt")).unwrap()[3].id, loose, "the same words are the same event");
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
fn whoever_does_not_know_the_secret_is_not_believed() {
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
        assert!(matches!(hook(body.as_bytes()), Err(HookFault::Forged(_))), "{body}");
    }
    assert!(matches!(hook(b"\xFF\xFE"), Err(HookFault::Forged(_))));
    for secret in [Value::Null, json!("hook-s3cret of our"), json!("Hook-s3cret of ours")] {
        assert!(matches!(taken(&secret, good.as_bytes()), Err(HookFault::Forged(_))), "{secret}");
    }
}

#[test]
fn every_changed_letter_is_a_forgery() {
    let good = fixture!("webhook.jwt").trim_ascii();
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] = if bad[at] == b'A' { b'Q' } else { b'A' };
        assert!(matches!(hook(&bad), Err(HookFault::Forged(_))), "letter {at}");
        assert!(matches!(hook(&good[..at]), Err(HookFault::Forged(_))), "{at} letters");
    }
}

#[test]
fn a_signed_token_without_events_is_malformed() {
    assert!(matches!(hook(fixture!("webhook_no_events.jwt")), Err(HookFault::Malformed(_))));
}

#[test]
fn faults_tell_nothing_of_what_came() {
    for body in
        [fixture!("webhook_other_secret.jwt"), fixture!("webhook_unsigned.json"), fixture!("webhook_no_events.jwt")]
    {
        let text = hook(body).unwrap_err().to_string();
        assert!(!text.contains("57300") && !text.contains("eyJ") && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn events_without_an_id_are_told_apart_by_all_that_they_say() {
    let ids = |events: &str| {
        let claims = Json::read(&format!(r#"{{"events":[{events}]}}"#)).unwrap();
        event::read(&claims).unwrap().into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    let same = ids(r#"{"event_type":"process","event_action":"a"},{ "event_action": "a", "event_type":"process" }"#);
    assert_eq!(same[0], same[1]);
    let other = ids(r#"{"event_type":"process","event_action":"b"}"#);
    assert_ne!(same[0], other[0]);
    let long = "9".repeat(200);
    assert!(ids(&format!(r#"{{"id":"{long}"}}"#))[0].starts_with("hash:"));
}
