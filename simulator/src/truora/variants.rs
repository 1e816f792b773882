//! Variants of a process as JSON. No variant changes the meaning.

use super::lifecycle::timestamp;
use super::process::Process;
use crate::random::generator;
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Map, Value, json};

const SALT: u64 = 0x59E1;

/// The complete result, as request `ordinal` gets it.
pub(super) fn result(process: &Process, seed: u64, ordinal: u64) -> Value {
    let mut random = generator(seed ^ SALT, ordinal);
    let value = serde_json::to_value(process).unwrap_or_default();
    let Value::Object(mut fields) = value else { return value };
    fields.insert(String::from("creation_date"), json!(timestamp(process.creation_date)));
    fields.insert(String::from("update_date"), json!(timestamp(process.update_date)));
    for name in ["user_responses", "validations"] {
        if fields.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            write_absent(&mut fields, name, &json!([]), &mut random);
        }
    }
    for name in ["failure_status", "declined_reason"] {
        if fields.get(name).is_some_and(Value::is_null) {
            write_absent(&mut fields, name, &json!(""), &mut random);
        }
    }
    if fields.get("last_finished_step").is_some_and(Value::is_null) {
        write_absent(&mut fields, "last_finished_step", &Value::Null, &mut random);
    }
    // Some processes have undocumented fields, the same in each answer.
    let digits: u64 = process.process_id.bytes().map(u64::from).sum();
    if digits % 10 < 3 {
        fields.insert(String::from("is_used"), json!(digits.is_multiple_of(2)));
        fields.insert(String::from("labels_v2"), json!({"tier": digits % 9, "tags": ["a", null]}));
    }
    Value::Object(fields)
}

/// The short form, in a list and on its own.
pub(super) fn short_form(process: &Process) -> Value {
    json!({
        "process_id": process.process_id,
        "account_id": process.account_id,
        "flow_id": process.flow_id,
        "status": process.status,
        "creation_date": timestamp(process.creation_date),
        "update_date": timestamp(process.update_date),
    })
}

/// Writes an absent value: left out, null, or `empty`.
fn write_absent(fields: &mut Map<String, Value>, name: &str, empty: &Value, random: &mut SmallRng) {
    match random.random_range(0..3u8) {
        0 => drop(fields.remove(name)),
        1 => drop(fields.insert(name.to_owned(), Value::Null)),
        _ => drop(fields.insert(name.to_owned(), empty.clone())),
    }
}
