//! Wolkvox's chats.

use super::{Comparison, compare};
use chrono::{DateTime, Utc};
use domain::window::Window;
use entities::wolkvox_chats::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use simulator::wolkvox::{Chat, Wolkvox};
use storage::DbErr;
use storage::database::Database;

/// Compares the stored chats of `account` that began in `window` with the vendor's as of now.
///
/// # Errors
/// An error of the database.
pub async fn wolkvox(db: &Database, account: &str, vendor: &Wolkvox, window: Window) -> Result<Comparison, DbErr> {
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::StartAt.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::StartAt.lt::<DateTime<Utc>>(window.to()))
        .filter(Column::GoneAt.is_null())
        .all(db.connection())
        .await?;
    let table: Vec<Chat> = rows.iter().map(from_row).collect();
    Ok(compare(&vendor.dataset(window), &table, |chat| (chat.start_date.clone(), chat.conn_id.clone())))
}

/// A stored row as the vendor writes it.
fn from_row(row: &Model) -> Chat {
    let raw = |column: &str| row.extra.get(column).and_then(Value::as_str).map(str::to_owned);
    let count = |number: Option<i64>, column: &str| {
        number.map(|number| number.to_string()).or_else(|| raw(column)).unwrap_or_default()
    };
    Chat {
        conn_id: if row.conn_id.starts_with('~') { raw("conn_id").unwrap_or_default() } else { row.conn_id.clone() },
        session_id: row.session_id.clone(),
        times_chatted: count(row.times_chatted, "times_chatted"),
        start_date: row.start_date.clone(),
        end_date: row.end_date.clone(),
        time_on_chatbot: row.time_on_chatbot.clone(),
        rp_id: row.rp_id.clone(),
        channel: row.channel.clone(),
        go_to_agent: row.go_to_agent.clone(),
        customer_phone: row.customer_phone.clone(),
        customer_name: row.customer_name.clone(),
        agent_id: row.agent_id.clone(),
        agent_name: row.agent_name.clone(),
        time_with_agent: row.time_with_agent.clone(),
        total_time: row.total_time.clone(),
        customer_chars: count(row.customer_chars, "customer_chars"),
        agent_chars: count(row.agent_chars, "agent_chars"),
        total_chars: count(row.total_chars, "total_chars"),
        asa: row.asa.clone(),
        last_sender: row.last_sender.clone(),
        customer_id: row.customer_id.clone(),
        customer_email: row.customer_email.clone(),
    }
}
