//! A session in a list becomes a row of `treble_sessions`, and the key of its history.

use super::phone;
use super::query::{Session, is_id};
use super::timestamps::normalize_timestamps;
use crate::json::Json;
use crate::members::{Mapping, Members, ValueType, same_name};
use crate::row_batcher::RowBatcher;
use chrono::TimeDelta;
use domain::item::Item;
use domain::window::Window;
use entities::merge_rules::{MergeRule, MergeRules};
use entities::rows::{Cell, Row};
use entities::schema::TableSchema;

/// The columns of a session that have the vendor's names.
const SESSION: [Mapping; 3] = [
    same_name("external_id", ValueType::Text),
    same_name("finished_at", ValueType::Time),
    // No document names it; if the vendor sends it at all, then in a list.
    same_name("deployment_status", ValueType::Text),
];
/// The columns of the session's user that have the vendor's names.
const USER: [Mapping; 2] = [same_name("country_code", ValueType::Text), same_name("cellphone", ValueType::Text)];

/// The columns of which a list has the better value.
pub const LISTED: [&str; 3] = ["poll_id", "created_at", "extra"];
/// The columns that both a list and a report have. A list may leave them empty.
pub const SHARED: [&str; 4] = ["finished_at", "cellphone", "phone", "phone_tail"];

/// How a listed session meets a stored one: the columns that only a report has stay.
pub fn merge_rules(schema: &'static TableSchema) -> MergeRules {
    MergeRules::keep_all(schema)
        .with(MergeRule::Replace, LISTED)
        .with(MergeRule::Replace, ["external_id", "country_code", "user", "deployment_status"])
        .with(MergeRule::ReplaceUnlessNull, SHARED)
}

/// Adds a session of `poll` to `batcher`. Returns its history, which is fetched next.
///
/// # Errors
/// Why the JSON is not a session.
pub fn store(batcher: &mut RowBatcher, account: &str, poll: &str, json: Json) -> Result<Item, String> {
    let mut members = Members::of(normalize_timestamps(json)).ok_or("is not an object")?;
    let id = members.text("id").filter(|id| is_id(id)).ok_or("has no valid id")?;
    let created = members.time("created_at").ok_or("has no valid created_at")?;
    let of = Window::new(created, created + TimeDelta::seconds(1)).ok_or("has no valid created_at")?;
    let finished = members.time("finished_at");
    for name in ["id", "created_at"] {
        members.take(name);
    }
    if members.text("poll_id").as_deref() == Some(poll) {
        members.take("poll_id");
    }
    let mut row = batcher.row(account);
    row.set_named("session_id", Cell::Text(id.as_str().into()));
    row.set_named("poll_id", Cell::Text(poll.into()));
    row.set_named("created_at", Cell::Time(created));
    put_user(&mut row, &mut members);
    members.fill(&mut row, &SESSION);
    row.set_named("extra", members.into_extra());
    batcher.push(&row).map_err(|bad| bad.to_string())?;
    let slice = Session { id, created }.slice();
    Ok(Item { slice, scope: Some(of), seen_version: finished, has_ended: finished.is_some() })
}

fn put_user(row: &mut Row<'_>, members: &mut Members) {
    let Some(mut user) = members.object("user") else { return };
    members.take("user");
    put_phone(row, phone::digits(&user));
    user.fill(row, &USER);
    if user.names().next().is_some() {
        row.set_named("user", user.into_extra());
    }
}

/// Sets the columns of a phone number: its digits, and the last ten of them.
pub fn put_phone(row: &mut Row<'_>, digits: Option<String>) {
    let Some(digits) = digits else { return };
    row.set_named("phone_tail", Cell::Text(phone::tail(&digits).to_owned().into()));
    row.set_named("phone", Cell::Text(digits.into()));
}
