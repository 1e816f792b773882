//! Treble's webhooks, as far as they were taken.

use super::{TAIL, digits, tail};
use crate::compare::{Comparison, compare};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::window::Window;
use entities::DbErr;
use entities::database::Database;
use entities::tables::treble_events::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::post::{Event, Kind};
use simulator::treble::{Held, Message, Poll, Session, Treble};
use std::collections::{BTreeMap, BTreeSet};

/// Compares the events that `account` holds with those that a webhook of the vendor's own told and was thanked for, once
/// each. Ids of its own and phones with a 1 before them are the webhook's whims: they are compared as far as the session
/// tells.
///
/// # Errors
/// What the database says.
pub async fn treble_events(db: &Database, account: &str, vendor: &Treble) -> Result<Comparison, DbErr> {
    let rows = Entity::find().filter(Column::Account.eq(account)).all(db.connection()).await?;
    let told = Told::of(vendor);
    let truth: Vec<State> = told.events.values().filter_map(|event| told.state(event)).collect();
    let table: Vec<State> = rows.into_iter().map(|row| told.as_held(row)).collect();
    Ok(compare(&truth, &table, |state| (or_none(state.timestamp.map(|at| at.to_rfc3339())), state.name.clone())))
}

/// What was told and taken, and what it is about.
struct Told {
    events: BTreeMap<String, Event>,
    sessions: BTreeMap<u64, Session>,
    messages: BTreeMap<u64, Vec<Message>>,
    polls: BTreeMap<u64, Poll>,
}

/// An event, as far as it follows from its session.
#[derive(Serialize)]
struct State {
    /// Its id; of those of flows, which have none, whom it is about.
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
    /// What its body says was said.
    said: Value,
}

impl Told {
    fn of(vendor: &Treble) -> Self {
        let taken: BTreeSet<String> = vendor
            .sent()
            .into_iter()
            .filter(|sent| sent.kind != Kind::Forged && sent.status.is_some_and(|status| (200..300).contains(&status)))
            .flat_map(|sent| sent.events)
            .collect();
        let always = Window::new(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(100_000));
        let Held { polls, sessions, messages } = always.map(|always| vendor.truth(always)).unwrap_or_default();
        let mut by_session: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
        for message in messages {
            by_session.entry(message.session_id).or_default().push(message);
        }
        let mut words = BTreeSet::new();
        let events = vendor.events().into_iter().filter(|event| {
            // Those of a flow have no id: two of the same second say the same, and are one.
            taken.contains(&event.id) && words.insert((event.subject.clone(), event.action, event.at))
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

    /// How it must have been stored.
    fn state(&self, event: &Event) -> Option<State> {
        let session = self.session(event)?;
        let phone = digits(&format!("{}{}", session.country_code, session.cellphone));
        let poll = self.polls.get(&session.poll_id).map(|poll| poll.name.clone());
        let about = |names: &[&str]| names.contains(&event.action);
        let is_of_account = about(&["session.close", "deployment.failure", "hsm.status"]);
        let has_user = event.action != "hsm.status";
        let event_type = if is_of_account { event.action.to_owned() } else { format!("flow.{}", event.action) };
        let failure = about(&["deployment.failure"]).then(|| session.deployment.clone());
        Some(State {
            name: if is_of_account { event.id.clone() } else { whom(session.external_id.as_deref(), Some(&phone)) },
            event_type,
            timestamp: (is_of_account || about(&["timeout"])).then_some(event.at),
            external_id: session.external_id.clone().filter(|_| !is_of_account),
            poll_id: (!is_of_account).then(|| session.poll_id.to_string()),
            phone_tail: has_user.then(|| tail(&phone).to_owned()),
            phone: has_user.then_some(phone),
            deployment_status: failure.clone(),
            failure_reason: failure,
            status: about(&["hsm.status"]).then(|| String::from("APPROVED")),
            hsm_name: poll.filter(|_| about(&["hsm.status", "session.close"])),
            ended_at: about(&["session.close", "deployment.failure"]).then_some(event.at),
            said: self.said(event, session.id),
        })
    }

    fn said(&self, event: &Event, session: u64) -> Value {
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

    fn as_held(&self, row: Model) -> State {
        let of = self.events.get(&row.event_id).and_then(|event| self.session(event));
        let phone = row.phone.map(without_one);
        let is_of_flow = row.event_type.starts_with("flow.");
        let said = if is_of_flow { "actual_response" } else { "messages" };
        State {
            name: if is_of_flow { whom(row.external_id.as_deref(), phone.as_deref()) } else { row.event_id },
            said: row.body.get(said).cloned().unwrap_or_default(),
            event_type: row.event_type,
            timestamp: row.timestamp,
            // The account's may lack an id that the session has.
            external_id: row.external_id.filter(|id| of.is_none_or(|of| of.external_id.as_ref() != Some(id))),
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

fn whom(external_id: Option<&str>, phone: Option<&str>) -> String {
    // Not by the phone itself: it is somebody's.
    let known = phone.map(str::len);
    format!("session {}, a phone of {}", or_none(external_id), or_none(known))
}

/// "Mexican numbers may gain a leading 1."
fn without_one(phone: String) -> String {
    let number = phone.strip_prefix("521").filter(|number| number.len() == TAIL);
    number.map(|number| format!("52{number}")).unwrap_or(phone)
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| String::from("none"), |value| value.to_string())
}
