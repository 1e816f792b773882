//! Webhooks: what is told, how it is written, and what somebody else would write.

use super::process::Process;
use super::story::{Course, written};
use super::truth::{Key, Truth};
use super::{Config, jwt};
use crate::draw::{generator, hashed, one_of};
use crate::post::{Kind, Telling, Written};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

/// Something that happened to a process.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) key: Key,
    pub(super) process_id: String,
    pub(super) action: &'static str,
}

/// Writes deliveries.
pub(super) struct Pen<'a> {
    pub(super) truth: &'a Truth,
    pub(super) config: &'a Config,
    pub(super) now: DateTime<Utc>,
}

/// The most events that one delivery tells of.
const MOST: u64 = 3;
/// Products and sources spell the same event differently; some have the action in it.
const TYPES: [&str; 3] = ["digital_identity.identity_process", "identity.process", "truconnect.process_"];
/// Keep the draws of ids, of writing and of forging apart.
const SALT_ID: u64 = 0x4EE1;
const SALT_WRITE: u64 = 0x3417;
const SALT_FORGE: u64 = 0xF041;

impl Telling for Happening {
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

impl Truth {
    /// All that ever happens to a process.
    pub(super) fn happenings(&self, key: Key) -> impl Iterator<Item = Happening> {
        let Course { ended_at, ending, overridden, .. } = self.course(key);
        let ended = if ending.well { "succeeded" } else { "failed" };
        let changed = overridden.map(|(at, ending)| {
            let action = if ending.well { "overwritten_success" } else { "overwritten_failure" };
            (at, action)
        });
        let process_id = self.id(key.number);
        let all = [(key.at, "created"), (ended_at, ended)].into_iter().chain(changed);
        all.map(move |(at, action)| {
            let id = self.event_id(&format!("{process_id}{action}"));
            Happening { id, at, key, process_id: process_id.clone(), action }
        })
    }

    /// The id of an event that has the name `name` here.
    pub(super) fn event_id(&self, name: &str) -> String {
        format!("HKE{:032x}", generator(self.seed ^ SALT_ID, hashed(name)).random::<u128>())
    }
}

/// How many events delivery `number` takes at most.
pub(super) fn size(seed: u64, number: u64) -> usize {
    usize::try_from(generator(seed ^ SALT_WRITE, number).random_range(1..=MOST)).unwrap_or(1)
}

impl Pen<'_> {
    /// Delivery `number`.
    pub(super) fn write(&self, number: u64, happenings: &[Happening], kind: Kind) -> Written {
        let mut random = generator(self.config.seed ^ SALT_WRITE, number);
        let _ = random.random::<u64>();
        if kind == Kind::Forged {
            return self.forge(number, happenings);
        }
        let events: Vec<Value> = happenings.iter().map(|it| self.event(it, &mut random)).collect();
        let token = jwt::signed(&self.claims(&Value::Array(events)), &self.config.webhook_secret);
        wrapped(&token, happenings.iter().map(|it| it.id.clone()).collect(), &mut random)
    }

    fn claims(&self, events: &Value) -> Value {
        json!({"iss": "Truora", "iat": self.now.timestamp(), "events": events})
    }

    fn event(&self, it: &Happening, random: &mut SmallRng) -> Value {
        // As it was when it happened, whenever it is told.
        let process = self.truth.process(it.key, it.at);
        let object = object(&process, random);
        event(&it.id, it.action, it.at, &object, random)
    }

    /// What somebody without the secret would send: of a process that there is or not, with an event id of his own or
    /// with that of the genuine event, to get in its way.
    fn forge(&self, number: u64, happenings: &[Happening]) -> Written {
        let mut random = generator(self.config.seed ^ SALT_FORGE, number);
        let (mut ids, mut events, mut honest) = (Vec::new(), Vec::new(), Vec::new());
        for it in happenings {
            let mut process = self.truth.process(it.key, it.at);
            honest.push(object(&process, &mut random));
            let turned = if process.status == "success" { "failure" } else { "success" };
            turned.clone_into(&mut process.status);
            // Newer than anything that is true.
            process.update_date = self.now + TimeDelta::days(30);
            if random.random_bool(0.5) {
                process.process_id = format!("IDP{:032x}", random.random::<u128>());
            }
            let id = if random.random_bool(0.5) {
                it.id.clone()
            } else {
                self.truth.event_id(&format!("forged{number}.{}", ids.len()))
            };
            let action = if turned == "success" { "succeeded" } else { "failed" };
            events.push(event(&id, action, process.update_date, &object(&process, &mut random), &mut random));
            ids.push(id);
        }
        let claims = self.claims(&Value::Array(events));
        let secret = &self.config.webhook_secret;
        let token = match random.random_range(0..5u8) {
            0 => jwt::badly_signed(&claims, secret),
            1 => jwt::of_no_algorithm(&claims),
            2 => jwt::signed(&claims, &format!("not-{secret}")),
            3 => jwt::transplanted(&claims, &self.claims(&Value::Array(honest)), secret),
            _ => return plain("application/json", claims.to_string(), ids),
        };
        wrapped(&token, ids, &mut random)
    }
}

fn event(id: &str, action: &str, at: DateTime<Utc>, object: &Value, random: &mut SmallRng) -> Value {
    let mut kind = one_of(&TYPES, random).to_owned();
    if kind.ends_with('_') {
        kind.push_str(if action == "created" { "started" } else { action });
    }
    json!({
        "id": id, "event_type": kind, "event_action": action, "object": object,
        "version": "1.0", "timestamp": written(at),
    })
}

fn object(process: &Process, random: &mut SmallRng) -> Value {
    // The second is that of step and validation events.
    let name = if random.random_bool(0.8) { "process_id" } else { "identity_process_id" };
    json!({
        name: process.process_id, "flow_id": process.flow_id, "account_id": process.account_id,
        "status": process.status,
        "failure_status": process.failure_status.clone().unwrap_or_default(),
        "declined_reason": process.declined_reason.clone().unwrap_or_default(),
        "creation_date": written(process.creation_date), "update_date": written(process.update_date),
    })
}

/// A token as it is posted: bare, under one of two names for its kind, or in JSON.
fn wrapped(token: &str, events: Vec<String>, random: &mut SmallRng) -> Written {
    match random.random_range(0..3u8) {
        0 => plain("application/jwt", token.to_owned(), events),
        1 => plain("text/plain; charset=utf-8", token.to_owned(), events),
        _ => plain("application/json", json!({"token": token}).to_string(), events),
    }
}

fn plain(kind: &str, body: String, events: Vec<String>) -> Written {
    let headers = vec![(String::from("content-type"), kind.to_owned())];
    Written { events, headers, body: body.into_bytes(), astray: false }
}
