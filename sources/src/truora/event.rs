//! What a believed webhook tells. It is a hint: the data come from the result.

use super::request::is_id;
use crate::json::Json;
use crate::record::Members;
use chrono::TimeDelta;
use domain::hook::{Event, HookFault};
use domain::lead::Lead;
use domain::want::Slice;
use domain::window::Window;
use entities::upsert::Batch;
use xxhash_rust::xxh3::xxh3_128;

/// Under which names an event may have the process: the second is that of step and validation events.
const IDS: [&str; 2] = ["process_id", "identity_process_id"];
/// The longest id of an event.
const LONGEST: usize = 128;

/// The events of `claims`, in their order.
pub fn read(claims: &Json) -> Result<Vec<Event<Batch>>, HookFault> {
    let malformed = |why: &str| HookFault::Malformed(why.to_owned());
    let claims = Members::of(claims.clone()).ok_or_else(|| malformed("claims that are no object"))?;
    let events = claims.get("events").and(claims.list("events")).ok_or_else(|| malformed("claims without events"))?;
    events.into_iter().map(|event| one(event, &claims).ok_or_else(|| malformed("an event that is no object"))).collect()
}

fn one(event: Json, claims: &Members) -> Option<Event<Batch>> {
    let stand_in = format!("hash:{:032x}", xxh3_128(event.to_string().as_bytes()));
    let event = Members::of(event)?;
    let id = event.text("id").filter(|id| id.len() <= LONGEST).unwrap_or(stand_in);
    let (kind, action) = (event.text("event_type"), event.text("event_action"));
    let (kind, action) = (kind.unwrap_or_default(), action.unwrap_or_default());
    // Some types have the action in them already.
    let is_told = action.is_empty() || kind.ends_with(&action);
    let kind = if is_told { kind } else { format!("{kind}.{action}") };
    let leads = lead(&kind, &event, claims).into_iter().collect();
    Some(Event { id, kind, rows: Vec::new(), leads })
}

/// The process to look at. Products and sources spell the types differently: those of processes have that word in it.
fn lead(kind: &str, event: &Members, claims: &Members) -> Option<Lead> {
    let object = Members::of(event.get("object")?.clone())?;
    let is_process = kind.to_ascii_lowercase().contains("process");
    let id = IDS.iter().find_map(|name| object.text(name)).filter(|id| is_process && is_id(id))?;
    let told = object.time("creation_date").or_else(|| event.time("timestamp"));
    let at = told.or_else(|| claims.time("iat"))?;
    let of = Window::new(at, at + TimeDelta::seconds(1))?;
    Some(Lead { slice: Slice::Key(id), of: Some(of), seen: object.time("update_date"), has_ended: false })
}
