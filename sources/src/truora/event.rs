//! Parses the events of a verified webhook. An event is a hint: the data come from the process's result.

use super::query::is_id;
use crate::json::Json;
use crate::members::Members;
use crate::stand_in_id::stand_in_id;
use chrono::TimeDelta;
use domain::item::Item;
use domain::slice::Slice;
use domain::webhook::{WebhookEvent, WebhookFault};
use domain::window::Window;
use entities::rows::RowBatch;

/// Names of the process's id. Events about steps and validations use the second one.
const ID_NAMES: [&str; 2] = ["process_id", "identity_process_id"];
/// The longest id of an event, in bytes.
const MAX_ID: usize = 128;

/// The events in `claims`, in their order.
pub fn parse(claims: &Json) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
    let malformed = |why: &str| WebhookFault::Malformed(why.to_owned());
    let claims = Members::of(claims.clone()).ok_or_else(|| malformed("claims that are not an object"))?;
    let events = claims.get("events").and(claims.list("events")).ok_or_else(|| malformed("claims without events"))?;
    events
        .into_iter()
        .map(|event| parse_event(event, &claims).ok_or_else(|| malformed("an event that is not an object")))
        .collect()
}

fn parse_event(event: Json, claims: &Members) -> Option<WebhookEvent<RowBatch>> {
    let hashed_id = stand_in_id("hash:", &[&event.to_string()]);
    let event = Members::of(event)?;
    let id = event.text("id").filter(|id| id.len() <= MAX_ID).unwrap_or(hashed_id);
    let (event_type, action) = (event.text("event_type"), event.text("event_action"));
    let (event_type, action) = (event_type.unwrap_or_default(), action.unwrap_or_default());
    // Some types end in the action already.
    let is_complete = action.is_empty() || event_type.ends_with(&action);
    let kind = if is_complete { event_type } else { format!("{event_type}.{action}") };
    let items = item(&kind, &event, claims).into_iter().collect();
    Some(WebhookEvent { id, kind, rows: Vec::new(), items })
}

/// The process to fetch. The products spell event types differently, but those about processes contain that word.
fn item(event_type: &str, event: &Members, claims: &Members) -> Option<Item> {
    let object = Members::of(event.get("object")?.clone())?;
    let is_process = event_type.to_ascii_lowercase().contains("process");
    let id = ID_NAMES.iter().find_map(|name| object.text(name)).filter(|id| is_process && is_id(id))?;
    let at = object.time("creation_date").or_else(|| event.time("timestamp")).or_else(|| claims.time("iat"))?;
    let of = Window::new(at, at + TimeDelta::seconds(1))?;
    Some(Item { slice: Slice::Item(id), scope: Some(of), seen_version: object.time("update_date"), has_ended: false })
}
