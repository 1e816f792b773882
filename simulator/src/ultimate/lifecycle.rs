//! The content of a conversation, and how it changes with its states.

use super::conversation::Conversation;
use super::dataset::{Dataset, StateKey};
use crate::calendar::{day_number, utc_midnight};
use crate::random::{choose, generator};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

/// Names with accents, quotes, a backslash and an emoji.
const NAMES: [&str; 8] =
    ["Maria P", "Luis Ñ", "Ana \"Nita\" V", "Óscar D", "Juli 🌻", "Sofía\\M", "Andrés O'Neil", "Zoë\tK"];
const LANGUAGES: [&str; 5] = ["en", "en", "es", "pt", "de"];
const LABELS: [&str; 6] = ["vip", "refund", "new customer", "año \"23\"", "b2b, large", "[test]"];
const INTENTS: [(&str, &str); 5] = [
    ("i1", "Greeting"),
    ("i7", "Refund status"),
    ("i12", "Talk to a human/agent"),
    ("i20", "¿Dónde está mi pedido?"),
    ("i31", "Opening \"hours\""),
];
const STATUSES: [&str; 8] =
    ["botHandled", "botHandled", "botHandled", "botHandled", "email", "agent", "customEscalation", "failedEscalation"];
const TIERS: [&str; 4] = ["core resolution", "contained resolution", "assisted escalation", "non-automated"];
const WORDS: [&str; 4] = ["returns", "track an order", "change \"address\"", "seguimiento"];
/// One conversation in this many carries the canary.
const CANARY_IN: u32 = 20;
/// The least length of a wide conversation's data, so that a row has some 1.5 kB.
const WIDE: usize = 420;
const SALT_CONVERSATION: u64 = 0x5707;
const SALT_STATE: u64 = 0x57A7;
const SALT_REPLIES: u64 = 0x4E91;
const SALT_DATA: u64 = 0xDA7A;

impl Dataset {
    /// The conversation in this state, with the columns of both versions.
    pub(super) fn conversation(&self, state: StateKey) -> Conversation {
        let (bot, number) = (state.key.bot, Self::number(state.key));
        let random = &mut generator(self.salted(bot, SALT_CONVERSATION), number);
        let step = state.step();
        let (start, end) = (self.start(state.key), self.end(state));
        let turns: u32 = random.random_range(1..12);
        let (is_llm, answers): (bool, u32) = (random.random(), random.random_range(1..5));
        let llm = [0, answers + step, 0, 1, answers / 2].map(|count| Some(if is_llm { count } else { 0 }));
        let rest = self.texts(state, random, is_llm);
        let [not_understood, generated, errors, escalations, fallbacks] = llm;
        let processed =
            utc_midnight(end.date_naive()) + TimeDelta::milliseconds(86_400_000 + random.random_range(0..600_000));
        Conversation {
            bot_id: self.bots.get(bot).map(|bot| bot.id.clone()).unwrap_or_default(),
            bot_name: format!("Support bot {}", bot + 1),
            conversation_id: self.id(state),
            platform_conversation_id: (2_000_000 + number % 900_000_000).to_string(),
            conversation_start_time: start,
            conversation_end_time: end,
            triggered_replies: self.replies(state, start),
            triggered_intent_replies: self.intents(state, start),
            conversations_data: self.data(state),
            is_llm_conversation: is_llm,
            llm_not_understood_count: not_understood,
            llm_response_generated_count: generated,
            llm_error_occurred_count: errors,
            llm_escalation_required_count: escalations,
            llm_fallback_count: fallbacks,
            knowledge_not_understood_count: not_understood,
            knowledge_response_generated_count: generated,
            knowledge_error_occurred_count: errors,
            knowledge_escalation_required_count: escalations,
            knowledge_fallback_count: fallbacks,
            // Chats of the suggestion engine have no message of the bot.
            bot_messages_count: if turns == 11 { 0 } else { turns * 2 + step },
            visitor_messages_count: turns + step,
            not_understood_messages_count: (turns + step) / 4,
            session_ended_timestamp: Some(end + TimeDelta::minutes(30)),
            zdp_meta_processed_timestamp: Some(processed),
            conversation_end_date: Some(end.date_naive()),
            ..rest
        }
    }

    /// The columns other than numbers, timestamps and lists of replies.
    fn texts(&self, state: StateKey, random: &mut SmallRng, is_llm: bool) -> Conversation {
        let number = Self::number(state.key) * 4 + u64::from(state.step());
        let changing = &mut generator(self.salted(state.key.bot, SALT_STATE), number);
        let status = word(&STATUSES, changing);
        let resolutions: &[&str] =
            if status == "botHandled" { &["informed", "resolved", "undefined"] } else { &["escalated"] };
        let automated = status == "botHandled" && changing.random();
        let reasoning = automated.then(|| "The customer's question was answered.".to_owned());
        Conversation {
            conversation_type: Some(word(&["standard", "agentic"], random)),
            language: word(&LANGUAGES, random),
            channel: word(&["chat", "chat", "ticket"], random),
            labels: words(&LABELS, random),
            segments: Some(words(&WORDS, random)),
            test_mode: random.random_bool(0.03),
            conversation_status: status,
            last_resolution: word(resolutions, changing),
            resolution_tier: Some(word(&TIERS, changing)),
            automated_resolution: Some(automated),
            automated_resolution_reasoning: reasoning,
            triggered_procedures: Some(words(&WORDS, random)),
            triggered_use_cases: Some(words(&WORDS, random)),
            has_knowledge_response_attempt: Some(is_llm),
            knowledge_sources: Some(words(&["help centre", "faq.csv"], random)),
            rbp_status_name: changing.random_bool(0.5).then(|| "Active".to_owned()),
            instance_account_id: Some("21775".to_owned()),
            ..Conversation::blank()
        }
    }

    fn id(&self, state: StateKey) -> String {
        let mut random = generator(self.salted(state.key.bot, SALT_CONVERSATION), !Self::number(state.key));
        let bot = self.salted(state.key.bot, 0) & 0xFFFF_FFFF;
        let (day, index) = (day_number(state.key.day), state.key.index);
        let (version, variant): (u16, u16) = (random.random_range(0..0x1000), random.random_range(0x8000..0xC000));
        // Bot, day and index make it unique; the rest imitates the vendor's ids.
        format!("{bot:08x}-{day:04x}-4{version:03x}-{variant:04x}-{:04x}{index:08x}", random.random::<u16>())
    }

    fn intents(&self, state: StateKey, start: DateTime<Utc>) -> Value {
        let mut random = generator(self.salted(state.key.bot, SALT_REPLIES), Self::number(state.key));
        let many = random.random_range(0..2) + state.step();
        let intents = (1..=many).map(|nth| {
            let (id, name) = INTENTS.choose(&mut random).copied().unwrap_or_default();
            json!({"intent_timestamp": timestamp(start, nth, &mut random), "intent_id": id, "intent_name": name,
                "not_meaningful": name == "Greeting"})
        });
        Value::Array(intents.collect())
    }

    fn replies(&self, state: StateKey, start: DateTime<Utc>) -> Value {
        let mut random = generator(self.salted(state.key.bot, SALT_REPLIES), !Self::number(state.key));
        let many = random.random_range(0..2) + state.step();
        let replies = (1..=many).map(|nth| {
            let (id, name) = INTENTS.choose(&mut random).copied().unwrap_or_default();
            json!({"reply_timestamp": timestamp(start, nth, &mut random), "reply_id": format!("r-{id}"),
                "reply_language": word(&LANGUAGES, &mut random), "reply_name": name, "reply_type": "text",
                "intent_id": id})
        });
        Value::Array(replies.collect())
    }

    /// The session's parameters. "It is a list of the parameter's key where it had a value".
    fn data(&self, state: StateKey) -> Value {
        let number = Self::number(state.key);
        let mut random = generator(self.salted(state.key.bot, SALT_DATA), number);
        let (odd, nul): (f64, bool) = (random.random(), random.random());
        let mut data = Map::new();
        if random.random_bool(0.6) {
            data.insert("email_given".to_owned(), json!("true"));
            data.insert("email".to_owned(), json!(format!("customer.{number}@mail.example")));
        }
        if random.random_bool(0.7) {
            data.insert("order_id".to_owned(), json!(format!("A-{}", 1000 + number % 9000)));
            data.insert("name".to_owned(), json!(word(&NAMES, &mut random)));
        }
        if let Some(canary) = self.canary_phone.as_ref().filter(|_| random.random_ratio(1, CANARY_IN)) {
            data.insert("phone".to_owned(), json!(canary));
        }
        if state.resumed {
            data.insert("resumed".to_owned(), json!("true"));
        }
        if self.wide {
            let missing = WIDE.saturating_sub(Value::Object(data.clone()).to_string().len());
            data.insert("context".to_owned(), json!("x".repeat(missing)));
        }
        if odd < self.odd_data && nul {
            data.insert("note".to_owned(), json!("before\u{0}after"));
        } else if odd < self.odd_data {
            let mut text = Value::Object(data).to_string();
            text.pop();
            return Value::String(text);
        }
        Value::Object(data)
    }
}

impl StateKey {
    /// Its progress from 0, the older state of the first end, to 3, the last state of the second end.
    fn step(self) -> u32 {
        u32::from(self.resumed) * 2 + u32::from(!self.older)
    }
}

impl Conversation {
    fn blank() -> Self {
        Self {
            bot_id: String::new(),
            bot_name: String::new(),
            conversation_id: String::new(),
            platform_conversation_id: String::new(),
            conversation_start_time: DateTime::UNIX_EPOCH,
            conversation_end_time: DateTime::UNIX_EPOCH,
            conversation_type: None,
            language: String::new(),
            channel: String::new(),
            labels: Value::Null,
            segments: None,
            conversations_data: Value::Null,
            test_mode: false,
            conversation_status: String::new(),
            last_resolution: String::new(),
            resolution_tier: None,
            automated_resolution: None,
            automated_resolution_reasoning: None,
            triggered_replies: Value::Null,
            triggered_intent_replies: Value::Null,
            triggered_procedures: None,
            triggered_use_cases: None,
            is_llm_conversation: false,
            llm_not_understood_count: None,
            llm_response_generated_count: None,
            llm_error_occurred_count: None,
            llm_escalation_required_count: None,
            llm_fallback_count: None,
            knowledge_not_understood_count: None,
            knowledge_response_generated_count: None,
            knowledge_error_occurred_count: None,
            knowledge_escalation_required_count: None,
            knowledge_fallback_count: None,
            has_knowledge_response_attempt: None,
            knowledge_sources: None,
            bot_messages_count: 0,
            visitor_messages_count: 0,
            not_understood_messages_count: 0,
            session_ended_timestamp: None,
            rbp_status_name: None,
            instance_account_id: None,
            zdp_meta_processed_timestamp: None,
            conversation_end_date: None,
        }
    }
}

/// When the `nth` reply came: 15 seconds each, so that all come before the shortest conversation ends.
fn timestamp(start: DateTime<Utc>, nth: u32, random: &mut SmallRng) -> String {
    let at = start + TimeDelta::milliseconds(i64::from(nth) * 15_000 + random.random_range(0..15_000));
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn word(words: &[&str], random: &mut SmallRng) -> String {
    choose(words, random).to_owned()
}

/// Up to two of `words`.
fn words(words: &[&str], random: &mut SmallRng) -> Value {
    let many = random.random_range(0..3);
    let chosen: Vec<&str> = words.choose_multiple(random, many).copied().collect();
    json!(chosen)
}
