//! Treble's polls, sessions and histories.

mod events;

pub use events::treble_events;

use super::{Comparison, compare};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::window::Window;
use entities::DbErr;
use entities::database::Database;
use entities::tables::{treble_messages, treble_polls, treble_sessions};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::{Map, Value, json};
use simulator::treble::{Message, Poll, Session, Treble};
use std::collections::BTreeMap;

/// Compares all polls that `account` holds, and the sessions that were made in `window` with their messages, with how they
/// stand at the vendor now; by table. Polls whose sessions cannot be listed count like any other.
///
/// # Errors
/// What the database says.
pub async fn treble(
    db: &Database,
    account: &str,
    vendor: &Treble,
    window: Window,
) -> Result<[(&'static str, Comparison); 3], DbErr> {
    let truth = vendor.truth(window);
    let polls = truth.polls.into_iter().map(|poll| PollState { poll, unfit: json!({}) }).collect::<Vec<_>>();
    let made: BTreeMap<u64, DateTime<Utc>> =
        truth.sessions.iter().map(|session| (session.id, session.created_at)).collect();
    let sessions: Vec<SessionState> = truth.sessions.into_iter().map(SessionState::told).collect();
    let told = |message: Message| MessageState {
        session_created_at: made.get(&message.session_id).copied(),
        message,
        unfit: json!({}),
    };
    let messages: Vec<MessageState> = truth.messages.into_iter().map(told).collect();
    Ok([
        ("treble_polls", compare(&polls, &held_polls(db, account).await?, PollState::name)),
        ("treble_sessions", compare(&sessions, &held_sessions(db, account, window).await?, SessionState::name)),
        ("treble_messages", compare(&messages, &held_messages(db, account, window).await?, MessageState::name)),
    ])
}

/// What the simulated sessions hold beside what is documented: it says nothing.
const UNDOCUMENTED: [&str; 1] = ["channel_v2"];
/// The digits of a phone by which it is matched.
const TAIL: usize = 10;

/// A poll, and what of it was stored otherwise than the vendor writes.
#[derive(Serialize)]
struct PollState {
    poll: Poll,
    unfit: Value,
}

/// A session, with what is derived of its phone.
#[derive(Serialize)]
struct SessionState {
    session: Session,
    phone: Option<String>,
    phone_tail: Option<String>,
    unfit: Value,
}

/// A message, with what it is filed by.
#[derive(Serialize)]
struct MessageState {
    message: Message,
    session_created_at: Option<DateTime<Utc>>,
    unfit: Value,
}

impl PollState {
    fn name(&self) -> (String, String) {
        (String::from("any time"), format!("poll {}", self.poll.id))
    }
}

impl SessionState {
    fn told(session: Session) -> Self {
        let phone = digits(&format!("{}{}", session.country_code, session.cellphone));
        Self { phone_tail: Some(tail(&phone).to_owned()), phone: Some(phone), session, unfit: json!({}) }
    }

    fn name(&self) -> (String, String) {
        (self.session.created_at.to_rfc3339(), self.session.id.to_string())
    }
}

impl MessageState {
    fn name(&self) -> (String, String) {
        (self.message.created_at.to_rfc3339(), format!("{}/{}", self.message.session_id, self.message.position))
    }
}

async fn held_polls(db: &Database, account: &str) -> Result<Vec<PollState>, DbErr> {
    use treble_polls::{Column, Entity};
    let rows = Entity::find().filter(Column::Account.eq(account)).all(db.connection()).await?;
    let held = rows.into_iter().map(|row| {
        let mut unfit = Unfit::new(&row.extra, &["version"]);
        unfit.absent("settings", row.settings.as_ref().filter(|settings| **settings != json!({})));
        unfit.absent("created_at", row.created_at.as_ref());
        let poll = Poll { id: unfit.number("poll_id", &row.poll_id), name: row.name.unwrap_or_default() };
        PollState { poll, unfit: unfit.told() }
    });
    Ok(held.collect())
}

async fn held_sessions(db: &Database, account: &str, window: Window) -> Result<Vec<SessionState>, DbErr> {
    use treble_sessions::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::CreatedAt.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::CreatedAt.lt::<DateTime<Utc>>(window.to()))
        .all(db.connection())
        .await?;
    Ok(rows.into_iter().map(as_listed).collect())
}

fn as_listed(row: treble_sessions::Model) -> SessionState {
    let mut unfit = Unfit::new(&row.extra, &UNDOCUMENTED);
    unfit.absent("user", row.user.as_ref());
    // A report tells these, and a list does not.
    unfit.absent("session_status", row.session_status.as_ref());
    unfit.absent("conversation_version", row.conversation_version.as_ref());
    unfit.absent("first_message_at", row.first_message_at.as_ref());
    unfit.absent("last_message_at", row.last_message_at.as_ref());
    unfit.absent("last_message", row.last_message.as_ref());
    unfit.absent("last_node_id", row.last_node_id.as_ref());
    let session = Session {
        id: unfit.number("session_id", &row.session_id),
        poll_id: unfit.number("poll_id", row.poll_id.as_deref().unwrap_or_default()),
        external_id: row.external_id,
        created_at: row.created_at,
        finished_at: row.finished_at,
        country_code: row.country_code.unwrap_or_default(),
        cellphone: row.cellphone.unwrap_or_default(),
        deployment: row.deployment_status.unwrap_or_default(),
    };
    SessionState { session, phone: row.phone, phone_tail: row.phone_tail, unfit: unfit.told() }
}

async fn held_messages(db: &Database, account: &str, window: Window) -> Result<Vec<MessageState>, DbErr> {
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

/// A session's messages. An entry between them that is none says nothing, but it has its place, and the instant of the
/// message after it.
fn history(entries: Vec<treble_messages::Model>) -> Vec<MessageState> {
    let (mut messages, mut before) = (Vec::new(), None);
    for (row, place) in entries.into_iter().zip(0i64..) {
        let mut unfit = Unfit::default();
        if row.ordinal != place {
            unfit.find("ordinal", json!([row.ordinal, place]));
        }
        if row.entry_type.as_deref() == Some("EVENT") && before.is_none() {
            before = Some((row, unfit));
            continue;
        }
        if let Some((event, found)) = before.take() {
            unfit.0.extend(found.0);
            unfit.event(&event, row.created_at);
        }
        messages.push(as_said(row, messages.len(), unfit));
    }
    // A last entry that is no message is somebody's mistake: there is none after the last message.
    messages.extend(before.map(|(row, unfit)| as_said(row, usize::MAX, unfit)));
    messages
}

fn as_said(row: treble_messages::Model, position: usize, mut unfit: Unfit) -> MessageState {
    unfit.extra(&row.extra, &[]);
    unfit.absent("entry_type", row.entry_type.as_ref().filter(|kind| *kind != "MESSAGE"));
    let message = Message {
        session_id: unfit.number("session_id", &row.session_id),
        position,
        kind: row.kind.unwrap_or_default(),
        sender: row.sender.unwrap_or_default(),
        text: row.text,
        file_url: row.file_url,
        created_at: row.created_at.unwrap_or_default(),
        delivered_at: row.delivered_at,
        read_at: row.read_at,
    };
    MessageState { message, session_created_at: Some(row.session_created_at), unfit: unfit.told() }
}

/// What is not as the vendor writes it, by column.
#[derive(Default)]
struct Unfit(Map<String, Value>);

impl Unfit {
    fn new(extra: &Value, but: &[&str]) -> Self {
        let mut unfit = Self::default();
        unfit.extra(extra, but);
        unfit
    }

    fn extra(&mut self, extra: &Value, but: &[&str]) {
        let members = extra.as_object().into_iter().flatten().filter(|(name, _)| !but.contains(&name.as_str()));
        self.0.extend(members.map(|(name, value)| (name.clone(), value.clone())));
    }

    fn find(&mut self, column: &str, value: Value) {
        self.0.insert(column.to_owned(), value);
    }

    /// What must be empty.
    fn absent(&mut self, column: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.find(column, json!(value));
        }
    }

    /// An id, which the vendor writes as a number.
    fn number(&mut self, column: &str, text: &str) -> u64 {
        text.parse().unwrap_or_else(|_| {
            self.find(column, json!(text));
            0
        })
    }

    /// That somebody took over, at the instant of the message after it.
    fn event(&mut self, row: &treble_messages::Model, at: Option<DateTime<Utc>>) {
        let at = at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let expected = json!({"event": {"name": "AGENT_ASSIGNED", "created_at": at}});
        let texts = [&row.kind, &row.sender, &row.text, &row.file_url].into_iter().flatten().count();
        let instants = [row.created_at, row.delivered_at, row.read_at].into_iter().flatten().count();
        if row.extra != expected || texts + instants > 0 {
            self.find("event", row.extra.clone());
        }
    }

    fn told(self) -> Value {
        Value::Object(self.0)
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// A phone's last ten digits.
fn tail(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(TAIL)..).unwrap_or(digits)
}
