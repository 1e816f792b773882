//! The downloadable report of sessions: `general_sessions_report_YYYY_MM_DD_HH_MM_SS.csv`.

use super::lifecycle::Lifecycle;
use super::session::{Message, Session};
use crate::delimited::Delimited;
use chrono::{DateTime, TimeDelta, Utc};

const HEAD: &str = "user_cellphone,session_started_timestamp,first_message_timestamp,last_message_timestamp,\
                    session_finished_timestamp,session_status,conversation_version,last_message,last_node_id\n";
/// How long a session without an end is in progress. That the report uses this time is a guess.
const IN_PROGRESS: TimeDelta = TimeDelta::hours(24);

/// A file with one line per session. It has no session id: phone and start identify a session.
pub(super) fn write(lifecycles: &[Lifecycle], now: DateTime<Utc>) -> Vec<u8> {
    let mut file = String::from(HEAD);
    for lifecycle in lifecycles {
        let (session, messages) = (lifecycle.session_at(now), lifecycle.messages_at(now));
        let phone = format!("{}{}", session.country_code.trim_start_matches('+'), session.cellphone);
        let cells = [
            phone,
            timestamp(Some(session.created_at)),
            timestamp(messages.first().map(|message| message.created_at)),
            timestamp(messages.last().map(|message| message.created_at)),
            timestamp(session.finished_at),
            status(&session, &messages, now).to_owned(),
            String::from("3"),
            messages.last().and_then(|message| message.text.clone()).unwrap_or_default(),
            format!("node-{}", messages.len()),
        ];
        file.push_str(&Delimited::PLAIN.line(&cells));
    }
    file.into_bytes()
}

fn status(session: &Session, messages: &[Message], now: DateTime<Utc>) -> &'static str {
    match session.finished_at {
        Some(_) if messages.iter().any(|message| message.sender == "AGENT") => "HumanHandover",
        Some(_) => "Completed",
        None if now - session.created_at > IN_PROGRESS => "Expired",
        None => "InProgress",
    }
}

fn timestamp(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}
