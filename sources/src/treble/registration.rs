//! The registration of Treble.

use super::settings;
use crate::vendor::{Examples, Summary, Vendor};
use crate::webhook_secrets;

/// Treble.
pub const VENDOR: Vendor = Vendor {
    name: "treble",
    title: "Treble",
    secrets: &["token", webhook_secrets::CURRENT, webhook_secrets::PREVIOUS],
    keys: settings::KEYS,
    open: settings::open,
    summary: Summary {
        data: "sessions by poll, histories, webhooks",
        tables: &["treble_polls", "treble_sessions", "treble_messages", "treble_events"],
        final_when: "the lists are read and every session of the day is closed or a week old",
        webhooks: Some((
            "treble/{account}/{webhook_secret}",
            "rows of `treble_events`; `treble_session_events` matches them to sessions",
        )),
    },
    settings_example: SETTINGS,
    conversations_view: CONVERSATIONS,
    examples: EXAMPLES,
};

const SETTINGS: &str = r#"[accounts.treble_mx]
source = "treble"
token_file = "/run/secrets/treble"     # or token = "…"
webhook_secret_file = "/run/secrets/treble_webhook"  # 32 random letters and digits: the end of the webhook's URL
since = "2026-10-01"                   # the first day that the live sync must cover
"#;

/// A session is a conversation. A session that only a report names counts unless a list has a session of the same moment
/// and phone.
const CONVERSATIONS: &str = "SELECT 'treble' AS source, c.account AS account, c.session_id AS conversation_id, \
     c.created_at AS started_at, c.finished_at AS ended_at, 'whatsapp' AS channel, c.phone AS customer_phone, NULL AS \
     customer_name, (COALESCE(c.session_status, '') = 'HumanHandover' OR EXISTS (SELECT 1 FROM treble_messages m WHERE \
     m.account = c.account AND m.session_id = c.session_id AND m.sender = 'AGENT')) AS reached_agent, NULL AS \
     agent_name, (SELECT COUNT(*) FROM treble_messages m WHERE m.account = c.account AND m.session_id = c.session_id \
     AND m.entry_type = 'MESSAGE') AS messages, c.synced_at AS synced_at FROM treble_sessions c WHERE c.session_id NOT \
     LIKE 'csv:%' OR NOT EXISTS (SELECT 1 FROM treble_sessions o WHERE o.created_at = c.created_at AND o.account = \
     c.account AND o.phone_tail = c.phone_tail AND o.session_id NOT LIKE 'csv:%')";

const EXAMPLES: Examples = Examples {
    settings: "{}",
    days: 1,
    response: include_bytes!("fixtures/polls.json"),
    empty_response: b"[]",
    refusals: &[
        (401, include_bytes!("fixtures/bad_key.json"), "unauthorised"),
        (404, include_bytes!("fixtures/no_poll.json"), "refused"),
        (429, include_bytes!("fixtures/throttled.json"), "throttled"),
        (500, include_bytes!("fixtures/server_error.json"), "unreachable"),
    ],
    file: Some((include_bytes!("fixtures/report.csv"), 4)),
};
