//! Webhooks: the events of a process, how the vendor writes them, and how an attacker would.

use super::dataset::{Dataset, ProcessKey};
use super::lifecycle::{Lifecycle, timestamp};
use super::process::Process;
use super::{Config, jwt};
use crate::random::{choose, generator, hash};
use crate::webhook_outbox::{Origin, OutboxEvent, WebhookBody};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

/// An event of a process.
#[derive(Clone, Debug)]
pub(crate) struct ProcessEvent {
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) key: ProcessKey,
    pub(super) process_id: String,
    pub(super) action: &'static str,
}

/// Writes deliveries.
pub(super) struct WebhookWriter<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) config: &'a Config,
    pub(super) now: DateTime<Utc>,
}

/// The most events in a delivery.
const MAX_EVENTS: u64 = 3;
/// Products and documents name the same event differently; some names contain the action.
const TYPES: [&str; 3] = ["digital_identity.identity_process", "identity.process", "truconnect.process_"];
const SALT_ID: u64 = 0x4EE1;
const SALT_WRITE: u64 = 0x3417;
const SALT_FORGE: u64 = 0xF041;

impl OutboxEvent for ProcessEvent {
    fn id(&self) -> &str {
        &self.id
    }

    fn at(&self) -> DateTime<Utc> {
        self.at
    }

    fn subject(&self) -> String {
        self.process_id.clone()
    }

    fn action(&self) -> &'static str {
        self.action
    }
}

impl Dataset {
    /// All events of a process, past and future.
    pub(super) fn events(&self, key: ProcessKey) -> impl Iterator<Item = ProcessEvent> {
        let Lifecycle { ended_at, ending, overridden, .. } = self.lifecycle(key);
        let ended = if ending.is_success { "succeeded" } else { "failed" };
        let changed = overridden.map(|(at, ending)| {
            let action = if ending.is_success { "overwritten_success" } else { "overwritten_failure" };
            (at, action)
        });
        let process_id = self.id(key.number);
        let all = [(key.at, "created"), (ended_at, ended)].into_iter().chain(changed);
        all.map(move |(at, action)| {
            let id = self.event_id(&format!("{process_id}{action}"));
            ProcessEvent { id, at, key, process_id: process_id.clone(), action }
        })
    }

    /// The event id that the simulator derives from `name`.
    pub(super) fn event_id(&self, name: &str) -> String {
        format!("HKE{:032x}", generator(self.seed ^ SALT_ID, hash(name)).random::<u128>())
    }
}

/// The most events in delivery `number`.
pub(super) fn max_batch(seed: u64, number: u64) -> usize {
    usize::try_from(generator(seed ^ SALT_WRITE, number).random_range(1..=MAX_EVENTS)).unwrap_or(1)
}

impl WebhookWriter<'_> {
    /// Delivery `number`.
    pub(super) fn write(&self, number: u64, events: &[ProcessEvent], origin: Origin) -> WebhookBody {
        let mut random = generator(self.config.seed ^ SALT_WRITE, number);
        let _ = random.random::<u64>();
        if origin == Origin::Forged {
            return self.forge(number, events);
        }
        let written: Vec<Value> = events.iter().map(|event| self.event(event, &mut random)).collect();
        let token = jwt::signed(&self.claims(&Value::Array(written)), &self.config.webhook_secret);
        wrap(&token, events.iter().map(|event| event.id.clone()).collect(), &mut random)
    }

    fn claims(&self, events: &Value) -> Value {
        json!({"iss": "Truora", "iat": self.now.timestamp(), "events": events})
    }

    fn event(&self, it: &ProcessEvent, random: &mut SmallRng) -> Value {
        // As of the event, whenever the webhook is delivered.
        let process = self.dataset.process(it.key, it.at);
        let object = object(&process, random);
        event(&it.id, it.action, it.at, &object, random)
    }

    /// A delivery by an attacker without the secret: about a process that exists or not, with an event id of its own or
    /// that of the genuine event, to displace it.
    fn forge(&self, number: u64, process_events: &[ProcessEvent]) -> WebhookBody {
        let mut random = generator(self.config.seed ^ SALT_FORGE, number);
        let (mut ids, mut events, mut honest) = (Vec::new(), Vec::new(), Vec::new());
        for it in process_events {
            let mut process = self.dataset.process(it.key, it.at);
            honest.push(object(&process, &mut random));
            let forged_status = if process.status == "success" { "failure" } else { "success" };
            forged_status.clone_into(&mut process.status);
            // Newer than every genuine state.
            process.update_date = self.now + TimeDelta::days(30);
            if random.random_bool(0.5) {
                process.process_id = format!("IDP{:032x}", random.random::<u128>());
            }
            let id = if random.random_bool(0.5) {
                it.id.clone()
            } else {
                self.dataset.event_id(&format!("forged{number}.{}", ids.len()))
            };
            let action = if forged_status == "success" { "succeeded" } else { "failed" };
            events.push(event(&id, action, process.update_date, &object(&process, &mut random), &mut random));
            ids.push(id);
        }
        let claims = self.claims(&Value::Array(events));
        let secret = &self.config.webhook_secret;
        let token = match random.random_range(0..5u8) {
            0 => jwt::badly_signed(&claims, secret),
            1 => jwt::unsigned(&claims),
            2 => jwt::signed(&claims, &format!("not-{secret}")),
            3 => jwt::transplanted(&claims, &self.claims(&Value::Array(honest)), secret),
            _ => return body("application/json", claims.to_string(), ids),
        };
        wrap(&token, ids, &mut random)
    }
}

fn event(id: &str, action: &str, at: DateTime<Utc>, object: &Value, random: &mut SmallRng) -> Value {
    let mut kind = choose(&TYPES, random).to_owned();
    if kind.ends_with('_') {
        kind.push_str(if action == "created" { "started" } else { action });
    }
    json!({
        "id": id, "event_type": kind, "event_action": action, "object": object,
        "version": "1.0", "timestamp": timestamp(at),
    })
}

fn object(process: &Process, random: &mut SmallRng) -> Value {
    // Step and validation events use the second name.
    let name = if random.random_bool(0.8) { "process_id" } else { "identity_process_id" };
    json!({
        name: process.process_id, "flow_id": process.flow_id, "account_id": process.account_id,
        "status": process.status,
        "failure_status": process.failure_status.clone().unwrap_or_default(),
        "declined_reason": process.declined_reason.clone().unwrap_or_default(),
        "creation_date": timestamp(process.creation_date), "update_date": timestamp(process.update_date),
    })
}

/// The body of a token: bare, under one of two content types, or in JSON.
fn wrap(token: &str, events: Vec<String>, random: &mut SmallRng) -> WebhookBody {
    match random.random_range(0..3u8) {
        0 => body("application/jwt", token.to_owned(), events),
        1 => body("text/plain; charset=utf-8", token.to_owned(), events),
        _ => body("application/json", json!({"token": token}).to_string(), events),
    }
}

fn body(content_type: &str, text: String, events: Vec<String>) -> WebhookBody {
    let headers = vec![(String::from("content-type"), content_type.to_owned())];
    WebhookBody { events, headers, body: text.into_bytes(), wrong_address: false }
}
