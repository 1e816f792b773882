//! The registration of Certainly.

use super::settings;
use crate::vendor::{Examples, Summary, Vendor};

/// Certainly.
pub const VENDOR: Vendor = Vendor {
    name: "certainly",
    title: "Certainly",
    secrets: &["token", "mailbox_password"],
    keys: settings::KEYS,
    open: settings::open,
    summary: Summary {
        data: "message report, by days and bot; days of 500 messages or more by mail",
        tables: &["certainly_messages"],
        final_when: "a read 48 h later changed nothing, or the mailed file holds it",
        webhooks: None,
    },
    settings_example: SETTINGS,
    conversations_view: CONVERSATIONS,
    examples: EXAMPLES,
};

const SETTINGS: &str = r#"[accounts.certainly_dk]
source = "certainly"
token_file = "/run/secrets/certainly"  # or token = "…"
bot_ids = ["7c9e6679-7425-40de-944b-e07fc1f90ae7"]  # from the address of each chatbot in the Conversation Builder
since = "2026-10-01"                   # the first day that the live sync must cover
# The mailbox of that token's user; or "maildir:/var/mail/reports". Without it, days of 500 messages stay incomplete.
mailbox = "imaps://reports@mail.example.com/INBOX"
mailbox_password_file = "/run/secrets/mailbox"
mailbox_from = ["@certainly.io"]       # whose mails are believed: addresses, or domains with an @ before them
mailbox_authserv_id = "mx.example.com" # the mail server whose headers Authentication-Results are believed
"#;

/// The report has messages only: the messages with one conversation id are a conversation.
const CONVERSATIONS: &str = "SELECT 'certainly' AS source, c.account AS account, c.conversation_id AS conversation_id, \
     MIN(c.timestamp) AS started_at, MAX(c.timestamp) AS ended_at, NULL AS channel, NULL AS customer_phone, NULL AS \
     customer_name, NULL AS reached_agent, NULL AS agent_name, COUNT(*) AS messages, MAX(c.synced_at) AS synced_at \
     FROM certainly_messages c WHERE c.conversation_id IS NOT NULL GROUP BY c.account, c.bot_id, c.conversation_id";

const EXAMPLES: Examples = Examples {
    settings: r#"{"bot_ids": ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "other-bot"]}"#,
    days: 1,
    response: include_bytes!("fixtures/page.json"),
    empty_response: b"[]",
    refusals: &[
        (400, include_bytes!("fixtures/missing_field.json"), "refused"),
        (401, include_bytes!("fixtures/no_token.json"), "unauthorised"),
        (403, include_bytes!("fixtures/not_owned.json"), "refused"),
        (404, include_bytes!("fixtures/not_found.json"), "refused"),
        (429, include_bytes!("fixtures/throttled.json"), "throttled"),
    ],
    file: Some((include_bytes!("fixtures/report.csv"), 2)),
};
