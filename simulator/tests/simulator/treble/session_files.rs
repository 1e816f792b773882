//! The report of sessions.

use super::{bench, config};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_session_report_has_a_line_per_session() {
    let bench = bench(config()).await;
    let window = bench.last_days(6);
    let held = bench.vendor.dataset(window);
    let file = bench.vendor.sessions_csv(window);
    let mut reader = csv::Reader::from_reader(file.as_slice());
    let head: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        head.join(" "),
        "user_cellphone session_started_timestamp first_message_timestamp \
        last_message_timestamp session_finished_timestamp session_status conversation_version last_message last_node_id"
    );
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), held.sessions.len());
    let mut words = BTreeSet::new();
    for (row, session) in rows.iter().zip(&held.sessions) {
        assert_eq!(row[0], format!("{}{}", &session.country_code[1..], session.cellphone));
        let written = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S").to_string();
        assert_eq!(row[1], written(session.created_at));
        assert_eq!(row[4], session.finished_at.map(written).unwrap_or_default());
        let last = held.messages.iter().rfind(|message| message.session_id == session.id);
        assert_eq!(row[3], last.map(|message| written(message.created_at)).unwrap_or_default());
        assert_eq!(row[7], last.and_then(|message| message.text.clone()).unwrap_or_default());
        assert_eq!(session.finished_at.is_some(), ["HumanHandover", "Completed"].contains(&&row[5]));
        words.insert(row[5].to_owned());
    }
    assert_eq!(words.into_iter().collect::<Vec<_>>(), ["Completed", "Expired", "HumanHandover", "InProgress"]);
}
