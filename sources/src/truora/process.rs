//! A process as the vendor tells it → one row of `truora_processes`, and one of `truora_responses` for each answer.

use crate::json::Json;
use crate::record::{Field, Kind, Members, field};
use chrono::{DateTime, TimeDelta, Utc};
use entities::rows::{BadRow, Cell, Row, Rows};
use entities::shape::Table;
use entities::tables::{truora_processes, truora_responses};

/// The columns that carry the vendor's names.
const FIELDS: [Field; 16] = [
    field("account_id", Kind::Text),
    field("client_id", Kind::Text),
    field("flow_id", Kind::Text),
    field("created_via", Kind::Text),
    field("flow_version", Kind::Int),
    field("country", Kind::Text),
    field("status", Kind::Text),
    field("failure_status", Kind::Text),
    field("declined_reason", Kind::Text),
    field("last_finished_step", Kind::Json),
    field("validations", Kind::Json),
    field("update_date", Kind::Time),
    field("ip_address", Kind::Text),
    field("trigger_info", Kind::Json),
    field("time_to_live", Kind::Int),
    field("current_step_index", Kind::Int),
];
/// Those of an answer.
const RESPONSE: [Field; 3] = [field("name", Kind::Text), field("type", Kind::Text), field("value", Kind::Text)];
/// What stands beside the status of a process that has ended badly, and beside no other.
const SIGNS: [&str; 4] = ["failure_status", "declined_reason", "canceled_reason", "expired_reason"];
/// Nothing goes on for longer.
const LONGEST: TimeDelta = TimeDelta::hours(48);

/// A process that could be read.
#[derive(Debug)]
pub struct Process {
    /// Its id.
    pub id: String,
    /// When it began.
    pub created: DateTime<Utc>,
    /// When it ended, if it has.
    pub ended: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
    members: Members,
    responses: Vec<Json>,
}

impl Process {
    /// Reads a result.
    pub fn read(json: Json) -> Result<Self, &'static str> {
        let mut members = Members::of(json).ok_or("no result of a process")?;
        let id = members.text("process_id").ok_or("a result without a process_id")?;
        let created = members.time("creation_date").ok_or("a result without a creation_date")?;
        let updated = members.time("update_date");
        let ended = has_ended(&members, created, updated).then_some(updated.unwrap_or(created));
        let responses = members.list("user_responses").ok_or("a result whose user_responses are no list")?;
        for name in ["process_id", "creation_date", "user_responses"] {
            members.take(name);
        }
        Ok(Self { id, created, ended, updated, members, responses })
    }

    /// Its rows, a batch for each table.
    pub fn rows(mut self, account: &str) -> Result<Vec<Rows>, BadRow> {
        let mut rows = Rows::new(truora_processes::Entity::shape());
        let mut row = Row::new(rows.shape());
        row.put("account", Cell::Text(account.into()));
        row.put("process_id", Cell::Text(self.id.as_str().into()));
        row.put("creation_date", Cell::Time(self.created));
        let phone = self.members.text("account_id").and_then(|id| phone(&id));
        row.put("phone", phone.map_or(Cell::Null, |phone| Cell::Text(phone.into())));
        row.put("is_open", Cell::Bool(self.ended.is_none()));
        row.put("responses", Cell::Int(i64::try_from(self.responses.len()).unwrap_or(i64::MAX)));
        // Of two states with one `update_date` the one that has ended is the later one.
        let after = TimeDelta::microseconds(i64::from(self.ended.is_some()));
        row.put("state_at", Cell::Time(self.updated.unwrap_or(self.created) + after));
        self.members.fill(&mut row, &FIELDS);
        row.put("extra", self.members.rest());
        rows.push(&row)?;
        let answers = answers(account, &self.id, self.created, self.responses)?;
        Ok([rows, answers].into_iter().filter(|rows| !rows.is_empty()).collect())
    }
}

fn answers(account: &str, id: &str, created: DateTime<Utc>, responses: Vec<Json>) -> Result<Rows, BadRow> {
    let mut rows = Rows::new(truora_responses::Entity::shape());
    for (ordinal, response) in (0..).zip(responses) {
        let mut row = Row::new(rows.shape());
        row.put("account", Cell::Text(account.into()));
        row.put("process_id", Cell::Text(id.into()));
        row.put("ordinal", Cell::Int(ordinal));
        row.put("creation_date", Cell::Time(created));
        let mut members = Members::of(response.clone()).unwrap_or_else(|| Members::one("value", response));
        if members.is_blank("value") {
            row.put("value", Cell::Text("".into()));
        }
        members.fill(&mut row, &RESPONSE);
        row.put("extra", members.rest());
        rows.push(&row)?;
    }
    Ok(rows)
}

/// `success` and `failure` are ends. A word that no document names is one where something else says so: a reason for
/// its end, or that it changed later than any process goes on. Else it is asked for again, as if it were `pending`.
fn has_ended(members: &Members, created: DateTime<Utc>, updated: Option<DateTime<Utc>>) -> bool {
    let status = members.text("status").unwrap_or_default().trim().to_ascii_lowercase();
    match status.as_str() {
        "success" | "failure" => true,
        "pending" => false,
        _ => {
            let is_late = updated.is_some_and(|at| at - created >= LONGEST);
            is_late || SIGNS.iter().any(|sign| members.get(sign).is_some())
        }
    }
}

/// "The phone number: digits before the first -".
fn phone(account_id: &str) -> Option<String> {
    let first = account_id.trim().split('-').next()?.trim_start_matches('+');
    (!first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit())).then(|| first.to_owned())
}
