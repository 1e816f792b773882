//! Wolkvox's chats.

use super::{Comparison, GoneRows, compare};
use chrono::{DateTime, Utc};
use domain::window::Window;
use entities::wolkvox_chats::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use serde_json::Value;
use simulator::wolkvox::{Chat, Wolkvox};
use storage::DbErr;
use storage::database::Database;

/// Compares the stored chats of `account` that began in `window` with the vendor's as of now, and those that are marked as
/// gone with those that users have deleted.
///
/// # Errors
/// An error of the database.
pub async fn wolkvox(db: &Database, account: &str, vendor: &Wolkvox, window: Window) -> Result<Comparison, DbErr> {
    let stored = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::StartAt.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::StartAt.lt::<DateTime<Utc>>(window.to()));
    let chats = async |select: Select<Entity>| {
        Ok::<_, DbErr>(select.all(db.connection()).await?.iter().map(from_row).collect::<Vec<Chat>>())
    };
    let name = |chat: &Chat| (chat.start_date.clone(), chat.conn_id.clone());
    let table = chats(stored.clone().filter(Column::GoneAt.is_null())).await?;
    let marked = stored.filter(Column::GoneAt.is_not_null());
    let gone = GoneRows {
        deleted: vendor.deleted(window).iter().map(name).collect(),
        marked: chats(marked.clone()).await?.iter().map(name).collect(),
        in_final_view: chats(marked.filter(Expr::cust(IS_FINAL))).await?.iter().map(name).collect(),
    };
    Ok(gone.add_to(compare(&vendor.dataset(window), &table, name)))
}

/// Whether the view of final rows has the row.
const IS_FINAL: &str = "EXISTS (SELECT 1 FROM wolkvox_chats_final f WHERE f.account = wolkvox_chats.account AND \
     f.conn_id = wolkvox_chats.conn_id)";

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
