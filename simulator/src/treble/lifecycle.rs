//! The lifecycle of a session: its user, its messages, and when it closes. All of it follows from the seed and the
//! number of the session.

use super::dataset::{Dataset, SessionKey};
use super::session::{Message, Session};
use crate::random::{choose, generator, happens};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;

/// A session with its past and future.
#[derive(Clone, Debug)]
pub(super) struct Lifecycle {
    pub(super) key: SessionKey,
    pub(super) session: Session,
    /// All messages, with all of their timestamps.
    pub(super) messages: Vec<Message>,
    /// When the state of its deployment becomes final.
    pub(super) deployed_at: DateTime<Utc>,
    pub(super) fails: bool,
    /// The phone in webhooks: Mexican numbers may have a 1 before them.
    pub(super) webhook_phone: String,
    /// The external id in the webhook of its end, which may lack it.
    pub(super) webhook_id: Option<String>,
    /// When the flow timed out because the user did not answer, if it did.
    pub(super) timed_out_at: Option<DateTime<Utc>>,
    /// When the user opted out, if so.
    pub(super) opted_out_at: Option<DateTime<Utc>>,
    /// Whether the state of its template changed at its creation.
    pub(super) template_changed: bool,
}

const FAILURES: [&str; 12] = [
    "FAILURE",
    "FAILURE_BY_HUMAN_HANDOVER",
    "REVOKED",
    "INVALID_PHONE",
    "FAILURE_BY_RATE_LIMIT",
    "COMPANY_RATE_LIMIT",
    "MISSING_PARAMETER",
    "FAILURE_BY_OPTOUT_CONTACT",
    "INVALID_POLL",
    "CHARACTER_LIMIT_BODY",
    "FAILURE_BY_UNABLE_TO_CONTACT",
    "FAILURE_BY_META_CHOSE_NOT_DELIVER",
];
/// A state that no document names.
const ODD: &str = "POSTPONED_BY_WEATHER";
const TEXTS: [&str; 6] =
    ["Sí", "No", "5", "Quiero hablar con alguien", "¿Qué?\n\"Nada\", dice 🙂", "gracias, adiós; ya"];
/// "Within minutes to 6 days".
const LONGEST: TimeDelta = TimeDelta::days(6);
/// The number of customers; each has one phone.
const CUSTOMERS: u64 = 20_000;
const SALT_LIFECYCLE: u64 = 0xC045;
const SALT_PHONE: u64 = 0x9404;

impl Dataset {
    /// The lifecycle of a session.
    pub(super) fn lifecycle(&self, key: SessionKey) -> Lifecycle {
        let mut random = generator(self.seed ^ SALT_LIFECYCLE, key.number);
        let life = self.duration(&mut random);
        let (country_code, cellphone) = self.phone(random.random_range(0..CUSTOMERS));
        let (deployment, fails) = deployment(&mut random);
        let at_least = TimeDelta::seconds(1);
        let deployed_at = key.at + seconds(life, 0.05).clamp(at_least, TimeDelta::seconds(20));
        let closes = !happens(self.never_close, &mut random);
        let finished_at = (key.at + life).max(deployed_at + at_least);
        let has_id = !happens(self.no_external_id, &mut random);
        let external_id = has_id.then(|| format!("{:032x}", random.random::<u128>()));
        let webhook_id = external_id.clone().filter(|_| random.random_bool(0.9));
        let leading = if country_code == "+52" && random.random_bool(0.5) { "1" } else { "" };
        let webhook_phone = format!("{leading}{cellphone}");
        let mut lifecycle = Lifecycle {
            key,
            session: Session {
                id: key.number,
                poll_id: self.polls.get(key.poll).map_or(0, |poll| poll.id),
                external_id,
                created_at: key.at,
                finished_at: closes.then_some(finished_at),
                country_code,
                cellphone,
                deployment: deployment.to_owned(),
            },
            messages: Vec::new(),
            deployed_at,
            fails,
            webhook_phone,
            webhook_id,
            timed_out_at: None,
            opted_out_at: None,
            template_changed: random.random_bool(0.02),
        };
        let ends_with_session = !happens(self.late_receipts, &mut random);
        let last = Some(finished_at).filter(|_| self.lasts_for.is_some() || closes && ends_with_session);
        lifecycle.messages = dialogue(&lifecycle, (life, last), &mut random);
        if !closes && !fails {
            lifecycle.timed_out_at = Some(key.at + life);
        }
        let answer = lifecycle.messages.iter().rfind(|message| message.sender == "USER");
        lifecycle.opted_out_at = answer.filter(|_| random.random_bool(0.05)).map(|message| message.created_at);
        lifecycle
    }

    /// The longest time between the creation of a session and its last event.
    pub(super) fn longest_lifecycle(&self) -> TimeDelta {
        self.lasts_for.unwrap_or(LONGEST).max(TimeDelta::seconds(2)) + TimeDelta::seconds(30)
    }

    /// The duration of a session, in whole seconds, at least 2.
    fn duration(&self, random: &mut SmallRng) -> TimeDelta {
        let share: f64 = random.random();
        let life = match self.lasts_for {
            Some(longest) => seconds(longest, 0.25 + 0.75 * share),
            None => TimeDelta::minutes(2) + seconds(LONGEST - TimeDelta::minutes(2), share.powi(6)),
        };
        life.max(TimeDelta::seconds(2))
    }

    fn phone(&self, customer: u64) -> (String, String) {
        let mut random = generator(self.seed ^ SALT_PHONE, customer);
        let (country, cellphone) = match random.random_range(0..3u8) {
            0 => ("+57", random.random_range(3_000_000_000..3_300_000_000u64)),
            1 => ("+52", random.random_range(5_500_000_000..9_999_999_999)),
            _ => ("+55", random.random_range(11_900_000_000..11_999_999_999)),
        };
        (country.to_owned(), cellphone.to_string())
    }
}

impl Lifecycle {
    /// The session as of `now`.
    pub(super) fn session_at(&self, now: DateTime<Utc>) -> Session {
        let mut session = self.session.clone();
        session.finished_at = session.finished_at.filter(|at| *at <= now);
        if now < self.deployed_at {
            "PROCESSING".clone_into(&mut session.deployment);
        }
        session
    }

    /// The messages as of `now`, with the receipts as of `now`.
    pub(super) fn messages_at(&self, now: DateTime<Utc>) -> Vec<Message> {
        let created = self.messages.iter().filter(|message| message.created_at <= now).cloned();
        let as_of = |mut message: Message| {
            message.delivered_at = message.delivered_at.filter(|at| *at <= now);
            message.read_at = message.read_at.filter(|at| *at <= now);
            message
        };
        created.map(as_of).collect()
    }
}

/// The messages: the template; then, if that arrives, the user and the other side by turns, first the bot and later an
/// agent. No message is delivered or read after the `last` instant, if there is one.
fn dialogue(
    lifecycle: &Lifecycle,
    (life, last): (TimeDelta, Option<DateTime<Utc>>),
    random: &mut SmallRng,
) -> Vec<Message> {
    let more = if lifecycle.fails { 0 } else { random.random_range(0..=8usize) };
    let handed_over = random.random_range(2..8usize);
    let mut messages = Vec::new();
    for position in 0..=more {
        let (kind, sender) = match position {
            0 => ("HSM", "AI"),
            odd if odd % 2 == 1 => ("TEXT", "USER"),
            late if late > handed_over => ("TEXT", "AGENT"),
            _ => ("TEXT", "AI"),
        };
        let share = f64::from(u32::try_from(position).unwrap_or_default()) / 10.0;
        let created_at = lifecycle.key.at + seconds(life, share);
        let has_receipts = sender != "USER" && !lifecycle.fails;
        let by_then = |at: DateTime<Utc>| last.map_or(at, |last| at.min(last));
        let arrives = by_then(created_at + TimeDelta::seconds(random.random_range(1..40)));
        let read = by_then(arrives + TimeDelta::seconds(random.random_range(1..7200)));
        let is_file = position > 0 && random.random_bool(0.1);
        let text = if position == 0 { "Hola, ¿cómo estás?" } else { choose(&TEXTS, random) };
        let file = format!("https://files.example.com/{:016x}.jpg", random.random::<u64>());
        messages.push(Message {
            session_id: lifecycle.key.number,
            position,
            kind: String::from(if is_file { "IMAGE" } else { kind }),
            sender: sender.to_owned(),
            text: (!is_file).then(|| text.to_owned()),
            file_url: is_file.then_some(file),
            created_at,
            delivered_at: (has_receipts && random.random_bool(0.9)).then_some(arrives),
            read_at: None,
        });
        if let Some(message) = messages.last_mut() {
            message.read_at = message.delivered_at.filter(|_| random.random_bool(0.7)).map(|_| read);
        }
    }
    messages
}

fn deployment(random: &mut SmallRng) -> (&'static str, bool) {
    match random.random_range(0..100u8) {
        0..70 => ("DELIVERED", false),
        70..82 => ("SUCCESS", false),
        82..84 => (ODD, false),
        _ => (choose(&FAILURES, random), true),
    }
}

/// `whole` by `share` (0 to 1), in whole seconds.
fn seconds(whole: TimeDelta, share: f64) -> TimeDelta {
    let seconds = whole.to_std().unwrap_or_default().mul_f64(share).as_secs();
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or_default())
}
