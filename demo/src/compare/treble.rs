//! Treble's polls, sessions and histories.

mod events;

pub use events::treble_events;

use super::{Comparison, Deviations, compare};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::window::Window;
use entities::{treble_messages, treble_polls, treble_sessions};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::treble::{Message, Poll, Session, Treble};
use std::collections::BTreeMap;
use storage::DbErr;
use storage::database::Database;

/// Compares, by table, all stored polls of `account`, and its sessions that began in `window` with their messages, with
/// the vendor's as of now. Polls whose sessions cannot be listed count too.
///
/// # Errors
/// An error of the database.
pub async fn treble(
    db: &Database,
    account: &str,
    vendor: &Treble,
    window: Window,
) -> Result<[(&'static str, Comparison); 3], DbErr> {
    let dataset = vendor.dataset(window);
    let polls: Vec<_> = dataset.polls.into_iter().map(|poll| ComparedPoll { poll, deviations: json!({}) }).collect();
    let session_times: BTreeMap<u64, DateTime<Utc>> =
        dataset.sessions.iter().map(|session| (session.id, session.created_at)).collect();
    let sessions: Vec<_> = dataset.sessions.into_iter().map(ComparedSession::from_vendor).collect();
    let message = |message: Message| ComparedMessage {
        session_created_at: session_times.get(&message.session_id).copied(),
        message,
        deviations: json!({}),
    };
    let messages: Vec<_> = dataset.messages.into_iter().map(message).collect();
    Ok([
        ("treble_polls", compare(&polls, &stored_polls(db, account).await?, ComparedPoll::name)),
        ("treble_sessions", compare(&sessions, &stored_sessions(db, account, window).await?, ComparedSession::name)),
        ("treble_messages", compare(&messages, &stored_messages(db, account, window).await?, ComparedMessage::name)),
    ])
}

/// Fields of the simulated sessions that the vendor does not document. They mean nothing.
const UNDOCUMENTED: [&str; 1] = ["channel_v2"];
/// The number of last digits by which phones are matched.
const TAIL: usize = 10;

/// A poll with its deviations.
#[derive(Serialize)]
struct ComparedPoll {
    poll: Poll,
    deviations: Value,
}

/// A session with its deviations, and what is derived from its phone.
#[derive(Serialize)]
struct ComparedSession {
    session: Session,
    phone: Option<String>,
    phone_tail: Option<String>,
    deviations: Value,
}

/// A message with its deviations, and the time of its session.
#[derive(Serialize)]
struct ComparedMessage {
    message: Message,
    session_created_at: Option<DateTime<Utc>>,
    deviations: Value,
}

impl ComparedPoll {
    fn name(&self) -> (String, String) {
        (String::from("any time"), format!("poll {}", self.poll.id))
    }
}

impl ComparedSession {
    fn from_vendor(session: Session) -> Self {
        let phone = digits(&format!("{}{}", session.country_code, session.cellphone));
        Self { phone_tail: Some(tail(&phone).to_owned()), phone: Some(phone), session, deviations: json!({}) }
    }

    fn name(&self) -> (String, String) {
        (self.session.created_at.to_rfc3339(), self.session.id.to_string())
    }
}

impl ComparedMessage {
    fn name(&self) -> (String, String) {
        (self.message.created_at.to_rfc3339(), format!("{}/{}", self.message.session_id, self.message.position))
    }
}

async fn stored_polls(db: &Database, account: &str) -> Result<Vec<ComparedPoll>, DbErr> {
    use treble_polls::{Column, Entity};
    let rows = Entity::find().filter(Column::Account.eq(account)).all(db.connection()).await?;
    let polls = rows.into_iter().map(|row| {
        let mut deviations = Deviations::new(&row.extra, |name| name == "version");
        deviations.expect_absent("settings", row.settings.as_ref().filter(|settings| **settings != json!({})));
        deviations.expect_absent("created_at", row.created_at.as_ref());
        let poll =
            Poll { id: deviations.required_id("poll_id", Some(&row.poll_id)), name: row.name.unwrap_or_default() };
        ComparedPoll { poll, deviations: deviations.into_value() }
    });
    Ok(polls.collect())
}

async fn stored_sessions(db: &Database, account: &str, window: Window) -> Result<Vec<ComparedSession>, DbErr> {
    use treble_sessions::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::CreatedAt.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::CreatedAt.lt::<DateTime<Utc>>(window.to()))
        .all(db.connection())
        .await?;
    Ok(rows.into_iter().map(from_session_row).collect())
}

/// A stored session as the vendor lists it.
fn from_session_row(row: treble_sessions::Model) -> ComparedSession {
    let mut deviations = Deviations::new(&row.extra, |name| UNDOCUMENTED.contains(&name));
    deviations.expect_absent("user", row.user.as_ref());
    // Only reports hold these; a list does not.
    deviations.expect_absent("session_status", row.session_status.as_ref());
    deviations.expect_absent("conversation_version", row.conversation_version.as_ref());
    deviations.expect_absent("first_message_at", row.first_message_at.as_ref());
    deviations.expect_absent("last_message_at", row.last_message_at.as_ref());
    deviations.expect_absent("last_message", row.last_message.as_ref());
    deviations.expect_absent("last_node_id", row.last_node_id.as_ref());
    deviations.expect_absent("report_extra", row.report_extra.as_ref());
    let session = Session {
        id: deviations.required_id("session_id", Some(&row.session_id)),
        poll_id: deviations.required_id("poll_id", row.poll_id.as_deref()),
        external_id: row.external_id,
        created_at: row.created_at,
        finished_at: row.finished_at,
        country_code: row.country_code.unwrap_or_default(),
        cellphone: row.cellphone.unwrap_or_default(),
        deployment: row.deployment_status.unwrap_or_default(),
    };
    ComparedSession { session, phone: row.phone, phone_tail: row.phone_tail, deviations: deviations.into_value() }
}

async fn stored_messages(db: &Database, account: &str, window: Window) -> Result<Vec<ComparedMessage>, DbErr> {
    use treble_messages::{Column, Entity, Model};
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::SessionCreatedAt.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::SessionCreatedAt.lt::<DateTime<Utc>>(window.to()))
        .order_by_asc(Column::Ordinal)
        .all(db.connection())
        .await?;
    let mut by_session: BTreeMap<String, Vec<Model>> = BTreeMap::new();
    for row in rows {
        by_session.entry(row.session_id.clone()).or_default().push(row);
    }
    Ok(by_session.into_values().flat_map(history).collect())
}

/// A session's messages. An entry that is no message has a place between them, and the time of the message after it.
fn history(entries: Vec<treble_messages::Model>) -> Vec<ComparedMessage> {
    let (mut messages, mut pending_event) = (Vec::new(), None);
    for (row, position) in entries.into_iter().zip(0i64..) {
        let mut deviations = Deviations::default();
        if row.ordinal != position {
            deviations.add("ordinal", json!([row.ordinal, position]));
        }
        if row.entry_type.as_deref() == Some("EVENT") && pending_event.is_none() {
            pending_event = Some((row, deviations));
            continue;
        }
        if let Some((event, of_event)) = pending_event.take() {
            deviations.merge(of_event);
            check_event(&mut deviations, &event, row.created_at);
        }
        messages.push(from_message_row(row, messages.len(), deviations));
    }
    // The vendor puts no event after the last message, so that such an entry is an error.
    messages.extend(pending_event.map(|(row, deviations)| from_message_row(row, usize::MAX, deviations)));
    messages
}

/// A stored message as the vendor writes it.
fn from_message_row(row: treble_messages::Model, position: usize, mut deviations: Deviations) -> ComparedMessage {
    deviations.add_extra(&row.extra, |_| false);
    deviations.expect_absent("entry_type", row.entry_type.as_ref().filter(|kind| *kind != "MESSAGE"));
    let message = Message {
        session_id: deviations.required_id("session_id", Some(&row.session_id)),
        position,
        kind: row.kind.unwrap_or_default(),
        sender: row.sender.unwrap_or_default(),
        text: row.text,
        file_url: row.file_url,
        created_at: row.created_at.unwrap_or_default(),
        delivered_at: row.delivered_at,
        read_at: row.read_at,
    };
    ComparedMessage { message, session_created_at: Some(row.session_created_at), deviations: deviations.into_value() }
}

/// Notes the deviations of an entry that is no message: the event that an agent took over, at the time of the message
/// after it.
fn check_event(deviations: &mut Deviations, row: &treble_messages::Model, at: Option<DateTime<Utc>>) {
    let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let expected = json!({"event": {"name": "AGENT_ASSIGNED", "created_at": at}});
    let texts = [&row.kind, &row.sender, &row.text, &row.file_url].into_iter().flatten().count();
    let times = [row.created_at, row.delivered_at, row.read_at].into_iter().flatten().count();
    if row.extra != expected || texts + times > 0 {
        deviations.add("event", row.extra.clone());
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A phone's last ten digits.
fn tail(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(TAIL)..).unwrap_or(digits)
}
