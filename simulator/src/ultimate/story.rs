//! What a conversation says, and how that changes while it goes on.

use super::conversation::Conversation;
use super::draw::generator;
use super::truth::{Row, Truth, day_number, midnight};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

/// Names as customers type them: accents, quotes, a backslash, an emoji.
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
/// One conversation in so many carries the canary.
const CANARY_IN: u32 = 20;
/// How long a wide conversation's data is at least, so that a row is some 1.5 kB long.
const WIDE: usize = 420;
/// Keeps the draws of what never changes, of what each state says, of replies and of data apart.
const SALT_STORY: u64 = 0x5707;
const SALT_STATE: u64 = 0x57A7;
const SALT_REPLIES: u64 = 0x4E91;
const SALT_DATA: u64 = 0xDA7A;

impl Truth {
    /// The conversation in this state, with the columns of both versions.
    pub(super) fn conversation(&self, row: Row) -> Conversation {
        let (bot, number) = (row.key.bot, Self::number(row.key));
        let random = &mut generator(self.salted(bot, SALT_STORY), number);
        let step = row.step();
        let (start, end) = (self.start(row.key), self.end(row));
        let said: u32 = random.random_range(1..12);
        let (is_llm, answers): (bool, u32) = (random.random(), random.random_range(1..5));
        let llm = [0, answers + step, 0, 1, answers / 2].map(|count| Some(if is_llm { count } else { 0 }));
        let rest = self.settled(row, random, is_llm);
        let [not_understood, generated, errors, escalations, fallbacks] = llm;
        let processed =
            midnight(end.date_naive()) + TimeDelta::milliseconds(86_400_000 + random.random_range(0..600_000));
        Conversation {
            bot_id: self.bots.get(bot).map(|bot| bot.id.clone()).unwrap_or_default(),
            bot_name: format!("Support bot {}", bot + 1),
            conversation_id: self.id(row),
            platform_conversation_id: (2_000_000 + number % 900_000_000).to_string(),
            conversation_start_time: start,
            conversation_end_time: end,
            triggered_replies: self.replies(row, start),
            triggered_intent_replies: self.intents(row, start),
            conversations_data: self.data(row),
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
            bot_messages_count: if said == 11 { 0 } else { said * 2 + step },
            visitor_messages_count: said + step,
            not_understood_messages_count: (said + step) / 4,
            session_ended_timestamp: Some(end + TimeDelta::minutes(30)),
            zdp_meta_processed_timestamp: Some(processed),
            conversation_end_date: Some(end.date_naive()),
            ..rest
        }
    }

    /// The columns that hold no number, no instant and no list of replies.
    fn settled(&self, row: Row, random: &mut SmallRng, is_llm: bool) -> Conversation {
        let number = Self::number(row.key) * 4 + u64::from(row.step());
        let state = &mut generator(self.salted(row.key.bot, SALT_STATE), number);
        let status = word(&STATUSES, state);
        let resolutions: &[&str] =
            if status == "botHandled" { &["informed", "resolved", "undefined"] } else { &["escalated"] };
        let automated = status == "botHandled" && state.random();
        let reasoning = automated.then(|| "The customer's question was answered.".to_owned());
        Conversation {
            conversation_type: Some(word(&["standard", "agentic"], random)),
            language: word(&LANGUAGES, random),
            channel: word(&["chat", "chat", "ticket"], random),
            labels: words(&LABELS, random),
            segments: Some(words(&WORDS, random)),
            test_mode: random.random_bool(0.03),
            conversation_status: status,
            last_resolution: word(resolutions, state),
            resolution_tier: Some(word(&TIERS, state)),
            automated_resolution: Some(automated),
            automated_resolution_reasoning: reasoning,
            triggered_procedures: Some(words(&WORDS, random)),
            triggered_use_cases: Some(words(&WORDS, random)),
            has_knowledge_response_attempt: Some(is_llm),
            knowledge_sources: Some(words(&["help centre", "faq.csv"], random)),
            rbp_status_name: state.random_bool(0.5).then(|| "Active".to_owned()),
            instance_account_id: Some("21775".to_owned()),
            ..Conversation::blank()
        }
    }

    fn id(&self, row: Row) -> String {
        let mut random = generator(self.salted(row.key.bot, SALT_STORY), !Self::number(row.key));
        let bot = self.salted(row.key.bot, 0) & 0xFFFF_FFFF;
        let (day, index) = (day_number(row.key.day), row.key.index);
        let (version, variant): (u16, u16) = (random.random_range(0..0x1000), random.random_range(0x8000..0xC000));
        // Bot, day and index make it unique; the rest makes it look like the vendor's.
        format!("{bot:08x}-{day:04x}-4{version:03x}-{variant:04x}-{:04x}{index:08x}", random.random::<u16>())
    }

    fn intents(&self, row: Row, start: DateTime<Utc>) -> Value {
        let mut random = generator(self.salted(row.key.bot, SALT_REPLIES), Self::number(row.key));
        let many = random.random_range(0..2) + row.step();
        let intents = (1..=many).map(|nth| {
            let (id, name) = INTENTS.choose(&mut random).copied().unwrap_or_default();
            json!({"intent_timestamp": instant(start, nth, &mut random), "intent_id": id, "intent_name": name,
                "not_meaningful": name == "Greeting"})
        });
        Value::Array(intents.collect())
    }

    fn replies(&self, row: Row, start: DateTime<Utc>) -> Value {
        let mut random = generator(self.salted(row.key.bot, SALT_REPLIES), !Self::number(row.key));
        let many = random.random_range(0..2) + row.step();
        let replies = (1..=many).map(|nth| {
            let (id, name) = INTENTS.choose(&mut random).copied().unwrap_or_default();
            json!({"reply_timestamp": instant(start, nth, &mut random), "reply_id": format!("r-{id}"),
                "reply_language": word(&LANGUAGES, &mut random), "reply_name": name, "reply_type": "text",
                "intent_id": id})
        });
        Value::Array(replies.collect())
    }

    /// The session's parameters. "It is a list of the parameter's key where it had a value".
    fn data(&self, row: Row) -> Value {
        let number = Self::number(row.key);
        let mut random = generator(self.salted(row.key.bot, SALT_DATA), number);
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
        if row.again {
            data.insert("came_again".to_owned(), json!("true"));
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

impl Row {
    /// How far it has come, from 0 to 3: the older state of a first end to the last state of a second one.
    fn step(self) -> u32 {
        u32::from(self.again) * 2 + u32::from(!self.older)
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

/// When the `nth` reply came: a quarter of a minute each, so that all come before the shortest conversation ends.
fn instant(start: DateTime<Utc>, nth: u32, random: &mut SmallRng) -> String {
    let at = start + TimeDelta::milliseconds(i64::from(nth) * 15_000 + random.random_range(0..15_000));
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn word(of: &[&str], random: &mut SmallRng) -> String {
    of.choose(random).copied().map(String::from).unwrap_or_default()
}

/// None to two of them.
fn words(of: &[&str], random: &mut SmallRng) -> Value {
    let many = random.random_range(0..3);
    let chosen: Vec<&str> = of.choose_multiple(random, many).copied().collect();
    json!(chosen)
}
