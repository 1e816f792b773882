//! How values are written: always the same meaning, not always the same letters.

use super::config::Ids;
use super::message::Message;
use super::truth::generator;
use rand::Rng;
use serde_json::{Map, Value};

/// How one answer or one file spells what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    /// Ids as texts.
    pub(super) ids_as_text: bool,
    /// `Text` and not `text` in `response[].type`.
    pub(super) capitals: bool,
}

/// The fields that hold an id, or several.
const IDS: [&str; 7] = [
    "id",
    "conversation_id",
    "through_bot_modules",
    "bot_module_id",
    "through_connection_id",
    "id_message_evaluate",
    "fallback_module_id",
];

impl Spelling {
    /// That of the answer to request `ordinal`.
    pub(super) fn of_request(ids: Ids, seed: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ 0x1D5, ordinal);
        let drawn = random.random();
        let ids_as_text = match ids {
            Ids::Number => false,
            Ids::Text => true,
            Ids::Mixed => drawn,
        };
        Self { ids_as_text, capitals: random.random() }
    }

    /// A message as a row of the report.
    pub(super) fn row(self, message: &Message) -> Value {
        let mut row = serde_json::to_value(message).unwrap_or_else(|error| {
            tracing::error!(%error, "a message could not be written");
            Value::Null
        });
        if self.ids_as_text {
            ids_to_text(&mut row);
        }
        if self.capitals
            && let Some(Value::Array(bubbles)) = row.get_mut("response")
        {
            bubbles.iter_mut().filter_map(Value::as_object_mut).for_each(capitalise);
        }
        row
    }
}

fn ids_to_text(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if IDS.contains(&name.as_str()) { numbers_to_text(value) } else { ids_to_text(value) }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(ids_to_text),
        _ => {}
    }
}

fn numbers_to_text(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::Array(values) => values.iter_mut().for_each(numbers_to_text),
        _ => {}
    }
}

fn capitalise(bubble: &mut Map<String, Value>) {
    if let Some(Value::String(kind)) = bubble.get_mut("type")
        && let Some(first) = kind.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
}
