//! A process as JSON. No spelling changes what it means.

use super::process::Process;
use super::story::written;
use crate::draw::generator;
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Map, Value, json};

/// Keeps the draws of spellings apart from others.
const SALT: u64 = 0x59E1;

/// The whole result, as request `ordinal` gets it.
pub(super) fn result(process: &Process, seed: u64, ordinal: u64) -> Value {
    let mut random = generator(seed ^ SALT, ordinal);
    let whole = serde_json::to_value(process).unwrap_or_default();
    let Value::Object(mut fields) = whole else { return whole };
    fields.insert(String::from("creation_date"), json!(written(process.creation_date)));
    fields.insert(String::from("update_date"), json!(written(process.update_date)));
    for name in ["user_responses", "validations"] {
        if fields.get(name).and_then(Value::as_array).is_some_and(Vec::is_empty) {
            nothing(&mut fields, name, &json!([]), &mut random);
        }
    }
    for name in ["failure_status", "declined_reason"] {
        if fields.get(name).is_some_and(Value::is_null) {
            nothing(&mut fields, name, &json!(""), &mut random);
        }
    }
    if fields.get("last_finished_step").is_some_and(Value::is_null) {
        nothing(&mut fields, "last_finished_step", &Value::Null, &mut random);
    }
    // Some processes have what no document names; and it is theirs, whoever asks.
    let own: u64 = process.process_id.bytes().map(u64::from).sum();
    if own % 10 < 3 {
        fields.insert(String::from("is_used"), json!(own.is_multiple_of(2)));
        fields.insert(String::from("labels_v2"), json!({"tier": own % 9, "tags": ["a", null]}));
    }
    Value::Object(fields)
}

/// The short form, of a list and by itself.
pub(super) fn short(process: &Process) -> Value {
    json!({
        "process_id": process.process_id,
        "account_id": process.account_id,
        "flow_id": process.flow_id,
        "status": process.status,
        "creation_date": written(process.creation_date),
        "update_date": written(process.update_date),
    })
}

/// There is none: left out, null, or `empty`.
fn nothing(fields: &mut Map<String, Value>, name: &str, empty: &Value, random: &mut SmallRng) {
    match random.random_range(0..3u8) {
        0 => drop(fields.remove(name)),
        1 => drop(fields.insert(name.to_owned(), Value::Null)),
        _ => drop(fields.insert(name.to_owned(), empty.clone())),
    }
}
