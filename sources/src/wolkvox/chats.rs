//! `chat_8` → `wolkvox_chats`.

use super::duration::seconds;
use super::row::{Place, Row};
use super::wall::instant;
use chrono::{DateTime, Utc};
use entities::tables::wolkvox_chats::{Entity, Model};
use entities::upsert::{self, Batch};
use serde_json::Value;

/// The rows as a batch for the table.
pub fn batch(place: &Place, rows: Vec<Row>) -> Batch {
    upsert::batch::<Entity>(&rows.into_iter().map(|row| model(place, row)).collect::<Vec<_>>())
}

/// The row as the table holds it.
pub fn model(place: &Place, mut row: Row) -> Model {
    let start_at = instant(row.text("start_date"), place.zone);
    let end_at = instant(row.text("end_date"), place.zone);
    let digest = row.digest(&[start_at, end_at]);
    Model {
        account: place.account.clone(),
        conn_id: std::mem::take(&mut row.key),
        session_id: row.take("session_id"),
        times_chatted: row.take_count("times_chatted"),
        start_date: row.take("start_date"),
        end_date: row.take("end_date"),
        time_on_chatbot_seconds: seconds(row.text("time_on_chatbot")),
        time_on_chatbot: row.take("time_on_chatbot"),
        rp_id: row.take("rp_id"),
        channel: row.take("channel"),
        go_to_agent: row.take("go_to_agent"),
        customer_phone: row.take("customer_phone"),
        customer_name: row.take("customer_name"),
        agent_id: row.take("agent_id"),
        agent_name: row.take("agent_name"),
        time_with_agent_seconds: seconds(row.text("time_with_agent")),
        time_with_agent: row.take("time_with_agent"),
        total_time_seconds: seconds(row.text("total_time")),
        total_time: row.take("total_time"),
        customer_chars: row.take_count("customer_chars"),
        agent_chars: row.take_count("agent_chars"),
        total_chars: row.take_count("total_chars"),
        asa_seconds: seconds(row.text("asa")),
        asa: row.take("asa"),
        last_sender: row.take("last_sender"),
        customer_id: row.take("customer_id"),
        customer_email: row.take("customer_email"),
        start_at,
        end_at,
        extra: Value::Object(row.extra),
        digest,
        // Storage stamps it.
        synced_at: DateTime::<Utc>::UNIX_EPOCH,
    }
}
