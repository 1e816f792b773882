//! A reader of answers and files, for these tests alone.

use serde_json::{Map, Value, json};
use simulator::certainly::Message;

const IDS: [&str; 7] = [
    "id",
    "conversation_id",
    "through_bot_modules",
    "bot_module_id",
    "through_connection_id",
    "id_message_evaluate",
    "fallback_module_id",
];
const TOP: [&str; 16] = [
    "id",
    "timestamp",
    "message",
    "response",
    "conversation_id",
    "through_bot_modules",
    "bot_module_id",
    "is_test",
    "external_agent",
    "through_connection_id",
    "is_global_module_match",
    "is_deleted",
    "id_message_evaluate",
    "data",
    "user_message_empty",
    "bot_response_empty",
];
const MODULE: [&str; 12] = [
    "name",
    "type",
    "instruction",
    "error_instruction",
    "is_global",
    "priority",
    "is_starting",
    "fallback_module_id",
    "skip_user_input",
    "skip_global_connection_evaluation",
    "group",
    "kpis",
];
const USER: [&str; 3] = ["id", "created_date", "botuser_meta"];
const BOOLEANS: [&str; 5] =
    ["is_", "user_message_empty", "bot_response_empty", "skip_user_input", "skip_global_connection_evaluation"];
const NESTED: [&str; 5] = ["response", "data", "kpis", "through_bot_modules", "botuser_meta"];
const TEXTS: [&str; 7] = ["message", "name", "type", "instruction", "error_instruction", "timestamp", "created_date"];

/// The rows of an answer in any wrapper.
pub fn messages(body: Value) -> Vec<Message> {
    let rows = match body {
        Value::Array(rows) => rows,
        Value::Object(fields) => {
            let (name, rows) = fields.into_iter().next().unwrap();
            assert!(["results", "data", "messages"].contains(&name.as_str()), "{name}");
            rows.as_array().unwrap().clone()
        }
        other => panic!("{other}"),
    };
    rows.into_iter().map(message).collect()
}

/// The rows of a file in any style.
pub fn file(bytes: &[u8]) -> Vec<Message> {
    let records = records(bytes);
    let heads = records.first().into_iter().flatten().map(|(header, _)| plain(header)).collect::<Vec<_>>();
    records.iter().map(|record| message(nested(&heads, record))).collect()
}

/// Header and cell of each column, row by row; a row of another length panics.
pub fn records(bytes: &[u8]) -> Vec<Vec<(String, String)>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let head = String::from_utf8_lossy(bytes).lines().next().unwrap().to_owned();
    let delimiter = [b';', b'\t', b','].into_iter().find(|byte| head.contains(char::from(*byte))).unwrap();
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(bytes);
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let pairs = |record: csv::StringRecord| {
        headers.iter().cloned().zip(record.iter().map(str::to_owned)).collect::<Vec<(String, String)>>()
    };
    reader.records().map(|record| pairs(record.unwrap())).collect()
}

fn message(mut row: Value) -> Message {
    numbers(&mut row);
    for bubble in row["response"].as_array_mut().unwrap() {
        bubble["type"] = json!(bubble["type"].as_str().unwrap().to_lowercase());
    }
    serde_json::from_value(row).unwrap()
}

fn numbers(value: &mut Value) {
    for (name, value) in value.as_object_mut().into_iter().flatten() {
        match value {
            Value::Object(_) => numbers(value),
            Value::Array(values) if !IDS.contains(&name.as_str()) => values.iter_mut().for_each(numbers),
            Value::Array(values) => values.iter_mut().for_each(number),
            _ if IDS.contains(&name.as_str()) => number(value),
            _ => {}
        }
    }
}

fn number(value: &mut Value) {
    if let Some(text) = value.as_str() {
        *value = json!(text.parse::<u64>().unwrap());
    }
}

fn nested(heads: &[String], record: &[(String, String)]) -> Value {
    let take = |prefix: &str, name: &str| {
        let wanted = plain(&format!("{prefix}{name}"));
        let mut named = heads
            .iter()
            .zip(record)
            .filter(|(head, _)| **head == wanted || name == "botuser_meta" && *head == "botusermeta");
        let (_, (_, cell)) = named.next().unwrap_or_else(|| panic!("{prefix}{name} in {heads:?}"));
        assert!(named.next().is_none(), "{name} twice");
        (name.to_owned(), value(name, cell))
    };
    let mut row: Map<String, Value> = TOP.iter().map(|name| take("", name)).collect();
    let mut module: Map<String, Value> = MODULE.iter().map(|name| take("bot_module", name)).collect();
    module.insert(String::from("id"), row["bot_module_id"].clone());
    row.insert(String::from("bot_module"), Value::Object(module));
    row.insert(String::from("botuser"), USER.iter().map(|name| take("botuser", name)).collect());
    Value::Object(row)
}

fn value(name: &str, cell: &str) -> Value {
    if NESTED.contains(&name) {
        serde_json::from_str(cell).unwrap()
    } else if TEXTS.contains(&name) {
        json!(cell)
    } else if cell.is_empty() {
        Value::Null
    } else if BOOLEANS.iter().any(|prefix| name.starts_with(prefix)) {
        json!(cell.to_lowercase().parse::<bool>().unwrap())
    } else {
        cell.parse::<u64>().map_or_else(|_| json!(cell), |number| json!(number))
    }
}

/// Small letters and digits, without accents.
fn plain(header: &str) -> String {
    let bare = header.to_lowercase().replace('é', "e").replace('ó', "o");
    bare.chars().filter(char::is_ascii_alphanumeric).collect()
}
