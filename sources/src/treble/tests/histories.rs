use super::*;
use domain::item::ItemStatus;

#[test]
fn every_entry_becomes_a_row() {
    let (step, rows) = success(&key(SESSION), fixture!("history.json"));
    let late = Some(utc("2026-08-15T14:00:00Z"));
    let found = ItemStatus { version: None, open_until: late, recheck_at: late };
    assert_eq!(step, ResponseSummary { rows: 4, item_status: Some(found), ..ResponseSummary::default() });
    let names = ["session_id", "ordinal", "entry_type", "type", "sender", "text"];
    let found: Vec<_> = rows.iter().map(|row| cells(row, &names)).collect();
    let expected = [
        ["900001", "0", "MESSAGE", "HSM", "AI", "Hola Ana"],
        ["900001", "1", "EVENT", "-", "-", "-"],
        ["900001", "2", "MESSAGE", "TEXT", "USER", "¡Hi! 🌻"],
        ["900001", "3", "MESSAGE", "IMAGE", "AGENT", "-"],
    ];
    assert_eq!(found, expected);
    let names = ["created_at", "delivered_at", "read_at", "file_url", "extra"];
    let receipts = ["2026-08-08T14:00:00Z", "2026-08-08T14:00:04Z", "2026-08-08T14:07:00Z", "-", "{}"];
    assert_eq!(cells(&rows[0], &names), receipts);
    let event = r#"{"event":{"created_at":"2026-08-08T14:06:40Z","name":"AGENT_ASSIGNED"}}"#;
    assert_eq!(cells(&rows[1], &names), ["-", "-", "-", "-", event]);
    let image = ["2026-08-08T14:10:00Z", "-", "-", "https://files.example/1.jpg", r#"{"extra":{"caption":"x"}}"#];
    assert_eq!(cells(&rows[3], &names), image);
    assert!(
        rows.iter().all(|row| row["session_created_at"] == "2026-08-08T14:00:00Z" && row["account"] == "treble_mx")
    );
}

#[test]
fn every_spelling_of_an_entry_becomes_the_same_row() {
    let plain = r#"[{"type":"MESSAGE","message":{"type":"TEXT","created_at":1786197600,"extra":null}},
        {"type":"EVENT","event":{"created_at":1786197600}}]"#;
    let first = success(&key(SESSION), plain.as_bytes()).1;
    for at in ["\"1786197600\"", "\"2026-08-08 14:00:00\"", "\"2026-08-08T14:00:00.000Z\""] {
        let body = plain.replace("1786197600", at).replace("\"extra\":null", "\"text\":\"\",\"read_at\":null");
        assert_eq!(success(&key(SESSION), body.as_bytes()).1, first, "{at}");
    }
}

#[test]
fn stores_entries_of_any_shape() {
    let body = r#"[7,"x",null,{"type":"MESSAGE"},{"type":"MESSAGE","message":"hi"},
        {"type":"MESSAGE","id":5,"message":{"type":"TEXT","text":"a","id":6,"read_at":"never"}},{"message":{"text":"a"}}]"#;
    let (step, rows) = success(&key(SESSION), body.as_bytes());
    assert_eq!((step.rows, step.rejects.len()), (7, 0));
    let rows: Vec<_> = rows.iter().map(|row| cells(row, &["ordinal", "entry_type", "text", "extra"])).collect();
    let expected = [
        ["0", "-", "-", r#"{"entry":7}"#],
        ["1", "-", "-", r#"{"entry":"x"}"#],
        ["2", "-", "-", "{}"],
        ["3", "MESSAGE", "-", "{}"],
        ["4", "MESSAGE", "-", r#"{"message":"hi"}"#],
        ["5", "MESSAGE", "a", r#"{"id":6,"read_at":"never"}"#],
        ["6", "-", "-", r#"{"message":{"text":"a"}}"#],
    ];
    assert_eq!(rows, expected);
}

#[test]
fn drops_the_rows_of_a_response_that_fails() {
    let entries = vec![r#"{"type":"MESSAGE","message":{"text":"a"}}"#; 1200].join(",");
    let mut reader = opened(&json!({})).source.reader("sessions", &key(SESSION), None).unwrap();
    reader.feed(head(200), format!("[{entries}").as_bytes()).unwrap();
    assert_eq!(reader.finish(head(200)).unwrap_err().kind(), "malformed");
    assert!(reader.take().is_none());
    assert_eq!(reader.finish(head(200)).unwrap_err().kind(), "malformed", "nothing makes it good again");
}

#[test]
fn the_last_fetch_follows_the_setting() {
    let reader = opened(&json!({"session_lookback": "20d"})).source.reader("sessions", &key(SESSION), None).unwrap();
    let late = Some(utc("2026-08-28T14:00:00Z"));
    let found = read(Boxed(reader), head(200), [fixture!("history.json")]).unwrap().0.item_status;
    assert_eq!(found, Some(ItemStatus { version: None, open_until: late, recheck_at: late }));
    let start = "accounts.treble_mx.session_lookback: must be at least a second; write session_lookback = \"604800s\"";
    assert_eq!(problems(&json!({"session_lookback": "0s"})), [start]);
}
