//! Webhooks of the account and of the flows, and forgeries of them.

use super::dataset::{Dataset, SessionKey};
use super::lifecycle::Lifecycle;
use crate::random::{generator, hash};
use crate::webhook_outbox::{Origin, OutboxEvent, WebhookBody};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

/// An event of a session.
#[derive(Clone, Debug)]
pub(crate) struct SessionEvent {
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) key: SessionKey,
    pub(super) action: &'static str,
}

const SALT_ID: u64 = 0x4EE1;
const SALT_FORGE: u64 = 0xF041;

impl OutboxEvent for SessionEvent {
    fn id(&self) -> &str {
        &self.id
    }

    fn at(&self) -> DateTime<Utc> {
        self.at
    }

    fn subject(&self) -> String {
        self.key.number.to_string()
    }

    fn action(&self) -> &'static str {
        self.action
    }
}

impl Dataset {
    /// All events of a session that webhooks report, past and future.
    pub(super) fn events(&self, key: SessionKey) -> Vec<SessionEvent> {
        let lifecycle = self.lifecycle(key);
        let mut all = Vec::new();
        all.extend(lifecycle.template_changed.then_some((key.at, "hsm.status")));
        all.extend(lifecycle.fails.then_some((lifecycle.deployed_at, "deployment.failure")));
        all.extend(lifecycle.session.finished_at.map(|at| (at, "session.close")));
        if self.flow_hooks {
            let answers = lifecycle.messages.iter().filter(|message| message.sender == "USER");
            all.extend(answers.map(|message| (message.created_at, "response")));
            all.extend(lifecycle.opted_out_at.map(|at| (at, "opt_out")));
            all.extend(lifecycle.timed_out_at.map(|at| (at, "timeout")));
            all.extend(lifecycle.session.finished_at.map(|at| (at, "closed")));
        }
        let named = all.into_iter().enumerate().map(|(place, (at, action))| {
            let id = self.event_id(&format!("{}{action}{place}", key.number));
            SessionEvent { id, at, key, action }
        });
        named.collect()
    }

    /// The event id that the simulator derives from `name`.
    pub(super) fn event_id(&self, name: &str) -> String {
        let number: u128 = generator(self.seed ^ SALT_ID, hash(name)).random();
        let hex = format!("{number:032x}");
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }

    /// Delivery `number`, with one event.
    pub(super) fn write(&self, number: u64, session_events: &[SessionEvent], origin: Origin) -> WebhookBody {
        let (mut events, mut body) = (Vec::new(), Value::Null);
        for event in session_events {
            let lifecycle = self.lifecycle(event.key);
            events.push(event.id.clone());
            body = self.body(event, &lifecycle);
            if origin == Origin::Forged {
                let mut random = generator(self.seed ^ SALT_FORGE, number);
                let id = if random.random() { event.id.clone() } else { self.event_id(&format!("forged{number}")) };
                events = vec![id.clone()];
                body = forged(&id, event, &lifecycle, &mut random);
            }
        }
        let headers = vec![(String::from("content-type"), String::from("application/json"))];
        WebhookBody { events, headers, body: body.to_string().into_bytes(), wrong_address: origin == Origin::Forged }
    }

    fn body(&self, event: &SessionEvent, lifecycle: &Lifecycle) -> Value {
        let name = self.polls.get(event.key.poll).map_or("", |poll| poll.name.as_str());
        match event.action {
            "session.close" => close(&event.id, event.at, lifecycle, name),
            "deployment.failure" => failure(&event.id, event.at, lifecycle, &lifecycle.session.deployment),
            "hsm.status" => json!({
                "event_type": event.action, "event_id": event.id, "timestamp": timestamp(event.at), "status": "APPROVED",
                "name": name, "affected_conversation_ids": [lifecycle.session.poll_id],
            }),
            _ => flow_event(event, lifecycle),
        }
    }
}

fn close(id: &str, at: DateTime<Utc>, lifecycle: &Lifecycle, template: &str) -> Value {
    let messages = lifecycle.messages_at(at);
    let messages: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "sender": message.sender, "text": {"message": message.text.clone().unwrap_or_default()},
                "created_at": timestamp(message.created_at),
            })
        })
        .collect();
    json!({
        "event_type": "session.close", "event_id": id, "timestamp": timestamp(at),
        "session": {"external_id": lifecycle.webhook_id.clone().unwrap_or_default(), "closed_at": timestamp(at)},
        "user": user(lifecycle), "hsm": {"name": template}, "messages": messages,
    })
}

fn failure(id: &str, at: DateTime<Utc>, lifecycle: &Lifecycle, reason: &str) -> Value {
    json!({
        "event_type": "deployment.failure", "event_id": id, "timestamp": timestamp(at), "failure_reason": reason,
        "failed_at": timestamp(at), "user": user(lifecycle),
    })
}

/// A webhook of a flow. It has no event type, no event id and no event time: its fields show which event it is, and only
/// the question separates two answers with the same text.
fn flow_event(event: &SessionEvent, lifecycle: &Lifecycle) -> Value {
    let answer = lifecycle.messages.iter().rfind(|message| message.sender == "USER" && message.created_at <= event.at);
    let kind = if event.action == "opt_out" { "OPT_OUT" } else { "OPEN" };
    let question = format!("Pregunta {}: ¿cómo estás?", answer.map_or(0, |message| message.position));
    let mut body = json!({
        "country_code": lifecycle.session.country_code, "cellphone": lifecycle.webhook_phone,
        "session_id": lifecycle.session.external_id.clone().unwrap_or_default(),
        "conversation_id": lifecycle.session.poll_id,
        "question": {"type": kind, "text": question},
        "user_session_keys": [{"key": "city", "value": "Bogotá", "type": "string"}],
    });
    let more = match event.action {
        "response" | "opt_out" => Some(("actual_response", answer.and_then(|message| message.text.clone()))),
        "timeout" => Some(("timeout_at", Some(event.at.format("%Y-%m-%d %H:%M:%S%.6f").to_string()))),
        _ => None,
    };
    if let (Some((name, value)), Some(fields)) = (more, body.as_object_mut()) {
        fields.insert(name.to_owned(), json!(value.unwrap_or_default()));
    }
    body
}

/// A forgery that would change the dataset if the receiver believed it: a false end or a false failure.
fn forged(id: &str, event: &SessionEvent, lifecycle: &Lifecycle, random: &mut SmallRng) -> Value {
    let at = event.at + TimeDelta::days(random.random_range(1..9));
    if random.random() {
        failure(id, at, lifecycle, "FAILURE_BY_FORGERY")
    } else {
        let mut forged = lifecycle.clone();
        forged.webhook_id.clone_from(&lifecycle.session.external_id);
        for message in &mut forged.messages {
            message.text = Some(String::from("forged"));
        }
        close(id, at, &forged, "forged")
    }
}

fn user(lifecycle: &Lifecycle) -> Value {
    json!({"country_code": lifecycle.session.country_code, "cellphone": lifecycle.webhook_phone})
}

fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
