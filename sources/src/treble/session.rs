//! A session in a list → its row, and the question for its history.

use super::phone;
use super::question::{Session, is_id};
use super::shelf::Shelf;
use super::spelling::settled;
use crate::json::Json;
use crate::record::{Field, Kind, Members, field};
use chrono::TimeDelta;
use domain::lead::Lead;
use domain::window::Window;
use entities::rows::{Cell, Row};

const FIELDS: [Field; 3] = [
    field("external_id", Kind::Text),
    field("finished_at", Kind::Time),
    // No document names it in a list; a list is where it is told, if anywhere.
    field("deployment_status", Kind::Text),
];
const USER: [Field; 2] = [field("country_code", Kind::Text), field("cellphone", Kind::Text)];

/// Puts a session of `poll` on `shelf`, and says what to ask next.
pub fn store(shelf: &mut Shelf, account: &str, poll: &str, json: Json) -> Result<Lead, String> {
    let mut members = Members::of(settled(json)).ok_or("is no object")?;
    let id = members.text("id").filter(|id| is_id(id)).ok_or("has no id")?;
    let created = members.time("created_at").ok_or("has no created_at that could be read")?;
    let of = Window::new(created, created + TimeDelta::seconds(1)).ok_or("has no created_at that could be read")?;
    let finished = members.time("finished_at");
    for name in ["id", "created_at"] {
        members.take(name);
    }
    if members.text("poll_id").as_deref() == Some(poll) {
        members.take("poll_id");
    }
    let mut row = shelf.row(account);
    row.put("session_id", Cell::Text(id.as_str().into()));
    row.put("poll_id", Cell::Text(poll.into()));
    row.put("created_at", Cell::Time(created));
    put_user(&mut row, &mut members);
    members.fill(&mut row, &FIELDS);
    row.put("extra", members.rest());
    shelf.push(&row).map_err(|bad| bad.to_string())?;
    let slice = Session { id, created }.slice();
    Ok(Lead { slice, of: Some(of), seen: finished, has_ended: finished.is_some() })
}

fn put_user(row: &mut Row<'_>, members: &mut Members) {
    let Some(mut user) = members.get("user").cloned().and_then(Members::of) else { return };
    members.take("user");
    put_phone(row, phone::digits(&user));
    user.fill(row, &USER);
    if user.names().next().is_some() {
        row.put("user", user.rest());
    }
}

/// A phone's digits, and the last ten of them.
pub fn put_phone(row: &mut Row<'_>, digits: Option<String>) {
    let Some(digits) = digits else { return };
    row.put("phone_tail", Cell::Text(phone::tail(&digits).to_owned().into()));
    row.put("phone", Cell::Text(digits.into()));
}
