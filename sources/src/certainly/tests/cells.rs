use super::super::fields::{FieldType, cell};
use super::super::message::{MessageError, indexed_columns};
use super::*;
use crate::json::Json;
use crate::stand_in_id::stand_in_id;
use entities::certainly_messages::Entity;
use entities::schema::{self, VendorTable};

#[test]
fn fields_are_in_the_order_of_the_columns() {
    let shape = Entity::schema();
    let names: Vec<&str> = shape.columns.iter().map(|column| column.name).collect();
    let fields = FIELDS.iter().map(|field| field.column);
    let expected: Vec<&str> =
        ["account", "bot_id"].into_iter().chain(fields).chain(["extra", "digest", "synced_at"]).collect();
    assert_eq!(names, expected);
    assert_eq!(indexed_columns(), ["message_id", "timestamp", "message", "conversation_id"]);
    for (field, column) in FIELDS.iter().zip(&shape.columns[2..]) {
        let kind = match field.value_type {
            FieldType::Text | FieldType::Id => schema::ColumnType::Text,
            FieldType::Bool => schema::ColumnType::Bool,
            FieldType::Int => schema::ColumnType::Int,
            FieldType::Time => schema::ColumnType::Time,
            FieldType::Json | FieldType::Ids | FieldType::Bubbles => schema::ColumnType::Json,
        };
        assert_eq!(column.column_type, kind, "{}", field.column);
        assert_eq!(column.nullable, !["message_id", "timestamp"].contains(&field.column), "{}", field.column);
    }
    assert_eq!((shape.key.as_slice(), shape.at), ([0, 1, 2].as_slice(), 3));
}

#[test]
fn a_message_becomes_a_row() {
    let rows: Vec<&serde_json::value::RawValue> = serde_json::from_slice(fixture!("page.json")).unwrap();
    let first = columns(rows[0].get());
    let meta = r#"{"web":{"current_ip":"203.0.113.7","host":"shop.example.com","hostPageUrl":"https://shop.example.com/help"}}"#;
    let bubbles =
        r#"[{"text":"Let me check that for you.","type":"text","wait":0},{"text":"","type":"wait","wait":1500}]"#;
    let expected = BTreeMap::from([
        ("message_id", text("98211377")),
        ("timestamp", Cell::Time(utc("2021-12-16T09:12:44.120345Z"))),
        ("message", text("Where is my order?")),
        ("response", json(bubbles)),
        ("conversation_id", text("5512093")),
        ("through_bot_modules", json(r#"["301122","301123"]"#)),
        ("bot_module_id", text("301123")),
        ("is_test", Cell::Bool(false)),
        ("through_connection_id", text("771204")),
        ("is_global_module_match", Cell::Bool(false)),
        ("is_deleted", Cell::Bool(false)),
        ("id_message_evaluate", text("771204")),
        ("data", json(r#"[{"fallback":false,"position":1,"type":"local"}]"#)),
        ("user_message_empty", Cell::Bool(false)),
        ("bot_response_empty", Cell::Bool(false)),
        ("bot_module_name", text("Order status")),
        ("bot_module_type", text("statement")),
        ("bot_module_instruction", text("Let me check that for you, {{name}}.")),
        ("bot_module_is_global", Cell::Bool(false)),
        ("bot_module_priority", Cell::Int(0)),
        ("bot_module_is_starting", Cell::Bool(false)),
        ("bot_module_skip_user_input", Cell::Bool(false)),
        ("bot_module_skip_global_connection_evaluation", Cell::Bool(true)),
        ("bot_module_kpis", json(r##"[{"colour":"#00AA88","id":"12","label":"wismo"}]"##)),
        ("botuser_id", text("4410022")),
        ("botuser_created_date", Cell::Time(utc("2021-12-16T09:12:01.003Z"))),
        ("botuser_meta", json(meta)),
        ("extra", json("{}")),
    ]);
    assert_eq!(first, expected);
    let second = columns(rows[1].get());
    assert_eq!(second["timestamp"], Cell::Time(utc("2021-12-16T09:00:00Z")));
    assert_eq!((second.get("message"), &second["response"]), (None, &json("[]")), "an empty list is no empty text");
    assert_eq!(second["bot_module_group"], json(r#""Returns; refunds""#));
}

#[test]
fn a_value_that_does_not_fit_goes_to_extra_under_its_name() {
    let row = r#"{"id":1,"timestamp":1639645964,"is_test":"perhaps","bot_module":{"priority":"1.5","is_global":[true]},
        "botuser":{"created_date":"yesterday"},"sentiment":0.70,"tags":["vip",{"b":1,"a":null}],"none":null,"blank":""}"#;
    let columns = columns(row);
    let expected = r#"{"bot_module_is_global":[true],"bot_module_priority":"1.5","botuser_created_date":"yesterday","is_test":"perhaps","sentiment":"0.7","tags":["vip",{"a":null,"b":1}]}"#;
    assert_eq!(columns["extra"], json(expected));
    assert_eq!(columns.keys().copied().collect::<Vec<_>>(), ["extra", "message_id", "timestamp"]);
}

#[test]
fn extra_keeps_every_other_value() {
    let row = r#"{"id":1,"timestamp":1639645964,"bot_module_id":5,"bot_module":{"id":6,"icon":"cart"},
        "botuser":{"name":"Ana","botuser_meta":{"web":{"host":"h"},"sms":true}},"Is_Test":"1","is_test":false,
        "botId":"another"}"#;
    let columns = columns(row);
    assert_eq!(columns["bot_module_id"], text("5"));
    assert_eq!(columns["is_test"], Cell::Bool(false), "the documented spelling wins");
    let expected =
        r#"{"Is_Test":"1","botId":"another","bot_module.icon":"cart","bot_module.id":"6","botuser.name":"Ana"}"#;
    assert_eq!(columns["extra"], json(expected));
    assert_eq!(columns["botuser_meta"], json(r#"{"sms":true,"web":{"host":"h"}}"#));
    // An equal second value is not kept.
    let twice = self::columns(r#"{"id":1,"timestamp":1639645964,"bot_module_id":5,"bot_module":{"id":"5"}}"#);
    assert_eq!(twice["extra"], json("{}"));
}

#[test]
fn a_message_without_an_id_gets_a_hashed_id() {
    let row = r#"{"conversation_id":7,"timestamp":"2021-12-16T09:12:44Z","message":"hi"}"#;
    let id = stand_in_id("~", &["7", "2021-12-16T09:12:44.000000Z", "hi"]);
    assert_eq!(columns(row)["message_id"], text(&id));
    // However the same is written.
    let other = r#"{"conversationId":"7","timestamp":1639645964,"message":"hi","id":""}"#;
    assert_eq!(columns(other), columns(row));
    let invalid = |reason: &'static str| Err(MessageError::Invalid(reason.into()));
    let unread = |row: &str| Message::parse(serde_json::from_str(row).unwrap(), BOT);
    let no_id = invalid("has neither an id nor a conversation");
    assert_eq!(unread(r#"{"timestamp":1639645964,"message":"hi"}"#), no_id);
    let timeless = invalid("has no valid timestamp");
    for timestamp in ["\"soon\"", "null", "[]", "12"] {
        assert_eq!(unread(&format!(r#"{{"id":1,"timestamp":{timestamp}}}"#)), timeless, "{timestamp}");
    }
    assert_eq!(unread("[]"), invalid("is not an object"));
}

#[test]
fn parses_booleans_numbers_and_ids_in_every_spelling() {
    let read = |kind, raw: &str| cell(kind, Json::parse(raw).unwrap());
    for (raw, is) in [("true", true), ("\"True\"", true), ("1", true), ("\"FALSE\"", false), ("\" 0\"", false)] {
        assert_eq!(read(FieldType::Bool, raw), Ok(Cell::Bool(is)), "{raw}");
    }
    for raw in ["\"yes\"", "2", "[]", "{}"] {
        assert!(read(FieldType::Bool, raw).is_err(), "{raw}");
    }
    for (raw, number) in [("12", 12), ("\"-3\"", -3), ("4.0", 4), ("\" 5.0 \"", 5)] {
        assert_eq!(read(FieldType::Int, raw), Ok(Cell::Int(number)), "{raw}");
    }
    for raw in ["1.5", "\"many\"", "99999999999999999999", "true"] {
        assert!(read(FieldType::Int, raw).is_err(), "{raw}");
    }
    for (raw, id) in [("12", "12"), ("\" a-1 \"", "a-1"), ("771204.0", "771204"), ("\"v1.0\"", "v1.0")] {
        assert_eq!(read(FieldType::Id, raw), Ok(text(id)), "{raw}");
    }
    for kind in [
        FieldType::Text,
        FieldType::Id,
        FieldType::Bool,
        FieldType::Int,
        FieldType::Time,
        FieldType::Json,
        FieldType::Ids,
        FieldType::Bubbles,
    ] {
        for raw in ["null", "\"\""] {
            assert_eq!(read(kind, raw), Ok(Cell::Null), "{kind:?} {raw}");
        }
    }
}

#[test]
fn parses_timestamps_in_every_spelling() {
    let at = Ok(Cell::Time(utc("2021-12-16T09:12:44.120345Z")));
    let spellings = [
        "2021-12-16T09:12:44.120345Z",
        "2021-12-16T10:12:44.120345+01:00",
        "2021-12-16T10:12:44.120345+0100",
        "2021-12-16 10:12:44.120345+01",
        "2021-12-16 09:12:44.120345 +0000",
        "2021-12-16 09:12:44.120345",
        "2021-12-16 09:12:44.120345 UTC",
        "2021-12-16T09:12:44.1203459",
        "1639645964.120345",
        "1639645964120.345",
        "1639645964120345",
        " 1639645964.1203459 ",
    ];
    for spelling in spellings {
        assert_eq!(cell(FieldType::Time, Json::Text(spelling.to_owned())), at, "{spelling}");
    }
    let whole = Ok(Cell::Time(utc("2021-12-16T09:12:00Z")));
    for spelling in ["2021-12-16 09:12", "1639645920", "1639645920000"] {
        assert_eq!(cell(FieldType::Time, Json::Text(spelling.to_owned())), whole, "{spelling}");
    }
    let none = ["16/12/2021 09:12", "2021-12-16", "-1639645964", "1e9", "20211216", "+12021-12-16T09:12:44Z", "."];
    for spelling in none {
        assert!(cell(FieldType::Time, Json::Text(spelling.to_owned())).is_err(), "{spelling}");
    }
}
