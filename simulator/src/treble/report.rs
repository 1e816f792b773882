//! The report of sessions that can be downloaded: `general_sessions_report_YYYY_MM_DD_HH_MM_SS.csv`.

use super::session::{Message, Session};
use super::story::Course;
use chrono::{DateTime, TimeDelta, Utc};

const HEAD: &str = "user_cellphone,session_started_timestamp,first_message_timestamp,last_message_timestamp,\
                    session_finished_timestamp,session_status,conversation_version,last_message,last_node_id\n";
/// How long a session without an end is in progress; that the report goes by this is a guess.
const IN_PROGRESS: TimeDelta = TimeDelta::hours(24);

/// One line per session. It names no session: only phone and start tell which it is.
pub(super) fn file(courses: &[Course], now: DateTime<Utc>) -> Vec<u8> {
    let mut file = String::from(HEAD);
    for course in courses {
        let (session, said) = (course.as_of(now), course.said(now));
        let phone = format!("{}{}", session.country_code.trim_start_matches('+'), session.cellphone);
        let cells = [
            phone,
            written(Some(session.created_at)),
            written(said.first().map(|message| message.created_at)),
            written(said.last().map(|message| message.created_at)),
            written(session.finished_at),
            status(&session, &said, now).to_owned(),
            String::from("3"),
            said.last().and_then(|message| message.text.clone()).unwrap_or_default(),
            format!("node-{}", said.len()),
        ];
        file.push_str(&cells.map(|cell| quoted(&cell)).join(","));
        file.push('\n');
    }
    file.into_bytes()
}

fn status(session: &Session, said: &[Message], now: DateTime<Utc>) -> &'static str {
    match session.finished_at {
        Some(_) if said.iter().any(|message| message.sender == "AGENT") => "HumanHandover",
        Some(_) => "Completed",
        None if now - session.created_at > IN_PROGRESS => "Expired",
        None => "InProgress",
    }
}

fn written(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.format("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
