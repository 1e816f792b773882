//! The fields of the report in the order of the table's columns, and the conversion of a value into a cell.

use crate::json::Json;
use crate::timestamp;
use entities::rows::Cell;

/// A field of the report.
#[derive(Debug)]
pub struct Field {
    /// Its column in the table.
    pub column: &'static str,
    /// The type of its values.
    pub value_type: FieldType,
    /// Its names at the vendor, the documented one first.
    pub names: &'static [&'static str],
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// An id, a number or a text.
    Id,
    /// A boolean.
    Bool,
    /// A whole number.
    Int,
    /// A timestamp.
    Time,
    /// JSON.
    Json,
    /// A list of ids.
    Ids,
    /// The bubbles of a bot's response: objects whose `type` the vendor writes as `text` and as `Text`.
    Bubbles,
}

const fn field(column: &'static str, value_type: FieldType, names: &'static [&'static str]) -> Field {
    Field { column, value_type, names }
}

/// Every field that has a column; the message's own id comes first.
pub const FIELDS: &[Field] = &[
    field("message_id", FieldType::Id, &["id", "message_id"]),
    field("timestamp", FieldType::Time, &["timestamp"]),
    field("message", FieldType::Text, &["message"]),
    field("response", FieldType::Bubbles, &["response"]),
    field("conversation_id", FieldType::Id, &["conversation_id"]),
    field("through_bot_modules", FieldType::Ids, &["through_bot_modules"]),
    field("bot_module_id", FieldType::Id, &["bot_module_id", "bot_module.id"]),
    field("is_test", FieldType::Bool, &["is_test"]),
    field("external_agent", FieldType::Id, &["external_agent"]),
    field("through_connection_id", FieldType::Id, &["through_connection_id"]),
    field("is_global_module_match", FieldType::Bool, &["is_global_module_match"]),
    field("is_deleted", FieldType::Bool, &["is_deleted"]),
    field("id_message_evaluate", FieldType::Id, &["id_message_evaluate"]),
    field("data", FieldType::Json, &["data"]),
    field("user_message_empty", FieldType::Bool, &["user_message_empty"]),
    field("bot_response_empty", FieldType::Bool, &["bot_response_empty"]),
    field("bot_module_name", FieldType::Text, &["bot_module.name"]),
    field("bot_module_type", FieldType::Text, &["bot_module.type"]),
    field("bot_module_instruction", FieldType::Text, &["bot_module.instruction"]),
    field("bot_module_error_instruction", FieldType::Text, &["bot_module.error_instruction"]),
    field("bot_module_is_global", FieldType::Bool, &["bot_module.is_global"]),
    field("bot_module_priority", FieldType::Int, &["bot_module.priority"]),
    field("bot_module_is_starting", FieldType::Bool, &["bot_module.is_starting"]),
    field("bot_module_fallback_module_id", FieldType::Id, &["bot_module.fallback_module_id"]),
    field("bot_module_skip_user_input", FieldType::Bool, &["bot_module.skip_user_input"]),
    field(
        "bot_module_skip_global_connection_evaluation",
        FieldType::Bool,
        &["bot_module.skip_global_connection_evaluation"],
    ),
    field("bot_module_group", FieldType::Json, &["bot_module.group"]),
    field("bot_module_kpis", FieldType::Json, &["bot_module.kpis"]),
    field("botuser_id", FieldType::Id, &["botuser.id"]),
    field("botuser_created_date", FieldType::Time, &["botuser.created_date"]),
    field("botuser_meta", FieldType::Json, &["botuser.botuser_meta", "botuser_meta"]),
];

/// The cell for `value`. An empty text is the same as no value, because a file cannot tell them apart.
///
/// # Errors
/// The value, where it does not fit the type.
pub fn cell(value_type: FieldType, value: Json) -> Result<Cell<'static>, Json> {
    if value.is_empty() {
        return Ok(Cell::Null);
    }
    let text = value.to_cell();
    let cell = match value_type {
        FieldType::Text => Some(Cell::Text(text.into())),
        FieldType::Id => match trim_id(&text) {
            "" => Some(Cell::Null),
            id => Some(Cell::Text(id.to_owned().into())),
        },
        FieldType::Bool => boolean(&text).map(Cell::Bool),
        FieldType::Int => trim_id(&text).parse().ok().map(Cell::Int),
        FieldType::Time => timestamp::parse(&text).map(Cell::Time),
        FieldType::Json | FieldType::Ids | FieldType::Bubbles => return Ok(json(value_type, value)),
    };
    cell.ok_or(value)
}

/// An id without blanks around it and without `.0`: a program that held the id as a float writes `771204.0`.
pub fn trim_id(text: &str) -> &str {
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

fn json(value_type: FieldType, value: Json) -> Cell<'static> {
    let mut value = value.untyped();
    if value.is_empty() {
        return Cell::Null;
    }
    value.ids_to_text();
    match value_type {
        FieldType::Ids => value.numbers_to_text(),
        FieldType::Bubbles => lower_case_types(&mut value),
        _ => {}
    }
    Cell::Json(value.to_string().into())
}

fn lower_case_types(value: &mut Json) {
    let Json::List(bubbles) = value else { return };
    for bubble in bubbles {
        if let Json::Object(members) = bubble
            && let Some(Json::Text(bubble_type)) = members.get_mut("type")
        {
            bubble_type.make_ascii_lowercase();
        }
    }
}
