//! The lifecycle of a process: its questions and answers, when and how it ends, and the override by an operator. All of
//! it follows from the seed and the number of the process.

use super::dataset::{Dataset, ProcessKey, round_up};
use super::process::{Process, UserResponse, Validation};
use crate::calendar::fraction;
use crate::random::{choose, generator, happens};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

/// When and how a process ends, and whether an operator overrides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifecycle {
    pub(super) key: ProcessKey,
    pub(super) ended_at: DateTime<Utc>,
    pub(super) ending: Ending,
    /// When an operator overrides the ending, and with which.
    pub(super) overridden: Option<(DateTime<Utc>, Ending)>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) is_success: bool,
    pub(super) status: &'static str,
    pub(super) failure_status: Option<&'static str>,
    pub(super) declined_reason: Option<&'static str>,
}

/// A question, its type and its possible answers.
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
/// Endings that no document names.
const ODD_ENDINGS: [Ending; 3] = [
    Ending { is_success: false, status: "on_hold", failure_status: None, declined_reason: None },
    Ending {
        is_success: false,
        status: "failure",
        failure_status: Some("declined"),
        declined_reason: Some("moon_phase"),
    },
    Ending {
        is_success: false,
        status: "failure",
        failure_status: Some("rerouted"),
        declined_reason: Some("not_used"),
    },
];
const SUCCESS: Ending = Ending { is_success: true, status: "success", failure_status: None, declined_reason: None };
const OVERRIDDEN_FAILURE: Ending = Ending {
    is_success: false,
    status: "failure",
    failure_status: Some("declined"),
    declined_reason: Some("overridden"),
};
/// The vendor's own budget: "the process expiration time has passed (typically 24 hours)".
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// The most by which a timestamp is rounded up.
const ROUNDING: TimeDelta = TimeDelta::seconds(1);
const SALT_LIFECYCLE: u64 = 0xC045;
const SALT_TEXT: u64 = 0x7E87;

impl Dataset {
    /// The lifecycle of a process.
    pub(super) fn lifecycle(&self, key: ProcessKey) -> Lifecycle {
        let mut random = generator(self.seed ^ SALT_LIFECYCLE, key.number);
        let expires = random.random_bool(0.1);
        let share: f64 = random.random();
        let life = match self.pending_for {
            Some(longest) => fraction(longest, 0.25 + 0.75 * share),
            None if expires => LONGEST - ROUNDING,
            // Most take minutes, a few hours.
            None => TimeDelta::seconds(5) + fraction(LONGEST - TimeDelta::minutes(1), share.powi(6)),
        };
        let ending = if happens(self.odd_words, &mut random) {
            ODD_ENDINGS.get(random.random_range(0..ODD_ENDINGS.len())).copied().unwrap_or(OVERRIDDEN_FAILURE)
        } else if expires {
            Ending {
                failure_status: Some("expired"),
                declined_reason: Some("validation_expired"),
                ..OVERRIDDEN_FAILURE
            }
        } else if random.random_bool(0.7) {
            SUCCESS
        } else {
            let drawn = FAILURES.get(random.random_range(0..FAILURES.len())).copied();
            Ending {
                failure_status: drawn.map(|(status, _)| status),
                declined_reason: drawn.map(|(_, reason)| reason),
                ..OVERRIDDEN_FAILURE
            }
        };
        let ended_at = round_up(key.at + life, random.random_range(0..=9));
        let overridden = happens(self.overridden, &mut random);
        let later = fraction(self.override_after, random.random_range(0.1..1.0));
        let overridden_at = round_up(ended_at + later + TimeDelta::nanoseconds(1), random.random_range(0..=9));
        let other = if ending.is_success { OVERRIDDEN_FAILURE } else { SUCCESS };
        Lifecycle { key, ended_at, ending, overridden: overridden.then_some((overridden_at, other)) }
    }

    /// The longest time between the begin of a process and its last event.
    pub(super) fn longest_lifecycle(&self) -> TimeDelta {
        self.pending_for.unwrap_or(LONGEST) + self.override_after + ROUNDING * 2 + TimeDelta::nanoseconds(1)
    }

    /// The process as of `now`.
    pub(super) fn process(&self, key: ProcessKey, now: DateTime<Utc>) -> Process {
        let lifecycle = self.lifecycle(key);
        let mut random = generator(self.seed ^ SALT_TEXT, key.number);
        let ended = lifecycle.ending_at(now);
        let answers = answers(&lifecycle, &mut random);
        let given: Vec<_> = answers.into_iter().filter(|(at, _)| *at <= now).collect();
        let changed_at = match (lifecycle.overridden.filter(|(at, _)| *at <= now), ended) {
            (Some((at, _)), _) => at,
            (None, Some(_)) => lifecycle.ended_at,
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
            country: String::from(choose(&["ALL", "CO", "MX", "BR"], &mut random)),
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

impl Lifecycle {
    /// The ending as of `now`, if it has ended.
    pub(super) fn ending_at(&self, now: DateTime<Utc>) -> Option<Ending> {
        let changed = self.overridden.filter(|(at, _)| *at <= now).map(|(_, ending)| ending);
        changed.or_else(|| (self.ended_at <= now).then_some(self.ending))
    }
}

/// RFC 3339 in UTC with as many fractional digits as the instant has, 0 to 9.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    let seconds = at.format("%Y-%m-%dT%H:%M:%S");
    match at.timestamp_subsec_nanos() {
        0 => format!("{seconds}Z"),
        nanos => format!("{seconds}.{}Z", format!("{nanos:09}").trim_end_matches('0')),
    }
}

/// All answers of the customer with their instants: 0 to 6, in the first nine tenths of the process.
fn answers(lifecycle: &Lifecycle, random: &mut SmallRng) -> Vec<(DateTime<Utc>, UserResponse)> {
    let count = random.random_range(0..=6u32);
    let life = lifecycle.ended_at - lifecycle.key.at;
    let answers = (1..=count).map(|step| {
        let at = lifecycle.key.at + fraction(life, 0.9 * f64::from(step) / f64::from(count));
        // Each step draws a question anew, so names repeat.
        let drawn = QUESTIONS.get(random.random_range(0..QUESTIONS.len())).copied();
        let (name, kind, values) = drawn.unwrap_or(("", "", &[]));
        let value = choose(values, random);
        (at, UserResponse { name: name.to_owned(), kind: kind.to_owned(), value: value.to_owned() })
    });
    answers.collect()
}

fn validations(ended: Option<Ending>, random: &mut SmallRng) -> Vec<Validation> {
    let kinds = ["document-validation", "face-recognition", "phone-verification"];
    let count = if random.random_bool(0.3) { random.random_range(1..=kinds.len()) } else { 0 };
    let status = match ended {
        None => "pending",
        Some(ending) if ending.is_success => "success",
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
        "start_date": timestamp(finished_at - TimeDelta::seconds(7)),
        "finish_date": timestamp(finished_at),
    })
}

fn trigger(key: ProcessKey, direction: &str, random: &mut SmallRng) -> Value {
    let inbound = direction == "inbound";
    json!({
        "channel_name": "whatsapp",
        "channel_type": direction,
        "id": format!("{}{:016x}", if inbound { "WIF" } else { "OTB" }, random.random::<u64>()),
        "name": if inbound { "" } else { "welcome_back" },
        "message": if inbound { choose(&["Hola! ", "Quiero información", "oi", ""], random) } else { "" },
        "media_content_path": "",
        "trigger_user": "",
        "response": "",
        "options": null,
        "created_at": timestamp(key.at - TimeDelta::nanoseconds(81_760_580)),
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
