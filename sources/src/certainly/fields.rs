//! The report's fields, in the order of the table's columns, and how a value becomes a cell.

use crate::json::Json;
use crate::moment::instant;
use entities::rows::Cell;

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Its column.
    pub column: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How the vendor writes it; the first one is the documented one.
    pub names: &'static [&'static str],
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, as it came.
    Text,
    /// An id, a number or a text.
    Id,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// An instant.
    Time,
    /// JSON.
    Json,
    /// A list of ids.
    Ids,
    /// What a bot says: objects whose `type` is written `text` and `Text`.
    Bubbles,
}

const fn field(column: &'static str, kind: Kind, names: &'static [&'static str]) -> Field {
    Field { column, kind, names }
}

/// Every field that has a column, the message's own id first.
pub const FIELDS: &[Field] = &[
    field("message_id", Kind::Id, &["id", "message_id"]),
    field("timestamp", Kind::Time, &["timestamp"]),
    field("message", Kind::Text, &["message"]),
    field("response", Kind::Bubbles, &["response"]),
    field("conversation_id", Kind::Id, &["conversation_id"]),
    field("through_bot_modules", Kind::Ids, &["through_bot_modules"]),
    field("bot_module_id", Kind::Id, &["bot_module_id", "bot_module.id"]),
    field("is_test", Kind::Bool, &["is_test"]),
    field("external_agent", Kind::Id, &["external_agent"]),
    field("through_connection_id", Kind::Id, &["through_connection_id"]),
    field("is_global_module_match", Kind::Bool, &["is_global_module_match"]),
    field("is_deleted", Kind::Bool, &["is_deleted"]),
    field("id_message_evaluate", Kind::Id, &["id_message_evaluate"]),
    field("data", Kind::Json, &["data"]),
    field("user_message_empty", Kind::Bool, &["user_message_empty"]),
    field("bot_response_empty", Kind::Bool, &["bot_response_empty"]),
    field("bot_module_name", Kind::Text, &["bot_module.name"]),
    field("bot_module_type", Kind::Text, &["bot_module.type"]),
    field("bot_module_instruction", Kind::Text, &["bot_module.instruction"]),
    field("bot_module_error_instruction", Kind::Text, &["bot_module.error_instruction"]),
    field("bot_module_is_global", Kind::Bool, &["bot_module.is_global"]),
    field("bot_module_priority", Kind::Int, &["bot_module.priority"]),
    field("bot_module_is_starting", Kind::Bool, &["bot_module.is_starting"]),
    field("bot_module_fallback_module_id", Kind::Id, &["bot_module.fallback_module_id"]),
    field("bot_module_skip_user_input", Kind::Bool, &["bot_module.skip_user_input"]),
    field(
        "bot_module_skip_global_connection_evaluation",
        Kind::Bool,
        &["bot_module.skip_global_connection_evaluation"],
    ),
    field("bot_module_group", Kind::Json, &["bot_module.group"]),
    field("bot_module_kpis", Kind::Json, &["bot_module.kpis"]),
    field("botuser_id", Kind::Id, &["botuser.id"]),
    field("botuser_created_date", Kind::Time, &["botuser.created_date"]),
    field("botuser_meta", Kind::Json, &["botuser.botuser_meta", "botuser_meta"]),
];

/// The cell for `value`; the value back where it does not fit. Nothing and an empty text are one and the same, as a
/// file cannot tell them apart.
pub fn cell(kind: Kind, value: Json) -> Result<Cell<'static>, Json> {
    if value.is_empty() {
        return Ok(Cell::Null);
    }
    let shown = value.shown();
    let cell = match kind {
        Kind::Text => Some(Cell::Text(shown.into())),
        Kind::Id => match id(&shown) {
            "" => Some(Cell::Null),
            id => Some(Cell::Text(id.to_owned().into())),
        },
        Kind::Bool => boolean(&shown).map(Cell::Bool),
        Kind::Int => id(&shown).parse().ok().map(Cell::Int),
        Kind::Time => instant(&shown).map(Cell::Time),
        Kind::Json | Kind::Ids | Kind::Bubbles => return Ok(json(kind, value)),
    };
    cell.ok_or(value)
}

/// An id as it is compared. A program that once held it as a number with decimals writes `771204.0`.
pub fn id(text: &str) -> &str {
    let text = text.trim();
    match text.strip_suffix(".0") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => digits,
        _ => text,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn json(kind: Kind, value: Json) -> Cell<'static> {
    let mut value = value.agreed();
    if value.is_empty() {
        return Cell::Null;
    }
    value.spell_ids();
    match kind {
        Kind::Ids => value.number_to_text(),
        Kind::Bubbles => lower_types(&mut value),
        _ => {}
    }
    Cell::Json(value.to_string().into())
}

fn lower_types(value: &mut Json) {
    let Json::List(bubbles) = value else { return };
    for bubble in bubbles {
        if let Json::Object(members) = bubble
            && let Some(Json::Text(kind)) = members.get_mut("type")
        {
            kind.make_ascii_lowercase();
        }
    }
}
