//! The registration of Truora.

use super::settings;
use crate::vendor::{Examples, Summary, Vendor};
use crate::webhook_secrets;

/// Truora.
pub const VENDOR: Vendor = Vendor {
    name: "truora",
    title: "Truora",
    secrets: &["token", webhook_secrets::CURRENT, webhook_secrets::PREVIOUS],
    keys: settings::KEYS,
    open: settings::open,
    summary: Summary {
        data: "chatbot processes: list, result by id, webhooks",
        tables: &["truora_processes", "truora_responses"],
        final_when: "the list is read and every process of the day has ended",
        webhooks: Some(("truora/{account}", "a hint: a worker fetches the process that a signed event names at once")),
    },
    settings_example: SETTINGS,
    conversations_view: CONVERSATIONS,
    examples: EXAMPLES,
};

const SETTINGS: &str = r#"[accounts.truora_co]
source = "truora"
token_file = "/run/secrets/truora"     # or token = "…"
webhook_secret_file = "/run/secrets/truora_webhook"  # the secret that signs the JSON web tokens of its webhooks
since = "2026-10-01"                   # the first day that the live sync must cover
"#;

/// A process is a conversation. Truora tells the customer's answers and no messages, so the view counts answers.
const CONVERSATIONS: &str = "SELECT 'truora' AS source, c.account AS account, c.process_id AS conversation_id, \
     c.creation_date AS started_at, CASE WHEN c.is_open THEN NULL ELSE c.update_date END AS ended_at, c.created_via AS \
     channel, c.phone AS customer_phone, NULL AS customer_name, NULL AS reached_agent, NULL AS agent_name, c.responses \
     AS messages, c.synced_at AS synced_at FROM truora_processes c";

const EXAMPLES: Examples = Examples {
    settings: "{}",
    days: 1,
    response: include_bytes!("fixtures/page.json"),
    empty_response: br#"{"processes": []}"#,
    refusals: &[
        (403, include_bytes!("fixtures/forbidden.json"), "unauthorised"),
        (403, include_bytes!("fixtures/no_route.json"), "refused"),
        (404, include_bytes!("fixtures/not_found.json"), "refused"),
        (429, include_bytes!("fixtures/throttled.json"), "throttled"),
        (500, include_bytes!("fixtures/server_error.json"), "unreachable"),
    ],
    file: Some((include_bytes!("fixtures/history_en.csv"), 1)),
};
