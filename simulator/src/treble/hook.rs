//! Webhooks of the account and of the flows: what is told, and what somebody else would tell.

use super::story::Course;
use super::truth::{Key, Truth};
use crate::draw::{generator, hashed};
use crate::post::{Kind, Telling, Written};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

/// Something that happened to a session.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) key: Key,
    pub(super) action: &'static str,
}

/// Keep the draws of ids and of forging apart.
const SALT_ID: u64 = 0x4EE1;
const SALT_FORGE: u64 = 0xF041;

impl Telling for Happening {
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

impl Truth {
    /// All that ever happens to a session and is told.
    pub(super) fn happenings(&self, key: Key) -> Vec<Happening> {
        let course = self.course(key);
        let mut all = Vec::new();
        all.extend(course.template_changed.then_some((key.at, "hsm.status")));
        all.extend(course.fails.then_some((course.deployed_at, "deployment.failure")));
        all.extend(course.session.finished_at.map(|at| (at, "session.close")));
        if self.flow_hooks {
            let answered = course.talk.iter().filter(|message| message.sender == "USER");
            all.extend(answered.map(|message| (message.created_at, "response")));
            all.extend(course.opted_out_at.map(|at| (at, "opt_out")));
            all.extend(course.timed_out_at.map(|at| (at, "timeout")));
            all.extend(course.session.finished_at.map(|at| (at, "closed")));
        }
        let named = all.into_iter().enumerate().map(|(place, (at, action))| {
            let id = self.event_id(&format!("{}{action}{place}", key.number));
            Happening { id, at, key, action }
        });
        named.collect()
    }

    /// The id of an event that has the name `name` here.
    pub(super) fn event_id(&self, name: &str) -> String {
        let number: u128 = generator(self.seed ^ SALT_ID, hashed(name)).random();
        let hex = format!("{number:032x}");
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }

    /// Delivery `number`. Each tells of one event.
    pub(super) fn write(&self, number: u64, happenings: &[Happening], kind: Kind) -> Written {
        let (mut events, mut body) = (Vec::new(), Value::Null);
        for it in happenings {
            let course = self.course(it.key);
            events.push(it.id.clone());
            body = self.body(it, &course);
            if kind == Kind::Forged {
                let mut random = generator(self.seed ^ SALT_FORGE, number);
                let id = if random.random() { it.id.clone() } else { self.event_id(&format!("forged{number}")) };
                events = vec![id.clone()];
                body = forged(&id, it, &course, &mut random);
            }
        }
        let headers = vec![(String::from("content-type"), String::from("application/json"))];
        Written { events, headers, body: body.to_string().into_bytes(), astray: kind == Kind::Forged }
    }

    fn body(&self, it: &Happening, course: &Course) -> Value {
        let name = self.polls.get(it.key.poll).map_or("", |poll| poll.name.as_str());
        match it.action {
            "session.close" => close(&it.id, it.at, course, name),
            "deployment.failure" => failure(&it.id, it.at, course, &course.session.deployment),
            "hsm.status" => json!({
                "event_type": it.action, "event_id": it.id, "timestamp": written(it.at), "status": "APPROVED",
                "name": name, "affected_conversation_ids": [course.session.poll_id],
            }),
            _ => of_flow(it, course),
        }
    }
}

fn close(id: &str, at: DateTime<Utc>, course: &Course, template: &str) -> Value {
    let said = course.said(at);
    let messages: Vec<Value> = said
        .iter()
        .map(|message| {
            json!({
                "sender": message.sender, "text": {"message": message.text.clone().unwrap_or_default()},
                "created_at": written(message.created_at),
            })
        })
        .collect();
    json!({
        "event_type": "session.close", "event_id": id, "timestamp": written(at),
        "session": {"external_id": course.told_id.clone().unwrap_or_default(), "closed_at": written(at)},
        "user": user(course), "hsm": {"name": template}, "messages": messages,
    })
}

fn failure(id: &str, at: DateTime<Utc>, course: &Course, reason: &str) -> Value {
    json!({
        "event_type": "deployment.failure", "event_id": id, "timestamp": written(at), "failure_reason": reason,
        "failed_at": written(at), "user": user(course),
    })
}

/// Those of the flows have no type, no id and no time of an event: which it is shows in what it has, and only the
/// question tells one answer from another with the same words.
fn of_flow(it: &Happening, course: &Course) -> Value {
    let said = course.talk.iter().rfind(|message| message.sender == "USER" && message.created_at <= it.at);
    let kind = if it.action == "opt_out" { "OPT_OUT" } else { "OPEN" };
    let question = format!("Pregunta {}: ¿cómo estás?", said.map_or(0, |message| message.position));
    let mut body = json!({
        "country_code": course.session.country_code, "cellphone": course.told_phone,
        "session_id": course.session.external_id.clone().unwrap_or_default(),
        "conversation_id": course.session.poll_id,
        "question": {"type": kind, "text": question},
        "user_session_keys": [{"key": "city", "value": "Bogotá", "type": "string"}],
    });
    let more = match it.action {
        "response" | "opt_out" => Some(("actual_response", said.and_then(|message| message.text.clone()))),
        "timeout" => Some(("timeout_at", Some(it.at.format("%Y-%m-%d %H:%M:%S%.6f").to_string()))),
        _ => None,
    };
    if let (Some((name, value)), Some(fields)) = (more, body.as_object_mut()) {
        fields.insert(name.to_owned(), json!(value.unwrap_or_default()));
    }
    body
}

/// What would change something if it were believed: an end that was not, or a failure that was not.
fn forged(id: &str, it: &Happening, course: &Course, random: &mut SmallRng) -> Value {
    let at = it.at + TimeDelta::days(random.random_range(1..9));
    if random.random() {
        failure(id, at, course, "FAILURE_BY_FORGERY")
    } else {
        let mut course = course.clone();
        course.told_id.clone_from(&course.session.external_id);
        for message in &mut course.talk {
            message.text = Some(String::from("forged"));
        }
        close(id, at, &course, "forged")
    }
}

fn user(course: &Course) -> Value {
    json!({"country_code": course.session.country_code, "cellphone": course.told_phone})
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
