//! The vendor's reports. A report is data: its columns, what tells its rows apart, and where they go.

use super::chats;
use super::row::{Place, Row};
use entities::upsert::Batch;

/// One report.
#[derive(Debug)]
pub struct Report {
    /// Its name in the request, and its stream's.
    pub api: &'static str,
    /// Its name on the vendor's page.
    pub title: &'static str,
    /// The table its rows go to.
    pub table: &'static str,
    /// The column of that table by which the vendor files its rows, in UTC.
    pub at: &'static str,
    /// Its columns, in the vendor's order; the digest is made in this order.
    pub columns: &'static [&'static str],
    /// The columns that tell its rows apart.
    pub key: &'static [&'static str],
    /// The columns that tell rows apart where the vendor left the key blank.
    pub stand_in: &'static [&'static str],
    /// A row in which all of these are blank is nobody's.
    pub identity: &'static [&'static str],
    /// The column whose later value marks the later of two states of one row.
    pub ended: &'static str,
    /// Makes its rows a batch for its table.
    pub batch: fn(&Place, Vec<Row>) -> Batch,
}

/// Every report that is asked for.
pub const REPORTS: &[Report] = &[CHAT_8];

/// "Chats transferred to agent". Despite its name it holds every chat with the bot (`go_to_agent` is `yes` or `no`).
pub const CHAT_8: Report = Report {
    api: "chat_8",
    title: "Chats transferred to agent",
    table: "wolkvox_chats",
    // Which of a chat's times the vendor goes by is not known. An open chat has only this one.
    at: "start_at",
    columns: &[
        "conn_id",
        "session_id",
        "times_chatted",
        "start_date",
        "end_date",
        "time_on_chatbot",
        "rp_id",
        "channel",
        "go_to_agent",
        "customer_phone",
        "customer_name",
        "agent_id",
        "agent_name",
        "time_with_agent",
        "total_time",
        "customer_chars",
        "agent_chars",
        "total_chars",
        "asa",
        "last_sender",
        "customer_id",
        "customer_email",
    ],
    key: &["conn_id"],
    // `session_id` stands for a customer on a channel and repeats over their chats; with the start it does not.
    stand_in: &["session_id", "start_date", "customer_phone"],
    identity: &["conn_id", "session_id", "start_date"],
    ended: "end_date",
    batch: chats::batch,
};
