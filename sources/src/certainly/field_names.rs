//! Resolves the names of fields in a response, and of columns in a file: "Bot module name", `bot_module.name`,
//! `botModuleName` and `bot_module_name` are one field.

use super::fields::FIELDS;
use crate::normalize::normalize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldName {
    /// The field with this index in [`FIELDS`].
    Field(usize),
    /// An object whose members are fields: `bot_module` or `botuser`.
    Object(&'static str),
    /// A part of the field with this index, at this path.
    Path(usize, Vec<String>),
    /// The bot's id, which a response need not repeat.
    Bot,
    /// A name that the vendor does not document.
    Unknown,
}

/// The objects whose members are fields.
const OBJECTS: [&str; 2] = ["bot_module", "botuser"];
/// Normalized names of the bot's id in a file.
const BOT: [&str; 3] = ["botid", "botuuid", "chatbotid"];
/// The documented parts of `botuser_meta`, which a file may name without dots.
const META_PATHS: [[&str; 2]; 3] = [["web", "host"], ["web", "current_ip"], ["web", "hostPageUrl"]];
/// The field whose parts may be columns of their own, and the normalized beginnings of their names.
const META: &str = "botuser_meta";
const META_NAMES: [&str; 2] = ["botuserbotusermeta", "botusermeta"];

/// The meaning of `name`.
pub fn resolve(name: &str) -> FieldName {
    static KNOWN: LazyLock<HashMap<String, FieldName>> = LazyLock::new(known_names);
    match KNOWN.get(&normalize(name)) {
        Some(field) => field.clone(),
        None => meta_path(name).unwrap_or(FieldName::Unknown),
    }
}

fn known_names() -> HashMap<String, FieldName> {
    let mut known = HashMap::new();
    for (index, field) in FIELDS.iter().enumerate() {
        known.extend(field.names.iter().map(|name| (normalize(name), FieldName::Field(index))));
        if field.column == META {
            let parts = META_NAMES.into_iter().flat_map(|name| META_PATHS.map(|path| (name, path)));
            known.extend(parts.map(|(name, path)| {
                let steps = path.map(str::to_owned).to_vec();
                (normalize(&format!("{name}{}", path.concat())), FieldName::Path(index, steps))
            }));
        }
    }
    known.extend(OBJECTS.map(|object| (normalize(object), FieldName::Object(object))));
    known.extend(BOT.map(|name| (name.to_owned(), FieldName::Bot)));
    known
}

/// The path in a name such as `botuser.botuser_meta.web.language`. Dots give also undocumented parts their place.
fn meta_path(name: &str) -> Option<FieldName> {
    let words: Vec<&str> = name.trim().split('.').collect();
    let index = FIELDS.iter().position(|field| field.column == META)?;
    (1..words.len()).find_map(|length| {
        let (head, path) = words.split_at_checked(length)?;
        let is_meta = META_NAMES.contains(&normalize(&head.concat()).as_str());
        let is_path = path.iter().all(|word| !word.trim().is_empty());
        (is_meta && is_path).then(|| FieldName::Path(index, path.iter().map(|word| word.trim().to_owned()).collect()))
    })
}
