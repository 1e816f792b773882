//! One message of the report, in plain types.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A message with every field that the vendor's page names, nested as the vendor nests them. As JSON it reads like
/// a row of the report with its ids as numbers and its types in small letters.
///
/// In a CSV an empty cell may be an empty text or nothing: `error_instruction` is a text, `external_agent` and
/// `group` are never an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the vendor's fields")]
pub struct Message {
    /// Unique in its bot; another bot may have the same.
    pub id: u64,
    /// To the microsecond.
    pub timestamp: DateTime<Utc>,
    /// What the user typed or pressed; may have several lines, or be empty.
    pub message: String,
    /// What the bot said to it, bubble by bubble.
    pub response: Vec<Bubble>,
    /// Unique over all bots.
    pub conversation_id: u64,
    /// The modules on the way.
    pub through_bot_modules: Vec<u64>,
    /// The module that was reached; the same as `bot_module.id`.
    pub bot_module_id: u64,
    /// Whether it comes from the tester.
    pub is_test: bool,
    /// An agent's id at a third party.
    pub external_agent: Option<String>,
    /// The connection it came by.
    pub through_connection_id: Option<u64>,
    /// Whether a global connection matched.
    pub is_global_module_match: bool,
    /// Whether it counts as deleted.
    pub is_deleted: bool,
    /// The connection that was matched.
    pub id_message_evaluate: Option<u64>,
    /// The module's connections.
    pub data: Vec<Connection>,
    /// Whether the user said nothing.
    pub user_message_empty: bool,
    /// Whether the bot said nothing.
    pub bot_response_empty: bool,
    /// The module that was reached.
    pub bot_module: BotModule,
    /// Who talks with the bot.
    pub botuser: BotUser,
}

/// A speech bubble.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bubble {
    /// What it says.
    pub text: String,
    /// `text`, `wait` or `choice`; the vendor writes them in either case.
    #[serde(rename = "type")]
    pub kind: String,
    /// A delay in milliseconds.
    pub wait: u32,
}

/// A connection of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// `local` or `global`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it has no condition.
    pub fallback: bool,
    /// Its place in the order.
    pub position: u32,
}

/// A module of a bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are the vendor's fields")]
pub struct BotModule {
    /// Unique over all bots.
    pub id: u64,
    /// As its author called it.
    pub name: String,
    /// `statement`, `multiple choice` and the like.
    #[serde(rename = "type")]
    pub kind: String,
    /// The text as its author sees it, with its placeholders.
    pub instruction: String,
    /// What is said to input that does not fit; often empty.
    pub error_instruction: String,
    /// Whether it was reached by a global connection.
    pub is_global: bool,
    /// The vendor's own index.
    pub priority: u32,
    /// Whether the conversation starts here.
    pub is_starting: bool,
    /// The module to fall back to.
    pub fallback_module_id: Option<u64>,
    /// Whether it goes on without waiting for the user.
    pub skip_user_input: bool,
    /// Whether it looks at no global connection.
    pub skip_global_connection_evaluation: bool,
    /// The group of paths it belongs to.
    pub group: Option<String>,
    /// Its tags.
    pub kpis: Vec<Kpi>,
}

/// A tag on a module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kpi {
    /// What it says.
    pub label: String,
    /// Like `#00AA88`.
    pub colour: String,
    /// The colour group.
    pub id: u64,
}

/// A user of a bot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotUser {
    /// The vendor's own.
    pub id: u64,
    /// When the user first opened a chat with this bot, to the millisecond.
    pub created_date: DateTime<Utc>,
    /// What was collected about the user.
    pub botuser_meta: BotUserMeta,
}

/// What was collected about a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotUserMeta {
    /// Only on some channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<Web>,
}

/// The website that a bot is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    /// The host part of its address.
    pub host: String,
    /// Its IP address.
    pub current_ip: String,
    /// The whole address.
    #[serde(rename = "hostPageUrl")]
    pub host_page_url: String,
}
