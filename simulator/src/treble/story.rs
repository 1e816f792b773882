//! How a session goes: who it is with, what is said and when, and when it ends. All of it follows from the seed and
//! the session's number.

use super::session::{Message, Session};
use super::truth::{Key, Truth};
use crate::draw::{generator, one_of};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;

/// A whole session, from its first second to its last.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub(super) key: Key,
    pub(super) session: Session,
    /// All that will be said; each with all of its instants.
    pub(super) talk: Vec<Message>,
    /// From when on its deployment's word is the last one.
    pub(super) deployed_at: DateTime<Utc>,
    pub(super) fails: bool,
    /// The phone as webhooks write it: Mexican numbers may have a 1 before them.
    pub(super) told_phone: String,
    /// The external id as the webhook of its end names it: it may lack one that the session has.
    pub(super) told_id: Option<String>,
    /// When it was noticed that the user is silent, if it was.
    pub(super) timed_out_at: Option<DateTime<Utc>>,
    /// When the user asked not to be written to any more, if that was so.
    pub(super) opted_out_at: Option<DateTime<Utc>>,
    /// Whether it is by a template whose state changed then.
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
/// What no document names.
const ODD: &str = "POSTPONED_BY_WEATHER";
const SAID: [&str; 6] =
    ["Sí", "No", "5", "Quiero hablar con alguien", "¿Qué?\n\"Nada\", dice 🙂", "gracias, adiós; ya"];
/// Replies come "within minutes to 6 days".
const LONGEST: TimeDelta = TimeDelta::days(6);
/// How many customers there are; each has one phone.
const CUSTOMERS: u64 = 20_000;
/// Keep the draws of sessions and of customers apart.
const SALT_COURSE: u64 = 0xC045;
const SALT_PHONE: u64 = 0x9404;

impl Truth {
    /// How the session goes.
    pub(super) fn course(&self, key: Key) -> Course {
        let mut random = generator(self.seed ^ SALT_COURSE, key.number);
        let life = self.life(&mut random);
        let (country_code, cellphone) = self.phone(random.random_range(0..CUSTOMERS));
        let (deployment, fails) = deployment(&mut random);
        let at_least = TimeDelta::seconds(1);
        let deployed_at = key.at + part(life, 0.05).clamp(at_least, TimeDelta::seconds(20));
        let closes = random.random::<f64>() >= self.never_close;
        let finished_at = (key.at + life).max(deployed_at + at_least);
        let named = random.random::<f64>() >= self.nameless;
        let external_id = named.then(|| format!("{:032x}", random.random::<u128>()));
        let told_id = external_id.clone().filter(|_| random.random_bool(0.9));
        let leading = if country_code == "+52" && random.random_bool(0.5) { "1" } else { "" };
        let told_phone = format!("{leading}{cellphone}");
        let mut course = Course {
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
            talk: Vec::new(),
            deployed_at,
            fails,
            told_phone,
            told_id,
            timed_out_at: None,
            opted_out_at: None,
            template_changed: random.random_bool(0.02),
        };
        let ends_with_it = random.random::<f64>() >= self.late_receipts;
        let last = Some(finished_at).filter(|_| self.talks_for.is_some() || closes && ends_with_it);
        course.talk = talk(&course, (life, last), &mut random);
        if !closes && !fails {
            course.timed_out_at = Some(key.at + life);
        }
        let answer = course.talk.iter().rfind(|message| message.sender == "USER");
        course.opted_out_at = answer.filter(|_| random.random_bool(0.05)).map(|message| message.created_at);
        course
    }

    /// The longest that something may still happen to a session after it was made.
    pub(super) fn longest_course(&self) -> TimeDelta {
        self.talks_for.unwrap_or(LONGEST).max(TimeDelta::seconds(2)) + TimeDelta::seconds(30)
    }

    /// In whole seconds, at least 2.
    fn life(&self, random: &mut SmallRng) -> TimeDelta {
        let share: f64 = random.random();
        let life = match self.talks_for {
            Some(longest) => part(longest, 0.25 + 0.75 * share),
            None => TimeDelta::minutes(2) + part(LONGEST - TimeDelta::minutes(2), share.powi(6)),
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

impl Course {
    /// The session as it is at `now`.
    pub(super) fn as_of(&self, now: DateTime<Utc>) -> Session {
        let mut session = self.session.clone();
        session.finished_at = session.finished_at.filter(|at| *at <= now);
        if now < self.deployed_at {
            "PROCESSING".clone_into(&mut session.deployment);
        }
        session
    }

    /// What has been said by `now`, and what of it has arrived.
    pub(super) fn said(&self, now: DateTime<Utc>) -> Vec<Message> {
        let there = self.talk.iter().filter(|message| message.created_at <= now).cloned();
        let as_of = |mut message: Message| {
            message.delivered_at = message.delivered_at.filter(|at| *at <= now);
            message.read_at = message.read_at.filter(|at| *at <= now);
            message
        };
        there.map(as_of).collect()
    }
}

/// The template first; then, if it arrives, the user and the other side by turns: first the bot, later an agent.
/// Nothing is delivered or read after the `last` instant, if there is one.
fn talk(course: &Course, (life, last): (TimeDelta, Option<DateTime<Utc>>), random: &mut SmallRng) -> Vec<Message> {
    let more = if course.fails { 0 } else { random.random_range(0..=8usize) };
    let handed_over = random.random_range(2..8usize);
    let mut talk = Vec::new();
    for position in 0..=more {
        let (kind, sender) = match position {
            0 => ("HSM", "AI"),
            odd if odd % 2 == 1 => ("TEXT", "USER"),
            late if late > handed_over => ("TEXT", "AGENT"),
            _ => ("TEXT", "AI"),
        };
        let share = f64::from(u32::try_from(position).unwrap_or_default()) / 10.0;
        let created_at = course.key.at + part(life, share);
        let ours = sender != "USER" && !course.fails;
        let by_then = |at: DateTime<Utc>| last.map_or(at, |last| at.min(last));
        let arrives = by_then(created_at + TimeDelta::seconds(random.random_range(1..40)));
        let read = by_then(arrives + TimeDelta::seconds(random.random_range(1..7200)));
        let is_file = position > 0 && random.random_bool(0.1);
        let text = if position == 0 { "Hola, ¿cómo estás?" } else { one_of(&SAID, random) };
        let file = format!("https://files.example.com/{:016x}.jpg", random.random::<u64>());
        talk.push(Message {
            session_id: course.key.number,
            position,
            kind: String::from(if is_file { "IMAGE" } else { kind }),
            sender: sender.to_owned(),
            text: (!is_file).then(|| text.to_owned()),
            file_url: is_file.then_some(file),
            created_at,
            delivered_at: (ours && random.random_bool(0.9)).then_some(arrives),
            read_at: None,
        });
        if let Some(message) = talk.last_mut() {
            message.read_at = message.delivered_at.filter(|_| random.random_bool(0.7)).map(|_| read);
        }
    }
    talk
}

fn deployment(random: &mut SmallRng) -> (&'static str, bool) {
    match random.random_range(0..100u8) {
        0..70 => ("DELIVERED", false),
        70..82 => ("SUCCESS", false),
        82..84 => (ODD, false),
        _ => (one_of(&FAILURES, random), true),
    }
}

/// So much of `whole`, by its share, in whole seconds.
fn part(whole: TimeDelta, share: f64) -> TimeDelta {
    let part = whole.to_std().unwrap_or_default().mul_f64(share).as_secs();
    TimeDelta::seconds(i64::try_from(part).unwrap_or_default())
}
