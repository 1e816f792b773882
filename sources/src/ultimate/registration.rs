//! The registration of Ultimate.

use super::settings;
use crate::vendor::{Examples, Summary, Vendor};

/// Ultimate.
pub const VENDOR: Vendor = Vendor {
    name: "ultimate",
    title: "Ultimate",
    secrets: &["token"],
    keys: settings::KEYS,
    open: settings::open,
    summary: Summary {
        data: "data export of Zendesk AI agents, by bot and day",
        tables: &["ultimate_conversations"],
        final_when: "a read 3 days later changed nothing, and the next day is held",
        webhooks: None,
    },
    settings_example: SETTINGS,
    conversations_view: CONVERSATIONS,
    examples: EXAMPLES,
};

const SETTINGS: &str = r#"[accounts.ultimate_eu]
source = "ultimate"
base_url = "https://api.ultimate.ai"   # or https://api.us.ultimate.ai, or https://{subdomain}.zendesk.com/ai-agents/api
token_file = "/run/secrets/ultimate"   # or token = "…"
organization_id = "6a41cee6fbfda88b1060d653"
bot_ids = ["6a41cee6fbfda88b1060d654"]
since = "2026-10-01"                   # the first day that the live sync must cover
"#;

/// A conversation reached a person where the vendor's own metrics count it as escalated, in either of its spellings.
const CONVERSATIONS: &str = "SELECT 'ultimate' AS source, c.account AS account, c.conversation_id AS conversation_id, \
     c.conversation_start_time AS started_at, c.conversation_end_time AS ended_at, c.channel AS channel, NULL AS \
     customer_phone, NULL AS customer_name, (LOWER(REPLACE(c.conversation_status, '_', '')) IN ('email', 'agent', \
     'customescalation')) AS reached_agent, NULL AS agent_name, c.bot_messages_count + c.visitor_messages_count AS \
     messages, c.synced_at AS synced_at FROM ultimate_conversations c";

const ACCOUNT: &str = r#"{"base_url": "https://api.ultimate.ai", "organization_id": "6a41cee6fbfda88b1060d653",
    "bot_ids": ["6a41cee6fbfda88b1060d653", "other"]}"#;

const EXAMPLES: Examples = Examples {
    settings: ACCOUNT,
    days: 1,
    response: include_bytes!("fixtures/list.json"),
    empty_response: include_bytes!("fixtures/list_empty.json"),
    refusals: &[
        (400, include_bytes!("fixtures/bad_request.json"), "refused"),
        (401, include_bytes!("fixtures/unauthorized.txt"), "unauthorised"),
        (404, include_bytes!("fixtures/no_route.json"), "refused"),
        (404, br#"{"message": "Not Found"}"#, "malformed"),
        (429, b"", "throttled"),
        (500, include_bytes!("fixtures/server_error.txt"), "unreachable"),
    ],
    file: None,
};
