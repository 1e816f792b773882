//! How a process goes: what is asked and answered, when it ends and how, and who changes that later. All of it follows
//! from the seed and the process's number.

use super::process::{Process, UserResponse, Validation};
use super::truth::{Key, Truth, ceiling};
use crate::draw::{generator, one_of};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

/// When a process ends and how, and whether that is changed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) key: Key,
    pub(super) ended_at: DateTime<Utc>,
    pub(super) ending: Ending,
    /// By an operator.
    pub(super) overridden: Option<(DateTime<Utc>, Ending)>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) well: bool,
    pub(super) status: &'static str,
    pub(super) failure_status: Option<&'static str>,
    pub(super) declined_reason: Option<&'static str>,
}

/// Question, type, and what may be answered.
type Question = (&'static str, &'static str, &'static [&'static str]);

const QUESTIONS: [Question; 6] = [
    ("name_greeting", "text", &["John", "María José", "O'Brien, \"Jim\"", "Zoë 🙂"]),
    ("greeting", "select", &["Yes", "No"]),
    ("friend", "select", &["Sí", "No"]),
    ("email", "email", &["ana@example.com", "j.perez@example.org"]),
    ("city", "text", &["Bogotá", "São Paulo", "Lima\nPerú", ""]),
    ("amount", "number", &["0", "12500", "3.5"]),
];
const FAILURES: [(&str, &str); 8] = [
    ("declined", "canceled"),
    ("declined", "not_answered_question"),
    ("declined", "user_process_postponed"),
    ("declined", "document_image_too_blurry"),
    ("expired", "validation_expired"),
    ("expired", "validation_not_finished"),
    ("expired", "abandoned_without_using_retries"),
    ("system_error", "process_started_late"),
];
/// What no document names.
const ODD: [Ending; 3] = [
    Ending { well: false, status: "on_hold", failure_status: None, declined_reason: None },
    Ending { well: false, status: "failure", failure_status: Some("declined"), declined_reason: Some("moon_phase") },
    Ending { well: false, status: "failure", failure_status: Some("rerouted"), declined_reason: Some("not_used") },
];
const WELL: Ending = Ending { well: true, status: "success", failure_status: None, declined_reason: None };
const BY_HAND: Ending =
    Ending { well: false, status: "failure", failure_status: Some("declined"), declined_reason: Some("overridden") };
/// The vendor's own budget: "the process expiration time has passed (typically 24 hours)".
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// A timestamp is rounded up to its digits.
const ROUNDED: TimeDelta = TimeDelta::seconds(1);
/// Keep the draws of courses and of contents apart.
const SALT_COURSE: u64 = 0xC045;
const SALT_TEXT: u64 = 0x7E87;

impl Truth {
    /// How the process goes.
    pub(super) fn course(&self, key: Key) -> Course {
        let mut random = generator(self.seed ^ SALT_COURSE, key.number);
        let expires = random.random_bool(0.1);
        let share: f64 = random.random();
        let life = match self.pending_for {
            Some(longest) => part(longest, 0.25 + 0.75 * share),
            None if expires => LONGEST - ROUNDED,
            // Most take minutes, a few hours.
            None => TimeDelta::seconds(5) + part(LONGEST - TimeDelta::minutes(1), share.powi(6)),
        };
        let ending = if random.random::<f64>() < self.odd_words {
            ODD.get(random.random_range(0..ODD.len())).copied().unwrap_or(BY_HAND)
        } else if expires {
            Ending { failure_status: Some("expired"), declined_reason: Some("validation_expired"), ..BY_HAND }
        } else if random.random_bool(0.7) {
            WELL
        } else {
            let drawn = FAILURES.get(random.random_range(0..FAILURES.len())).copied();
            Ending { failure_status: drawn.map(|it| it.0), declined_reason: drawn.map(|it| it.1), ..BY_HAND }
        };
        let ended_at = ceiling(key.at + life, random.random_range(0..=9));
        let overridden = random.random::<f64>() < self.overridden;
        let later = part(self.override_after, random.random_range(0.1..1.0));
        let overridden_at = ceiling(ended_at + later + TimeDelta::nanoseconds(1), random.random_range(0..=9));
        let other = if ending.well { BY_HAND } else { WELL };
        Course { key, ended_at, ending, overridden: overridden.then_some((overridden_at, other)) }
    }

    /// The longest that something may still happen to a process after it began.
    pub(super) fn longest_course(&self) -> TimeDelta {
        self.pending_for.unwrap_or(LONGEST) + self.override_after + ROUNDED * 2 + TimeDelta::nanoseconds(1)
    }

    /// The process as it is at `now`.
    pub(super) fn process(&self, key: Key, now: DateTime<Utc>) -> Process {
        let course = self.course(key);
        let mut random = generator(self.seed ^ SALT_TEXT, key.number);
        let ended = course.as_of(now);
        let answers = answers(&course, &mut random);
        let given: Vec<_> = answers.into_iter().filter(|(at, _)| *at <= now).collect();
        let changed_at = match (course.overridden.filter(|(at, _)| *at <= now), ended) {
            (Some((at, _)), _) => at,
            (None, Some(_)) => course.ended_at,
            (None, None) => given.last().map_or(key.at, |(at, _)| *at),
        };
        let direction = if random.random_bool(0.7) { "inbound" } else { "outbound" };
        let phone = phone(&mut random);
        let account_id = format!("{phone}-{direction}-{:012x}", random.random::<u64>() >> 16);
        let flow = random.random_range(0..self.flows.len().max(1));
        let steps = u32::try_from(given.len()).unwrap_or_default();
        Process {
            process_id: self.id(key.number),
            account_id,
            client_id: format!("TCI{:016x}", generator(self.seed, 0).random::<u64>()),
            flow_id: self.flows.get(flow).cloned().unwrap_or_default(),
            created_via: String::from(if random.random_bool(0.95) { "whatsapp" } else { "web" }),
            flow_version: random.random_range(1..9),
            country: String::from(one_of(&["ALL", "CO", "MX", "BR"], &mut random)),
            status: String::from(ended.map_or("pending", |ending| ending.status)),
            failure_status: ended.and_then(|ending| ending.failure_status).map(str::to_owned),
            declined_reason: ended.and_then(|ending| ending.declined_reason).map(str::to_owned),
            trigger_info: trigger(key, direction, &mut random),
            validations: validations(ended, &mut random),
            last_finished_step: given.last().map(|(at, answer)| step(*at, answer, &mut random)),
            user_responses: given.into_iter().map(|(_, answer)| answer).collect(),
            creation_date: key.at,
            update_date: changed_at,
            ip_address: String::from("unknown"),
            time_to_live: 1410,
            current_step_index: steps,
        }
    }
}

impl Course {
    /// How it has ended by `now`, if it has.
    pub(super) fn as_of(&self, now: DateTime<Utc>) -> Option<Ending> {
        let changed = self.overridden.filter(|(at, _)| *at <= now).map(|(_, ending)| ending);
        changed.or_else(|| (self.ended_at <= now).then_some(self.ending))
    }
}

/// RFC 3339 in UTC with as many digits after its seconds as it takes, 0 to 9.
pub(super) fn written(at: DateTime<Utc>) -> String {
    let seconds = at.format("%Y-%m-%dT%H:%M:%S");
    match at.timestamp_subsec_nanos() {
        0 => format!("{seconds}Z"),
        nanos => format!("{seconds}.{}Z", format!("{nanos:09}").trim_end_matches('0')),
    }
}

/// All answers that will be given, and when: 0 to 6, in the first nine tenths of its life.
fn answers(course: &Course, random: &mut SmallRng) -> Vec<(DateTime<Utc>, UserResponse)> {
    let count = random.random_range(0..=6u32);
    let life = course.ended_at - course.key.at;
    let answers = (1..=count).map(|step| {
        let at = course.key.at + part(life, 0.9 * f64::from(step) / f64::from(count));
        // Names repeat over steps: each is drawn anew.
        let drawn = QUESTIONS.get(random.random_range(0..QUESTIONS.len())).copied();
        let (name, kind, values) = drawn.unwrap_or(("", "", &[]));
        let value = one_of(values, random);
        (at, UserResponse { name: name.to_owned(), kind: kind.to_owned(), value: value.to_owned() })
    });
    answers.collect()
}

fn validations(ended: Option<Ending>, random: &mut SmallRng) -> Vec<Validation> {
    let kinds = ["document-validation", "face-recognition", "phone-verification"];
    let count = if random.random_bool(0.3) { random.random_range(1..=kinds.len()) } else { 0 };
    let status = match ended {
        None => "pending",
        Some(ending) if ending.well => "success",
        Some(_) => "failure",
    };
    let made = kinds.into_iter().take(count).map(|kind| Validation {
        validation_id: format!("VLD{:016x}", random.random::<u64>()),
        kind: kind.to_owned(),
        validation_status: status.to_owned(),
    });
    made.collect()
}

fn step(finished_at: DateTime<Utc>, answer: &UserResponse, random: &mut SmallRng) -> Value {
    json!({
        "step_id": format!("IPS{:016x}", random.random::<u64>()),
        "verification_id": format!("VRF{:016x}", random.random::<u64>()),
        "type": "enter_response",
        "verification_output": {
            "status": "success", "message": answer.value, "media_uploaded": false, "step_data_received": true,
        },
        "config": {"retries": 3, "timeout": 0},
        "expected_inputs": [{
            "type": answer.kind, "value": answer.value, "name": answer.name, "placeholder": "", "length": 0,
            "description": "Tell us, please. \n\nThen we go on.", "read_only": false, "response_options": null,
        }],
        "files_upload_urls": null,
        "remaining_retries": 0,
        "async_step": null,
        "start_date": written(finished_at - TimeDelta::seconds(7)),
        "finish_date": written(finished_at),
    })
}

fn trigger(key: Key, direction: &str, random: &mut SmallRng) -> Value {
    let inbound = direction == "inbound";
    json!({
        "channel_name": "whatsapp",
        "channel_type": direction,
        "id": format!("{}{:016x}", if inbound { "WIF" } else { "OTB" }, random.random::<u64>()),
        "name": if inbound { "" } else { "welcome_back" },
        "message": if inbound { one_of(&["Hola! ", "Quiero información", "oi", ""], random) } else { "" },
        "media_content_path": "",
        "trigger_user": "",
        "response": "",
        "options": null,
        "created_at": written(key.at - TimeDelta::nanoseconds(81_760_580)),
    })
}

fn phone(random: &mut SmallRng) -> String {
    let (country, digits) = match random.random_range(0..3u8) {
        0 => ("57", random.random_range(3_000_000_000..3_300_000_000u64)),
        1 => ("521", random.random_range(5_500_000_000..5_600_000_000)),
        _ => ("5511", random.random_range(900_000_000..1_000_000_000)),
    };
    format!("{country}{digits}")
}

/// So much of `whole`, by its share.
fn part(whole: TimeDelta, share: f64) -> TimeDelta {
    TimeDelta::from_std(whole.to_std().unwrap_or_default().mul_f64(share)).unwrap_or_default()
}
