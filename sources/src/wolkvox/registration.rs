//! The registration of Wolkvox.

use super::settings;
use crate::vendor::{Examples, Summary, Vendor};

/// Wolkvox.
pub const VENDOR: Vendor = Vendor {
    name: "wolkvox",
    title: "Wolkvox",
    secrets: &["token"],
    keys: settings::KEYS,
    open: settings::open,
    summary: Summary {
        data: "report chat_8, by time range",
        tables: &["wolkvox_chats"],
        final_when: "a read 48 h later changed nothing",
        webhooks: None,
    },
    settings_example: SETTINGS,
    conversations_view: CONVERSATIONS,
    examples: EXAMPLES,
};

const SETTINGS: &str = r#"[accounts.wolkvox_co]
source = "wolkvox"
server = "0042"                        # the digits of https://wv0042.wolkvox.com
token_file = "/run/secrets/wolkvox"    # or token = "…"
timezone = "America/Bogota"            # the zone of the vendor's times
since = "2026-10-01"                   # the first day that the live sync must cover
"#;

/// A chat is a conversation.
const CONVERSATIONS: &str = "SELECT 'wolkvox' AS source, c.account AS account, c.conn_id AS conversation_id, \
     c.start_at AS started_at, c.end_at AS ended_at, c.channel AS channel, c.customer_phone AS customer_phone, \
     c.customer_name AS customer_name, (c.go_to_agent = 'yes') AS reached_agent, c.agent_name AS agent_name, \
     c.times_chatted AS messages, c.synced_at AS synced_at FROM wolkvox_chats c";

const EXAMPLES: Examples = Examples {
    settings: r#"{"server": "0042"}"#,
    days: 1,
    response: include_bytes!("fixtures/success.json"),
    empty_response: include_bytes!("fixtures/empty_data.json"),
    refusals: &[
        (400, include_bytes!("fixtures/missing_parameter.json"), "refused"),
        (401, include_bytes!("fixtures/no_token.json"), "unauthorised"),
        (403, include_bytes!("fixtures/bad_token.json"), "unauthorised"),
        (403, include_bytes!("fixtures/token_limit.json"), "quota"),
        (403, include_bytes!("fixtures/maintenance.json"), "maintenance"),
        (404, br#"{"message": "Not Found"}"#, "malformed"),
        (429, include_bytes!("fixtures/throttled.json"), "throttled"),
        (500, include_bytes!("fixtures/server_error.json"), "unreachable"),
    ],
    file: None,
};
