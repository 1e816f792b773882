//! A reader of every variant of a file, for these tests alone.

use chrono::{DateTime, NaiveDateTime, Utc};
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};
use simulator::ultimate::{Conversation, Version};
use std::io::Read;

/// The rows of a complete file.
pub fn read(bytes: &[u8], version: Version) -> Vec<Conversation> {
    raw(bytes).into_iter().map(|row| conversation(row, version)).collect()
}

/// The rows as JSON.
pub fn raw(bytes: &[u8]) -> Vec<Map<String, Value>> {
    let text = unpacked(bytes);
    if text.starts_with('[') {
        return serde_json::from_str(&text).unwrap();
    }
    serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>().unwrap()
}

/// The text of a file, after decompression.
pub fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    if bytes.starts_with(&[0x1F, 0x8B]) {
        GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes.to_vec()).unwrap();
    }
    text
}

/// Whether the bytes are a complete file of rows.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut text = String::new();
    let packed = bytes.starts_with(&[0x1F, 0x8B]);
    let unpacked =
        if packed { GzDecoder::new(bytes).read_to_string(&mut text) } else { (&mut &*bytes).read_to_string(&mut text) };
    let is_row = |row: &Result<Value, _>| row.as_ref().is_ok_and(|row: &Value| row.is_object() || row.is_array());
    unpacked.is_ok() && serde_json::Deserializer::from_str(&text).into_iter().all(|row| is_row(&row))
}

fn conversation(row: Map<String, Value>, version: Version) -> Conversation {
    let mut plain = Map::new();
    for (name, value) in row {
        let name = documented(&name);
        let value = match name.as_str() {
            "conversations_data" => {
                let text = value.as_str().unwrap().to_owned();
                serde_json::from_str(&text).unwrap_or(Value::String(text))
            }
            "labels" | "segments" | "triggered_procedures" | "triggered_use_cases" | "knowledge_sources" => {
                list(&value)
            }
            "triggered_replies" | "triggered_intent_replies" => {
                let items = list(&value).as_array().unwrap().clone();
                let object =
                    |item: Value| item.as_str().map_or(item.clone(), |text| serde_json::from_str(text).unwrap());
                items.into_iter().map(object).collect()
            }
            _ if name.ends_with("_count") => number(&value),
            _ if name.ends_with("_time") || name.ends_with("_timestamp") => json!(instant(&value)),
            "test_mode" | "is_llm_conversation" | "automated_resolution" | "has_knowledge_response_attempt" => {
                value.as_str().map_or(value.clone(), |text| json!(text == "true"))
            }
            _ => value,
        };
        assert!(plain.insert(name, value).is_none());
    }
    let found: Conversation = serde_json::from_value(Value::Object(plain.clone())).unwrap();
    // Exactly the columns of the version.
    let all = serde_json::to_value(found.clone().in_version(version)).unwrap();
    let missing =
        all.as_object().unwrap().iter().filter(|(name, value)| !value.is_null() && !plain.contains_key(*name));
    assert_eq!(missing.count(), 0);
    assert_eq!(found, found.clone().in_version(version));
    found
}

/// The documented name, in its documented case.
fn documented(name: &str) -> String {
    let small = name.to_lowercase();
    match small.as_str() {
        "conversation_data" => "conversations_data".to_owned(),
        "knowledge_notundestood_count" => "knowledge_notUnderstood_count".to_owned(),
        _ => small
            .replace("notunderstood", "notUnderstood")
            .replace("responsegenerated", "responseGenerated")
            .replace("erroroccurred", "errorOccurred")
            .replace("escalationrequired", "escalationRequired"),
    }
}

fn list(value: &Value) -> Value {
    value.as_str().map_or(value.clone(), |text| serde_json::from_str(text).unwrap())
}

fn number(value: &Value) -> Value {
    value.as_str().map_or(value.clone(), |text| json!(text.parse::<u32>().unwrap()))
}

fn instant(value: &Value) -> DateTime<Utc> {
    let Some(text) = value.as_str() else { return DateTime::from_timestamp_millis(value.as_i64().unwrap()).unwrap() };
    let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").map(|naive| naive.and_utc());
    naive.unwrap_or_else(|_| text.parse().unwrap())
}
