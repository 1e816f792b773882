//! Variants of sessions and histories as JSON. No variant changes the meaning.

use super::config::TimeFormat;
use super::session::{Message, Session};
use crate::random::{generator, unmix};
use chrono::{DateTime, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Map, Value, json};

/// The notation of one answer.
pub(super) struct Variant {
    times: TimeFormat,
    random: SmallRng,
}

const SALT: u64 = 0x59E1;
const SALT_ENTRY: u64 = 0xE747;

impl Variant {
    /// The notation of the answer to request `ordinal`.
    pub(super) fn of_request(times: TimeFormat, seed: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ SALT, ordinal);
        let formats = [TimeFormat::Number, TimeFormat::Text, TimeFormat::DayAndTime];
        Self { times: unmix(times, TimeFormat::Mixed, &formats, &mut random), random }
    }

    /// A row of a list.
    pub(super) fn session(&mut self, session: &Session) -> Value {
        let mut row = Map::new();
        row.insert(String::from("id"), json!(session.id));
        row.insert(String::from("created_at"), self.timestamp(session.created_at));
        let finished = session.finished_at.map(|at| self.timestamp(at));
        self.insert(&mut row, "finished_at", finished, &Value::Null);
        self.insert(&mut row, "external_id", session.external_id.as_ref().map(|id| json!(id)), &json!(""));
        row.insert(
            String::from("user"),
            json!({"country_code": session.country_code, "cellphone": session.cellphone, "tags": []}),
        );
        // That lists contain it is a guess.
        row.insert(String::from("deployment_status"), json!(session.deployment));
        // Some sessions have an undocumented field, the same in each answer.
        if session.id % 10 < 3 {
            row.insert(String::from("channel_v2"), json!({"kind": "whatsapp", "line": session.id % 9}));
        }
        Value::Object(row)
    }

    /// A complete history. Entries other than messages are the same in each answer.
    pub(super) fn history(&mut self, messages: &[Message], seed: u64) -> Value {
        let mut entries = Vec::new();
        for message in messages {
            let number = message.session_id.wrapping_mul(31) ^ u64::try_from(message.position).unwrap_or_default();
            if generator(seed ^ SALT_ENTRY, number).random_bool(0.1) {
                let at = self.timestamp(message.created_at);
                entries.push(json!({"type": "EVENT", "event": {"name": "AGENT_ASSIGNED", "created_at": at}}));
            }
            let body = self.message(message);
            entries.push(json!({"type": "MESSAGE", "message": body}));
        }
        Value::Array(entries)
    }

    fn message(&mut self, message: &Message) -> Value {
        let mut body = Map::new();
        body.insert(String::from("type"), json!(message.kind));
        body.insert(String::from("sender"), json!(message.sender));
        let file = message.file_url.as_ref().map(|url| json!(url));
        self.insert(&mut body, "text", message.text.as_ref().map(|text| json!(text)), &Value::Null);
        self.insert(&mut body, "file_url", file, &Value::Null);
        body.insert(String::from("created_at"), self.timestamp(message.created_at));
        for (name, at) in [("delivered_at", message.delivered_at), ("read_at", message.read_at)] {
            let at = at.map(|at| self.timestamp(at));
            self.insert(&mut body, name, at, &Value::Null);
        }
        body.insert(String::from("extra"), Value::Null);
        Value::Object(body)
    }

    fn timestamp(&self, at: DateTime<Utc>) -> Value {
        match self.times {
            TimeFormat::Number => json!(at.timestamp()),
            TimeFormat::Text => json!(at.timestamp().to_string()),
            TimeFormat::DayAndTime | TimeFormat::Mixed => json!(at.format("%Y-%m-%d %H:%M:%S").to_string()),
        }
    }

    /// Writes a value; an absent one is left out, null, or `empty`.
    fn insert(&mut self, fields: &mut Map<String, Value>, name: &str, value: Option<Value>, empty: &Value) {
        let value = value.or_else(|| match self.random.random_range(0..3u8) {
            0 => None,
            1 => Some(Value::Null),
            _ => Some(empty.clone()),
        });
        fields.extend(value.map(|value| (name.to_owned(), value)));
    }
}
