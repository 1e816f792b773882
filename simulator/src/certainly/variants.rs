//! Variants of a report's values. No variant changes the meaning.

use super::config::{Config, IdStyle, Wrapper};
use super::message::Message;
use crate::gateway::Answer;
use crate::random::{generator, unmix};
use rand::Rng;
use serde_json::{Map, Value, json};

/// The notation of the values in one answer or one file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Variant {
    /// Whether ids are texts.
    pub(super) ids_as_text: bool,
    /// Whether `response[].type` is `Text` and not `text`.
    pub(super) capitals: bool,
}

/// The fields with one id or several.
const IDS: [&str; 7] = [
    "id",
    "conversation_id",
    "through_bot_modules",
    "bot_module_id",
    "through_connection_id",
    "id_message_evaluate",
    "fallback_module_id",
];

const SALT_IDS: u64 = 0x1D5;
const SALT_WRAPPER: u64 = 0x3A99;

/// The answer to request `ordinal`: the rows in their order, with the wrapper and the ids of the configuration.
pub(super) fn rows_answer(messages: &[Message], config: &Config, ordinal: u64) -> Answer {
    let variant = Variant::of_request(config.ids, config.seed, ordinal);
    let rows = Value::Array(messages.iter().map(|message| variant.row(message)).collect());
    let all = [Wrapper::Bare, Wrapper::Results, Wrapper::Data, Wrapper::Messages];
    let mut random = generator(config.seed ^ SALT_WRAPPER, ordinal);
    let body = match unmix(config.wrapper, Wrapper::Mixed, &all, &mut random) {
        Wrapper::Bare | Wrapper::Mixed => rows,
        Wrapper::Results => json!({"results": rows}),
        Wrapper::Data => json!({"data": rows}),
        Wrapper::Messages => json!({"messages": rows}),
    };
    Answer::json(200, &body)
}

impl Variant {
    /// The notation of the answer to request `ordinal`.
    fn of_request(ids: IdStyle, seed: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ SALT_IDS, ordinal);
        let ids = unmix(ids, IdStyle::Mixed, &[IdStyle::Number, IdStyle::Text], &mut random);
        Self { ids_as_text: ids == IdStyle::Text, capitals: random.random() }
    }

    /// A message as a row of the report.
    pub(super) fn row(self, message: &Message) -> Value {
        let mut row = serde_json::to_value(message).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot write a message as JSON; the row is null");
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
