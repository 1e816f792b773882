//! A process becomes a row of `truora_processes`, and each answer of the customer a row of `truora_responses`.

use crate::json::Json;
use crate::members::{Mapping, Members, ValueType, same_name};
use chrono::{DateTime, TimeDelta, Utc};
use entities::rows::{BadRow, Cell, Row, RowBatch};
use entities::schema::VendorTable;
use entities::{truora_processes, truora_responses};

/// The columns of a process that have the vendor's names.
const PROCESS: [Mapping; 16] = [
    same_name("account_id", ValueType::Text),
    same_name("client_id", ValueType::Text),
    same_name("flow_id", ValueType::Text),
    same_name("created_via", ValueType::Text),
    same_name("flow_version", ValueType::Int),
    same_name("country", ValueType::Text),
    same_name("status", ValueType::Text),
    same_name("failure_status", ValueType::Text),
    same_name("declined_reason", ValueType::Text),
    same_name("last_finished_step", ValueType::Json),
    same_name("validations", ValueType::Json),
    same_name("update_date", ValueType::Time),
    same_name("ip_address", ValueType::Text),
    same_name("trigger_info", ValueType::Json),
    same_name("time_to_live", ValueType::Int),
    same_name("current_step_index", ValueType::Int),
];
/// The columns of an answer that have the vendor's names.
const RESPONSE: [Mapping; 3] =
    [same_name("name", ValueType::Text), same_name("type", ValueType::Text), same_name("value", ValueType::Text)];
/// Members that only a process that has failed has.
const FAILURE_MEMBERS: [&str; 4] = ["failure_status", "declined_reason", "canceled_reason", "expired_reason"];

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Its id.
    pub id: String,
    /// When it began.
    pub created: DateTime<Utc>,
    /// When it ended, if it has.
    pub ended: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated: Option<DateTime<Utc>>,
    members: Members,
    responses: Vec<Json>,
}

impl Process {
    /// Parses a result. No process lasts longer than `longest`.
    ///
    /// # Errors
    /// Why the JSON is not a result.
    pub fn parse(json: Json, longest: TimeDelta) -> Result<Self, &'static str> {
        let mut members = Members::of(json).ok_or("not the result of a process")?;
        let id = members.text("process_id").ok_or("a result without a process_id")?;
        let created = members.time("creation_date").ok_or("a result without a creation_date")?;
        let updated = members.time("update_date");
        let ended = has_ended(&members, (created, updated), longest).then_some(updated.unwrap_or(created));
        let responses = members.list("user_responses").ok_or("a result whose user_responses are not a list")?;
        for name in ["process_id", "creation_date", "user_responses"] {
            members.take(name);
        }
        Ok(Self { id, created, ended, updated, members, responses })
    }

    /// The rows, a batch for each table.
    ///
    /// # Errors
    /// Where a value does not fit its column.
    pub fn rows(mut self, account: &str) -> Result<Vec<RowBatch>, BadRow> {
        let mut rows = RowBatch::new(truora_processes::Entity::schema());
        let mut row = Row::new(rows.schema());
        row.set_named("account", Cell::Text(account.into()));
        row.set_named("process_id", Cell::Text(self.id.as_str().into()));
        row.set_named("creation_date", Cell::Time(self.created));
        let phone = self.members.text("account_id").and_then(|id| phone(&id));
        row.set_named("phone", phone.map_or(Cell::Null, |phone| Cell::Text(phone.into())));
        row.set_named("is_open", Cell::Bool(self.ended.is_none()));
        row.set_named("responses", Cell::Int(i64::try_from(self.responses.len()).unwrap_or(i64::MAX)));
        // Of two states with the same `update_date`, the one that has ended is the newer one.
        let after = TimeDelta::microseconds(i64::from(self.ended.is_some()));
        row.set_named("state_at", Cell::Time(self.updated.unwrap_or(self.created) + after));
        self.members.fill(&mut row, &PROCESS);
        row.set_named("extra", self.members.into_extra());
        rows.push(&row)?;
        let answers = answers(account, &self.id, self.created, self.responses)?;
        Ok([rows, answers].into_iter().filter(|rows| !rows.is_empty()).collect())
    }
}

fn answers(account: &str, id: &str, created: DateTime<Utc>, responses: Vec<Json>) -> Result<RowBatch, BadRow> {
    let mut rows = RowBatch::new(truora_responses::Entity::schema());
    for (ordinal, response) in (0..).zip(responses) {
        let mut row = Row::new(rows.schema());
        row.set_named("account", Cell::Text(account.into()));
        row.set_named("process_id", Cell::Text(id.into()));
        row.set_named("ordinal", Cell::Int(ordinal));
        row.set_named("creation_date", Cell::Time(created));
        let mut members = Members::of(response.clone()).unwrap_or_else(|| Members::single("value", response));
        if members.is_blank("value") {
            row.set_named("value", Cell::Text("".into()));
        }
        members.fill(&mut row, &RESPONSE);
        row.set_named("extra", members.into_extra());
        rows.push(&row)?;
    }
    Ok(rows)
}

/// Whether the process has ended. `success` and `failure` are ends. An undocumented status is an end where another member
/// shows it: a reason for a failure, or a change later than any process lasts. Otherwise it counts as `pending`.
fn has_ended(
    members: &Members,
    (created, updated): (DateTime<Utc>, Option<DateTime<Utc>>),
    longest: TimeDelta,
) -> bool {
    let status = members.text("status").unwrap_or_default().trim().to_ascii_lowercase();
    match status.as_str() {
        "success" | "failure" => true,
        "pending" => false,
        _ => {
            let is_late = updated.is_some_and(|at| at - created >= longest);
            is_late || FAILURE_MEMBERS.iter().any(|name| members.get(name).is_some())
        }
    }
}

/// "The phone number: digits before the first -".
fn phone(account_id: &str) -> Option<String> {
    let first = account_id.trim().split('-').next()?.trim_start_matches('+');
    (!first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit())).then(|| first.to_owned())
}
