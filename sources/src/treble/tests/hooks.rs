use super::*;
use domain::hook::{Event, Hook, HookFault};
use secrecy::SecretString;

fn taken(own: &Value, told: Option<&str>, body: &[u8]) -> Result<Vec<Event<Batch>>, HookFault> {
    let source = opened(&json!({"webhook_secret": own})).source;
    source.hook(&Hook { secret: told.map(SecretString::from), content_type: Some("application/json"), body })
}

/// The only event of a body: its id, its kind, its row.
fn told(body: &[u8]) -> (String, String, Written) {
    let mut events = taken(&json!(SECRET), Some(SECRET), body).unwrap();
    assert_eq!(events.len(), 1);
    let Event { id, kind, rows, leads } = events.remove(0);
    assert!(leads.is_empty());
    let mut rows = written(&rows);
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
    let (id, kind, row) = told(fixture!("session_close.json"));
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

    let (_, kind, row) = told(fixture!("deployment_failure.json"));
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

    let (_, kind, row) = told(fixture!("hsm_status.json"));
    let expected = ["0b1c-3", "2026-08-08T15:00:02Z", "-", "-", "-", "-", "-", "APPROVED", "bienvenida", "-"];
    assert_eq!((kind.as_str(), cells(&row, &names)), ("hsm.status", expected.to_vec()));
}

#[test]
fn events_of_a_flow_are_told_apart_by_what_they_say() {
    let cases = [
        (fixture!("flow_response.json"), "flow.response", "-"),
        (fixture!("flow_timeout.json"), "flow.timeout", "2026-08-08T14:53:22.572123Z"),
        (fixture!("flow_opt_out.json"), "flow.opt_out", "-"),
        (fixture!("flow_closed.json"), "flow.closed", "-"),
    ];
    let mut ids = Vec::new();
    for (body, kind, at) in cases {
        let (id, found, row) = told(body);
        assert!(id.len() == 37 && id.starts_with("hash:"), "{id}");
        let names = ["timestamp", "external_id", "poll_id", "phone_tail"];
        assert_eq!((found.as_str(), cells(&row, &names)), (kind, vec![at, "c3f0-11", "41007", "3001112233"]));
        assert_eq!(told(body).0, id);
        ids.push(id);
    }
    let other = std::str::from_utf8(fixture!("flow_response.json")).unwrap().replace("Bien", "Mal");
    assert_ne!(told(other.as_bytes()).0, ids[0]);
    // The order of members and blanks mean nothing.
    let spelled = serde_json::to_vec(&serde_json::from_slice::<Value>(fixture!("flow_closed.json")).unwrap()).unwrap();
    assert_eq!(told(&spelled).0, ids[3]);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_nobody_documents_is_stored_as_well() {
    let (id, kind, row) =
        told(br#"{"event_type":"agent.assigned","event_id":7,"deployment_status":"SUCCESS","user":[]}"#);
    assert_eq!((id.as_str(), kind.as_str(), row["deployment_status"].as_str()), ("7", "agent.assigned", "SUCCESS"));
    assert_eq!(told(b"{}").1, "unknown");
    let long = format!(r#"{{"event_type":"x","event_id":"{}","session":{{"external_id":""}}}}"#, "9".repeat(500));
    let (id, _, row) = told(long.as_bytes());
    assert!(id.starts_with("hash:") && !row.contains_key("external_id"), "{id}");
    let several = taken(&json!(SECRET), Some(SECRET), br#"[{"event_id":"a"},{"event_id":"b"}]"#).unwrap();
    assert_eq!(several.len(), 2);
}

#[test]
fn whoever_does_not_know_the_secret_is_not_believed() {
    let body = fixture!("session_close.json");
    let wrong = [None, Some(""), Some("hook-s3cret-of-our"), Some("hook-s3cret-of-ourt"), Some("Hook-s3cret-of-ours")];
    for told in wrong {
        let fault = taken(&json!(SECRET), told, body).unwrap_err();
        assert!(matches!(fault, HookFault::Forged(_)), "{told:?}: {fault}");
        assert!(!fault.to_string().contains("s3cret"), "{fault}");
    }
    for told in [None, Some(""), Some(SECRET)] {
        assert!(matches!(taken(&Value::Null, told, body), Err(HookFault::Forged(_))), "{told:?}");
    }
    // Not even what cannot be read is looked at before.
    assert!(matches!(taken(&json!(SECRET), Some("x"), b"nonsense"), Err(HookFault::Forged(_))));
}

#[test]
fn what_is_no_event_is_malformed() {
    for body in
        [b"".as_slice(), b"x", b"5", b"\"3001112233\"", b"[5]", b"{\"user\":{\"cellphone\":\"3001112233\"", b"\xFF"]
    {
        let fault = taken(&json!(SECRET), Some(SECRET), body).unwrap_err();
        assert!(matches!(fault, HookFault::Malformed(_)), "{fault}");
        assert!(!fault.to_string().contains("300111"), "{fault}");
    }
}
