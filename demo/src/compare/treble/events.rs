//! Treble's events: webhooks that the service has answered with success.

use super::{TAIL, digits, tail};
use crate::compare::{Comparison, compare};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::window::Window;
use entities::treble_events::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::WebhookVendor;
use simulator::treble::{Message, Poll, Session, Snapshot, Treble};
use simulator::webhook_outbox::{Event, Origin};
use std::collections::{BTreeMap, BTreeSet};
use storage::DbErr;
use storage::database::Database;

/// Compares the stored events of `account` with the events of the vendor's own webhooks that were answered with
/// success, each once. A webhook may lack its session's id, or write a 1 before a phone; such fields are compared by the
/// session.
///
/// # Errors
/// An error of the database.
pub async fn treble_events(db: &Database, account: &str, vendor: &Treble) -> Result<Comparison, DbErr> {
    let rows = Entity::find().filter(Column::Account.eq(account)).all(db.connection()).await?;
    let accepted = AcceptedEvents::of(vendor);
    let dataset: Vec<_> = accepted.events.values().filter_map(|event| accepted.expect(event)).collect();
    let table: Vec<_> = rows.into_iter().map(|row| accepted.restore(row)).collect();
    Ok(compare(&dataset, &table, |row| (or_none(row.timestamp.map(|at| at.to_rfc3339())), row.name.clone())))
}

/// The events whose webhooks were answered with success, and what they are about.
struct AcceptedEvents {
    events: BTreeMap<String, Event>,
    sessions: BTreeMap<u64, Session>,
    messages: BTreeMap<u64, Vec<Message>>,
    polls: BTreeMap<u64, Poll>,
}

/// An event, as far as it follows from its session.
#[derive(Serialize)]
struct ComparedEvent {
    /// Its id; for an event of a flow, which has no id, its session.
    name: String,
    event_type: String,
    timestamp: Option<DateTime<Utc>>,
    external_id: Option<String>,
    poll_id: Option<String>,
    phone: Option<String>,
    phone_tail: Option<String>,
    failure_reason: Option<String>,
    deployment_status: Option<String>,
    status: Option<String>,
    hsm_name: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    /// The messages or the response in its body.
    text: Value,
}

impl AcceptedEvents {
    fn of(vendor: &Treble) -> Self {
        let accepted: BTreeSet<String> = vendor
            .attempts()
            .into_iter()
            .filter(|sent| {
                sent.origin != Origin::Forged && sent.status.is_some_and(|status| (200..300).contains(&status))
            })
            .flat_map(|sent| sent.events)
            .collect();
        let always = Window::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(100_000));
        let Snapshot { polls, sessions, messages } = always.map(|always| vendor.dataset(always)).unwrap_or_default();
        let mut by_session: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
        for message in messages {
            by_session.entry(message.session_id).or_default().push(message);
        }
        let mut contents = BTreeSet::new();
        let events = vendor.events().into_iter().filter(|event| {
            // Events of a flow have no id: two of one second with the same content are one row.
            accepted.contains(&event.id) && contents.insert((event.subject.clone(), event.action, event.at))
        });
        Self {
            events: events.map(|event| (event.id.clone(), event)).collect(),
            sessions: sessions.into_iter().map(|session| (session.id, session)).collect(),
            messages: by_session,
            polls: polls.into_iter().map(|poll| (poll.id, poll)).collect(),
        }
    }

    fn session(&self, event: &Event) -> Option<&Session> {
        self.sessions.get(&event.subject.parse().ok()?)
    }

    /// The row that `event` must have become.
    fn expect(&self, event: &Event) -> Option<ComparedEvent> {
        let session = self.session(event)?;
        let phone = digits(&format!("{}{}", session.country_code, session.cellphone));
        let poll = self.polls.get(&session.poll_id).map(|poll| poll.name.clone());
        let is_any = |names: &[&str]| names.contains(&event.action);
        let is_of_account = is_any(&["session.close", "deployment.failure", "hsm.status"]);
        let has_user = event.action != "hsm.status";
        let event_type = if is_of_account { event.action.to_owned() } else { format!("flow.{}", event.action) };
        let failure = is_any(&["deployment.failure"]).then(|| session.deployment.clone());
        Some(ComparedEvent {
            name: if is_of_account {
                event.id.clone()
            } else {
                session_name(session.external_id.as_deref(), Some(&phone))
            },
            event_type,
            timestamp: (is_of_account || is_any(&["timeout"])).then_some(event.at),
            external_id: session.external_id.clone().filter(|_| !is_of_account),
            poll_id: (!is_of_account).then(|| session.poll_id.to_string()),
            phone_tail: has_user.then(|| tail(&phone).to_owned()),
            phone: has_user.then_some(phone),
            deployment_status: failure.clone(),
            failure_reason: failure,
            status: is_any(&["hsm.status"]).then(|| String::from("APPROVED")),
            hsm_name: poll.filter(|_| is_any(&["hsm.status", "session.close"])),
            ended_at: is_any(&["session.close", "deployment.failure"]).then_some(event.at),
            text: self.text(event, session.id),
        })
    }

    /// The messages or the response that the body of `event` must hold.
    fn text(&self, event: &Event, session: u64) -> Value {
        let mut by_then =
            self.messages.get(&session).into_iter().flatten().filter(|message| message.created_at <= event.at);
        match event.action {
            "session.close" => by_then
                .map(|message| {
                    let at = message.created_at.to_rfc3339_opts(SecondsFormat::Millis, true);
                    let text = message.text.clone().unwrap_or_default();
                    json!({"sender": message.sender, "text": {"message": text}, "created_at": at})
                })
                .collect(),
            "response" | "opt_out" => {
                let answer = by_then.rfind(|message| message.sender == "USER");
                json!(answer.and_then(|message| message.text.clone()).unwrap_or_default())
            }
            _ => Value::Null,
        }
    }

    /// A stored event as the vendor sends it.
    fn restore(&self, row: Model) -> ComparedEvent {
        let session = self.events.get(&row.event_id).and_then(|event| self.session(event));
        let phone = row.phone.map(without_one);
        let is_of_flow = row.event_type.starts_with("flow.");
        let text = if is_of_flow { "actual_response" } else { "messages" };
        ComparedEvent {
            name: if is_of_flow { session_name(row.external_id.as_deref(), phone.as_deref()) } else { row.event_id },
            text: row.body.get(text).cloned().unwrap_or_default(),
            event_type: row.event_type,
            timestamp: row.timestamp,
            // The event may lack an id that the session has.
            external_id: row
                .external_id
                .filter(|id| session.is_none_or(|session| session.external_id.as_ref() != Some(id))),
            poll_id: row.poll_id,
            phone,
            phone_tail: row.phone_tail,
            failure_reason: row.failure_reason,
            deployment_status: row.deployment_status,
            status: row.status,
            hsm_name: row.hsm_name,
            ended_at: row.ended_at,
        }
    }
}

/// A session without a phone number, which is personal data.
fn session_name(external_id: Option<&str>, phone: Option<&str>) -> String {
    let digits = phone.map(str::len);
    format!("session {}, phone of {} digits", or_none(external_id), or_none(digits))
}

/// "Mexican numbers may gain a leading 1."
fn without_one(phone: String) -> String {
    let number = phone.strip_prefix("521").filter(|number| number.len() == TAIL);
    number.map(|number| format!("52{number}")).unwrap_or(phone)
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| String::from("none"), |value| value.to_string())
}
