//! A webhook's event, of the account or of a flow, becomes a row of `treble_events`.

use super::phone;
use super::session::put_phone;
use crate::json::Json;
use crate::members::Members;
use crate::preamble::trim;
use crate::stand_in_id::stand_in_id;
use chrono::{DateTime, Utc};
use domain::webhook::{WebhookEvent, WebhookFault};
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::VendorTable;
use entities::treble_events::Entity;

/// The longest id, and the longest type, in bytes.
const MAX_TEXT: usize = 128;

/// The events in `body`: one, or a list of several.
pub fn parse(account: &str, body: &[u8]) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
    let malformed = |why: &str| WebhookFault::Malformed(why.to_owned());
    let text = std::str::from_utf8(body).map_err(|_| malformed("bytes that are not UTF-8"))?;
    let events = match Json::parse(trim(text)) {
        Some(Json::List(events)) => events,
        Some(event) => vec![event],
        None => return Err(malformed("not JSON")),
    };
    events.into_iter().map(|event| parse_event(account, event)).collect()
}

fn parse_event(account: &str, body: Json) -> Result<WebhookEvent<RowBatch>, WebhookFault> {
    let malformed = |why: &str| WebhookFault::Malformed(why.to_owned());
    let written = body.to_string();
    let event = Members::of(body).ok_or_else(|| malformed("an event that is not an object"))?;
    // Events of flows have no id. Then two events with the same text are the same event.
    let short = |name: &str| event.text(name).filter(|text| text.len() <= MAX_TEXT);
    let id = short("event_id").unwrap_or_else(|| stand_in_id("hash:", &[&written]));
    let kind = short("event_type").unwrap_or_else(|| flow_event_type(&event).to_owned());
    let mut rows = RowBatch::new(Entity::schema());
    let mut row = Row::new(rows.schema());
    row.set_named("account", Cell::Text(account.into()));
    row.set_named("event_id", Cell::Text(id.as_str().into()));
    row.set_named("event_type", Cell::Text(kind.as_str().into()));
    fill(&mut row, &event);
    row.set_named("body", Cell::Json(written.into()));
    rows.push(&row).map_err(|bad| malformed(&bad.to_string()))?;
    // A webhook names a session by its external id, and no request can fetch a session by that.
    Ok(WebhookEvent { id, kind, rows: vec![rows], items: Vec::new() })
}

fn fill(row: &mut Row<'_>, event: &Members) {
    let inner = |name: &str| event.object(name);
    let within = |name: &str, member: &str| inner(name).and_then(|inner| inner.text(member));
    let time_within = |name: &str, member: &str| inner(name).and_then(|inner| inner.time(member));
    put_phone(row, inner("user").and_then(|user| phone::digits(&user)).or_else(|| phone::digits(event)));
    let failure = event.text("failure_reason");
    let template = || event.text("name").filter(|_| event.text("event_type").as_deref() == Some("hsm.status"));
    let texts = [
        ("external_id", within("session", "external_id").or_else(|| event.text("session_id"))),
        ("poll_id", event.text("conversation_id")),
        ("deployment_status", failure.clone().or_else(|| event.text("deployment_status"))),
        ("failure_reason", failure),
        ("status", event.text("status")),
        ("hsm_name", within("hsm", "name").or_else(template)),
    ];
    for (column, text) in texts {
        row.set_named(column, text.map_or(Cell::Null, |text| Cell::Text(text.into())));
    }
    let time = |at: Option<DateTime<Utc>>| at.map_or(Cell::Null, Cell::Time);
    row.set_named("timestamp", time(event.time("timestamp").or_else(|| event.time("timeout_at"))));
    row.set_named("ended_at", time(time_within("session", "closed_at").or_else(|| event.time("failed_at"))));
}

/// The type of a flow's event, which shows in its members.
fn flow_event_type(event: &Members) -> &'static str {
    let question_type = event.object("question").and_then(|question| question.text("type")).unwrap_or_default();
    let is_flow = ["session_id", "conversation_id", "user_session_keys"].iter().any(|name| event.has(name));
    if event.has("timeout_at") {
        "flow.timeout"
    } else if event.has("actual_response") {
        if question_type == "OPT_OUT" { "flow.opt_out" } else { "flow.response" }
    } else if is_flow {
        "flow.closed"
    } else {
        "unknown"
    }
}
