//! The row of a chat, and how it changes when the chat closes.

use super::chat::Chat;
use super::dataset::{ChatKey, Dataset, FIRST_LIVE, NUMBERS_PER_DAY};
use crate::calendar::AsOf;
use crate::random::{generator, happens};
use chrono::TimeDelta;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

/// Names with accents, quotes, a backslash and an emoji.
const NAMES: [&str; 12] = [
    "MARIA P",
    "Luis Ñ",
    "JOSÉ R",
    "Ana \"Nita\" V",
    "CAMILA G",
    "Óscar D",
    "Juli 🌻",
    "DIEGO A",
    "Sofía\\M",
    "Andrés O'Neil",
    "VALENTINA",
    "Jhon T",
];
const AGENTS: [&str; 8] = ["Luis R", "Paula M", "Jorge E", "Diana C", "Nelson B", "Karen S", "Iván Q", "Lina F"];
const CHANNELS: [&str; 10] = [
    "whatsapp",
    "whatsapp",
    "whatsapp",
    "whatsapp",
    "whatsapp",
    "whatsapp",
    "web",
    "instagram",
    "facebook",
    "telegram",
];
/// One chat in this many carries the canary.
const CANARY_IN: u32 = 20;
const SALT_PERSON: u64 = 0x9E0B;
const SALT_DUPLICATE: u64 = 0x0002;

impl Dataset {
    /// The row of `key` as of `as_of`.
    pub(super) fn chat(&self, key: ChatKey, as_of: AsOf) -> Chat {
        let mut random = generator(self.seed, key.number);
        let mut chat = self.open_chat(key, &mut random);
        // Most chats close soon; a few stay open until the vendor closes them. In whole seconds.
        let length = self.closes_after.mul_f64(random.random::<f64>().powi(3)).as_secs();
        let mut length = TimeDelta::seconds(i64::try_from(length).unwrap_or_default());
        if as_of.frozen {
            length = length.min(TimeDelta::seconds((as_of.at - key.start).num_seconds()));
        }
        let end = key.start + length;
        let agent = random.random_bool(0.55).then(|| 4101 + random.random_range(0..8u32));
        if as_of.frozen || end <= as_of.at {
            chat.end_date = self.wall_clock(end).format("%Y-%m-%d %H:%M:%S").to_string();
            close(&mut chat, length.num_seconds(), agent, &mut random);
        } else if let Some(agent) = agent.filter(|_| random.random_bool(0.3)) {
            hand_over(&mut chat, agent);
        }
        chat
    }

    /// The row of `key` at its start.
    pub(super) fn initial_chat(&self, key: ChatKey) -> Chat {
        self.open_chat(key, &mut generator(self.seed, key.number))
    }

    /// Whether an answer contains `key` twice, where this `share` of chats is duplicated; if so, whether the older state
    /// comes last.
    pub(super) fn duplicate_order(&self, key: ChatKey, share: f64) -> Option<bool> {
        let mut random = generator(self.seed ^ SALT_DUPLICATE, key.number);
        happens(share, &mut random).then(|| random.random())
    }

    fn open_chat(&self, key: ChatKey, random: &mut SmallRng) -> Chat {
        let mut chat = self.person(key);
        chat.conn_id = key.number.to_string();
        if happens(self.blank_ids, random) {
            chat.conn_id = ["", "-", "0"].choose(random).copied().map(String::from).unwrap_or_default();
        }
        if let Some(canary) = self.canary_phone.as_ref().filter(|_| random.random_ratio(1, CANARY_IN)) {
            chat.customer_phone.clone_from(canary);
        }
        chat.start_date = self.wall_clock(key.start).format("%Y-%m-%d %H:%M:%S").to_string();
        chat.go_to_agent = String::from("no");
        chat.times_chatted = String::from("1");
        chat.customer_chars = String::from("12");
        chat.agent_chars = String::from("0");
        chat.total_chars = String::from("12");
        chat.last_sender = String::from("chat_bot");
        chat
    }

    /// The columns that are the same in all chats of a customer.
    fn person(&self, key: ChatKey) -> Chat {
        let customer = self.customer(key);
        let mut random = generator(self.seed ^ SALT_PERSON, customer);
        // The factor shares no divisor with ten, so that no two customers have one phone.
        let phone = format!("57300{:07}", (customer * 7_654_321 + self.seed % 10_000_000) % 10_000_000);
        let channel = CHANNELS.choose(&mut random).copied().unwrap_or("web");
        let name = NAMES.choose(&mut random).copied().unwrap_or_default();
        let routing_point = random.random_range(10_020..10_029u32);
        let on_phone = matches!(channel, "whatsapp" | "telegram");
        let account = if on_phone { phone.clone() } else { format!("1784140{customer:08}") };
        let mail = random.random_bool(0.35).then(|| format!("cliente.{customer}@correo.example"));
        Chat {
            session_id: format!("{account}-{}", routing_point % 1000),
            rp_id: routing_point.to_string(),
            channel: channel.to_owned(),
            customer_phone: if on_phone { phone } else { String::new() },
            customer_name: name.to_owned(),
            customer_id: format!("10{}", 20_000_000 + customer),
            customer_email: mail.unwrap_or_default(),
            ..Chat::default()
        }
    }

    /// The customer of a chat. Chats that start together have neighbouring numbers and so different customers: session
    /// and start identify a chat without an id.
    fn customer(&self, key: ChatKey) -> u64 {
        if key.number >= FIRST_LIVE {
            return self.customers + (key.number - FIRST_LIVE) % self.customers;
        }
        let offset = generator(self.seed ^ SALT_PERSON, key.number / NUMBERS_PER_DAY).random_range(0..self.customers);
        (key.number % NUMBERS_PER_DAY + offset) % self.customers
    }
}

fn close(chat: &mut Chat, length: i64, agent: Option<u32>, random: &mut SmallRng) {
    let on_chatbot = if agent.is_some() { length / random.random_range(2..9) } else { length };
    let customer_chars: u32 = random.random_range(12..900);
    let agent_chars: u32 = if agent.is_some() { random.random_range(20..2000) } else { 0 };
    chat.times_chatted = random.random_range(2..60u32).to_string();
    chat.time_on_chatbot = duration(on_chatbot);
    chat.total_time = duration(length);
    chat.customer_chars = customer_chars.to_string();
    chat.agent_chars = agent_chars.to_string();
    chat.total_chars = (customer_chars + agent_chars).to_string();
    let last: &[&str] = if agent.is_some() { &["agent", "customer"] } else { &["chat_bot", "customer"] };
    chat.last_sender = last.choose(random).copied().map(String::from).unwrap_or_default();
    if let Some(agent) = agent {
        hand_over(chat, agent);
        chat.time_with_agent = duration(length - on_chatbot);
        chat.asa = duration((length - on_chatbot) / random.random_range(3..40));
    }
}

fn hand_over(chat: &mut Chat, agent: u32) {
    chat.go_to_agent = String::from("yes");
    chat.agent_id = agent.to_string();
    chat.agent_name = AGENTS.get(agent as usize % AGENTS.len()).copied().map(String::from).unwrap_or_default();
}

/// `HH:MM:SS`; hours may exceed 24.
fn duration(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
