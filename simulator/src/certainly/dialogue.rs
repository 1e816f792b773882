//! The content of messages: a dialogue between user and bot.

use super::dataset::{Dataset, MessageKey};
use super::message::{BotModule, BotUser, BotUserMeta, Bubble, Connection, Kpi, Message, Web};
use crate::random::{choose, generator};
use chrono::TimeDelta;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

/// Texts of users: quotes, each delimiter, several lines, accents, an emoji, a backslash, a formula.
const USER_TEXTS: [&str; 12] = [
    "Where is my order?",
    "I ordered two; one came, \"as new\", but broken",
    "¿Dónde está mi pedido?",
    "First line\nsecond line\n\nand a last one",
    "size\tM\tplease",
    "=1+1",
    "C:\\orders\\march",
    "thanks 🌻",
    "It's late, very late; why?",
    "Yes",
    "{\"order\": 17}",
    "No, \"never\"\nthanks",
];
/// Name, type, instruction and error instruction.
const MODULES: [(&str, &str, &str, &str); 6] = [
    ("Welcome", "statement", "Hello {{name}}, how can I help?", ""),
    ("Order status", "statement", "Let me check that for you, {{name}}.", ""),
    ("Pick a size", "multiple choice", "Which size?\nS, M or L", "Please pick one; S, M or L."),
    ("Envío, \"exprés\"", "statement", "Your parcel is on its way", ""),
    ("Set language", "message evaluate", "", ""),
    ("Goodbye", "free text", "Anything else?", "I did not get that"),
];
const GROUPS: [&str; 2] = ["Orders", "Returns; refunds"];
const KPIS: [(&str, &str, u64); 3] =
    [("wismo", "#00AA88", 12), ("handover, human", "#FF0000", 13), ("resolved", "#0055FF", 14)];
/// The numbers of a bot's modules, connections, conversations and users begin at its place times these.
const MODULES_PER_BOT: u64 = 1000;
const CONVERSATIONS_PER_BOT: u64 = 1_000_000_000_000;
const USERS_PER_BOT: u64 = 10_000_000;
const SALT_DIALOGUE: u64 = 0x7A1C;
const SALT_USER: u64 = 0x05E2;

impl Dataset {
    /// The message of `key`, which never changes.
    pub(super) fn message(&self, bot: usize, key: MessageKey) -> Message {
        let place = u64::try_from(bot).unwrap_or_default();
        let mut random = generator(self.seed_of(bot) ^ SALT_DIALOGUE, key.number);
        let mut person = generator(self.seed_of(bot) ^ SALT_USER, key.conversation);
        let path: Vec<usize> = (0..=key.position).map(|step| module_at(key.conversation, step)).collect();
        let reached = path.last().copied().unwrap_or_default();
        let module_id = |index: usize| 301_100 + place * MODULES_PER_BOT + u64::try_from(index).unwrap_or_default();
        let opening = key.position == 0;
        let global = !opening && random.random_bool(0.1);
        let connection = (!opening).then(|| 771_200 + place * MODULES_PER_BOT + random.random_range(0..20));
        let text = choose(&USER_TEXTS, &mut random);
        let text = if opening { String::new() } else { text.to_owned() };
        let bot_module = module(module_id(reached), reached, (opening, global), module_id(0));
        let response = bubbles(&bot_module, &mut random);
        Message {
            id: key.number,
            timestamp: key.at,
            user_message_empty: text.is_empty(),
            message: text,
            bot_response_empty: response.is_empty(),
            response,
            conversation_id: (place + 1) * CONVERSATIONS_PER_BOT + key.conversation,
            through_bot_modules: path.into_iter().map(module_id).collect(),
            bot_module_id: bot_module.id,
            is_test: person.random_bool(0.05),
            external_agent: person.random_bool(0.1).then(|| format!("agent-{}", person.random_range(1..40u32))),
            through_connection_id: connection,
            is_global_module_match: global,
            is_deleted: random.random_bool(0.02),
            id_message_evaluate: connection.filter(|_| random.random_bool(0.8)),
            data: connections(&mut random),
            bot_module,
            botuser: self.user(place, key, &mut person),
        }
    }

    fn user(&self, place: u64, key: MessageKey, random: &mut SmallRng) -> BotUser {
        let shop = format!("shop{}.example.com", self.seed % 10);
        let web = random.random_bool(0.8).then(|| Web {
            current_ip: format!("203.0.113.{}", random.random_range(1..255u8)),
            host_page_url: format!("https://{shop}/help?page={}&lang=es", random.random_range(1..9u8)),
            host: shop,
        });
        // The user is new, or known for up to a year and more.
        let known_for = if random.random_bool(0.3) { random.random_range(1..40_000_000) } else { 2 };
        let created = key.began - TimeDelta::seconds(known_for);
        let created = created - TimeDelta::nanoseconds(i64::from(created.timestamp_subsec_nanos() % 1_000_000));
        let id = place * USERS_PER_BOT + 4_410_000 + random.random_range(0..5_000_000);
        BotUser { id, created_date: created, botuser_meta: BotUserMeta { web } }
    }
}

/// The module at `step` of a conversation: first the welcome, then any other.
fn module_at(conversation: u64, step: u32) -> usize {
    if step == 0 { 0 } else { generator(conversation, u64::from(step)).random_range(1..MODULES.len()) }
}

fn module(id: u64, index: usize, (is_starting, is_global): (bool, bool), fallback: u64) -> BotModule {
    let (name, kind, instruction, error_instruction) = MODULES.get(index).copied().unwrap_or_default();
    // The properties of a module follow from its id; how the conversation reached it does not.
    let mut random = generator(SALT_DIALOGUE, id);
    let group = random.random_bool(0.5).then(|| GROUPS.choose(&mut random).copied()).flatten();
    let tags = random.random_range(0..3);
    let kpis = KPIS.choose_multiple(&mut random, tags).map(|(label, colour, id)| Kpi {
        label: (*label).to_owned(),
        colour: (*colour).to_owned(),
        id: *id,
    });
    BotModule {
        id,
        name: name.to_owned(),
        kind: kind.to_owned(),
        instruction: instruction.to_owned(),
        error_instruction: error_instruction.to_owned(),
        is_global,
        priority: random.random_range(0..5),
        is_starting,
        kpis: kpis.collect(),
        fallback_module_id: (index > 2).then_some(fallback),
        skip_user_input: instruction.is_empty(),
        skip_global_connection_evaluation: random.random_bool(0.2),
        group: group.map(str::to_owned),
    }
}

fn bubbles(module: &BotModule, random: &mut SmallRng) -> Vec<Bubble> {
    if module.instruction.is_empty() {
        return Vec::new();
    }
    let bubble = |text: &str, kind: &str, wait: u32| Bubble { text: text.to_owned(), kind: kind.to_owned(), wait };
    let mut bubbles = vec![bubble(&module.instruction.replace("{{name}}", "Zoë"), "text", 0)];
    if random.random_bool(0.4) {
        bubbles.push(bubble("", "wait", random.random_range(1..6u32) * 500));
    }
    if module.kind == "multiple choice" {
        bubbles.extend(["S", "M", "L"].map(|size| bubble(size, "choice", 0)));
    }
    bubbles
}

fn connections(random: &mut SmallRng) -> Vec<Connection> {
    let count = random.random_range(0..4u32);
    let connection = |position: u32| Connection {
        kind: if random.random_bool(0.2) { "global" } else { "local" }.to_owned(),
        fallback: position == count,
        position,
    };
    (1..=count).map(connection).collect()
}
