use super::super::chat::COLUMNS;
use super::super::duration::seconds;
use super::*;
use crate::stand_in_id::stand_in_id;
use serde_json::{Map, Value, json};

fn model_of(row: &Value) -> Model {
    models(envelope(&row.to_string()).as_bytes()).remove(0)
}

/// A row with a different text in every column.
fn full() -> Map<String, Value> {
    let texts = COLUMNS.iter().enumerate();
    let mut row: Map<String, Value> =
        texts.map(|(at, column)| (column.name.to_owned(), json!(format!("{}", at + 100)))).collect();
    row.insert("start_date".to_owned(), json!("2026-08-12 08:01:09"));
    row.insert("end_date".to_owned(), json!("2026-08-12 08:19:44"));
    row
}

#[test]
fn a_chat_becomes_a_row() {
    let rows = models(fixture!("success.json"));
    let expected = Model {
        account: "wolkvox_co".to_owned(),
        conn_id: "20670000101".to_owned(),
        session_id: "573005550101-702".to_owned(),
        times_chatted: Some(14),
        start_date: "2026-08-12 08:01:09".to_owned(),
        end_date: "2026-08-12 08:19:44".to_owned(),
        time_on_chatbot: "00:03:10".to_owned(),
        rp_id: "10023".to_owned(),
        channel: "whatsapp".to_owned(),
        go_to_agent: "yes".to_owned(),
        customer_phone: "573005550101".to_owned(),
        customer_name: "MARÍA \"Nena\" P".to_owned(),
        agent_id: "4107".to_owned(),
        agent_name: "Luis Ñ".to_owned(),
        time_with_agent: "00:15:25".to_owned(),
        total_time: "00:18:35".to_owned(),
        customer_chars: Some(412),
        agent_chars: Some(1033),
        total_chars: Some(1445),
        asa: "00:00:41".to_owned(),
        last_sender: "customer".to_owned(),
        customer_id: "1020304050".to_owned(),
        customer_email: "maria.p@correo.example".to_owned(),
        start_at: Some(utc("2026-08-12T13:01:09Z")),
        end_at: Some(utc("2026-08-12T13:19:44Z")),
        time_on_chatbot_seconds: Some(190),
        time_with_agent_seconds: Some(925),
        total_time_seconds: Some(1115),
        asa_seconds: Some(41),
        extra: json!({}),
        digest: rows[0].digest.clone(),
        synced_at: DateTime::UNIX_EPOCH,
        gone_at: None,
    };
    assert_eq!(rows[0], expected);
    assert_eq!((rows[1].end_at, rows[1].end_date.as_str(), rows[1].total_time_seconds), (None, "", None));
    let lengths = (rows[2].time_on_chatbot_seconds, rows[2].total_time_seconds, rows[2].time_with_agent_seconds);
    assert_eq!(lengths, (Some(59 * 60 + 30), Some(90_000), Some(86_400)));
}

#[test]
fn odd_names_find_their_columns_and_unknown_ones_go_to_extra() {
    let odd = models(fixture!("odd_keys.json")).remove(0);
    let plain = models(fixture!("success.json")).remove(0);
    assert_eq!(
        odd.extra,
        json!({"feeling": "", "agent_anwers": 3, "date_close": "2026-08-12 08:19:44", "tags": ["vip", {"b": 1, "a": null}]})
    );
    assert_eq!(Model { extra: json!({}), digest: plain.digest.clone(), ..odd }, plain);
    // Of two names for a column the documented one wins, in either order.
    let (one, other) = (r#"{"ASA":"1","asa":"2","conn_id":"1"}"#, r#"{"conn_id":"1","asa":"2","ASA":"1"}"#);
    let (one, other) = (models(envelope(one).as_bytes()).remove(0), models(envelope(other).as_bytes()).remove(0));
    assert_eq!((one.asa.as_str(), &one.extra), ("2", &json!({"ASA": "1"})));
    assert_eq!(one, other);
}

#[test]
fn other_types_become_text() {
    let row = models(fixture!("other_types.json")).remove(0);
    assert_eq!(row.conn_id, "20670000104000000001234", "all digits");
    assert_eq!(row.rp_id, "10023.50", "as it is written");
    assert_eq!((row.go_to_agent.as_str(), row.customer_email.as_str()), ("true", ""));
    assert_eq!((row.times_chatted, row.customer_chars, row.agent_chars, row.total_chars), (Some(14), None, None, None));
    assert_eq!(row.extra, json!({"customer_chars": "many", "total_chars": "1.445"}));
}

#[test]
fn a_row_without_an_id_gets_a_hashed_id() {
    let rows = models(fixture!("blank_ids.json"));
    for (row, raw) in rows.iter().zip(["", "-", "0", ""]) {
        let parts = [row.session_id.as_str(), &row.start_date, &row.customer_phone];
        assert_eq!(row.conn_id, stand_in_id("~", &parts));
        assert_eq!(row.extra, json!({"conn_id": raw}));
    }
    let again = models(fixture!("blank_ids.json"));
    assert_eq!(rows, again);
    assert_eq!(model_of(&json!({"conn_id": " 12 "})).conn_id, "12");
    assert!(model_of(&json!({"session_id": "1"})).conn_id.starts_with('~'));
    assert!(model_of(&json!({"start_date": "x"})).conn_id.starts_with('~'));
}

#[test]
fn removes_characters_that_no_database_stores() {
    let row = model_of(&json!({"conn_id": "1\0", "channel": "a\0b", "x\0": {"y\0": ["z\0"]}, "s": "\0"}));
    assert_eq!((row.conn_id.as_str(), row.channel.as_str()), ("1", "ab"));
    assert_eq!(row.extra, json!({"x": {"y": ["z"]}, "s": ""}));
    let half =
        models(envelope(r#"{"conn_id":"1","customer_name":"Juli \ud83c","nick":"\udf3b!"}"#).as_bytes()).remove(0);
    assert!(half.customer_name.starts_with("Juli \u{FFFD}"));
    assert!(half.extra["nick"].as_str().unwrap().ends_with('!'));
}

#[test]
fn numbers_in_extra_keep_every_digit() {
    let body = envelope(r#"{"conn_id":"1","a":1234567890123456789012,"b":1.50,"c":7,"d":[1.50]}"#);
    assert_eq!(
        models(body.as_bytes())[0].extra,
        json!({"a": "1234567890123456789012", "b": "1.50", "c": 7, "d": [1.5]})
    );
}

#[test]
fn parses_durations_in_every_spelling() {
    let cases = [
        ("00:00:00", Some(0)),
        ("00:03:10", Some(190)),
        ("30:00:01", Some(108_001)),
        ("123:59:59", Some(446_399)),
        ("75:10", Some(4510)),
        (" 41 ", Some(41)),
        ("", None),
        (" ", None),
        ("-", None),
        ("-1", None),
        ("+1", None),
        ("1:60", None),
        ("1:60:00", None),
        ("00:00:61", None),
        ("1:2:3:4", None),
        ("1:", None),
        ("34.64 %", None),
        ("99999999999999999999", None),
        ("9223372036854775807:00:00", None),
    ];
    for (text, expected) in cases {
        assert_eq!(seconds(text), expected, "{text:?}");
    }
}

#[test]
fn the_digest_ignores_order_and_blanks() {
    let row = full();
    let digest = model_of(&Value::Object(row.clone())).digest;
    assert_eq!(digest.len(), 32);
    let members: Vec<String> = row.iter().rev().map(|(key, value)| format!(" {} :\n{value}\t", json!(key))).collect();
    let shuffled = format!("{{{}}}", members.join(" , "));
    assert_eq!(models(envelope(&shuffled).as_bytes())[0].digest, digest);
    let nested = [r#"{"conn_id":"1","x":{"a":1,"b":[2]}}"#, r#"{"x" : { "b" : [ 2 ] , "a" : 1 } , "conn_id":"1"}"#];
    let nested = nested.map(|row| models(envelope(row).as_bytes()).remove(0).digest);
    assert_eq!(nested[0], nested[1]);
}

#[test]
fn the_digest_depends_on_every_column() {
    let mut digests = vec![model_of(&Value::Object(full())).digest];
    for column in &COLUMNS {
        for other in [json!("changed"), json!("")] {
            let mut row = full();
            row.insert(column.name.to_owned(), other);
            digests.push(model_of(&Value::Object(row)).digest);
        }
    }
    for (key, value) in
        [("feeling", json!("")), ("feeling", json!(null)), ("feeling", json!("x")), ("feelin", json!("gx"))]
    {
        let mut row = full();
        row.insert(key.to_owned(), value);
        digests.push(model_of(&Value::Object(row)).digest);
    }
    // Text that moves from one column to the next is another row.
    let mut row = full();
    row.insert("agent_id".to_owned(), json!("1111"));
    row.insert("agent_name".to_owned(), json!("12"));
    digests.push(model_of(&Value::Object(row)).digest);
    let mut row = full();
    row.insert("agent_id".to_owned(), json!("111"));
    row.insert("agent_name".to_owned(), json!("112"));
    digests.push(model_of(&Value::Object(row)).digest);
    let distinct: std::collections::HashSet<&String> = digests.iter().collect();
    // One repeats on purpose: `full` has 111 and 112 there.
    assert_eq!(distinct.len(), digests.len() - 1);
}

#[test]
fn another_zone_changes_the_digest() {
    let body = envelope(&Value::Object(full()).to_string());
    let digest = |mapper: ChatMapper| {
        let (_, batches) = read(reader(mapper, CAP), head(200), [body.as_bytes()]).unwrap();
        stored_rows(&batches[0])[0]["digest"].clone()
    };
    assert_ne!(digest(mapper()), digest(ChatMapper { zone: Tz::America__Santiago, ..mapper() }));
}
