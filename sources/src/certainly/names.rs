//! Names of fields, in an answer and over a column of a file: "Bot module name" = `bot_module.name` = `botModuleName` =
//! `bot_module_name`.

use super::fields::FIELDS;
use crate::plain::plain;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The field at this place in [`FIELDS`].
    Field(usize),
    /// A whole object whose members are fields: `bot_module` or `botuser`.
    Whole(&'static str),
    /// A part of the field at this place, found along this path.
    Part(usize, Vec<String>),
    /// The bot's id, which the answer need not repeat.
    Bot,
    /// Nothing that the vendor documents.
    Stranger,
}

/// The objects whose members are fields.
const WHOLES: [&str; 2] = ["bot_module", "botuser"];
/// Under which names a file may have the bot's id.
const BOT: [&str; 3] = ["botid", "botuuid", "chatbotid"];
/// The documented parts of `botuser_meta`, by which a name without dots is understood.
const PARTS: [[&str; 2]; 3] = [["web", "host"], ["web", "current_ip"], ["web", "hostPageUrl"]];
/// The field with parts, and how its name begins where it is written out to them.
const META: &str = "botuser_meta";
const META_NAMES: [&str; 2] = ["botuserbotusermeta", "botusermeta"];

/// What `name` stands for.
pub fn meaning(name: &str) -> Meaning {
    static KNOWN: LazyLock<HashMap<String, Meaning>> = LazyLock::new(known);
    let plain = plain(name);
    match KNOWN.get(&plain) {
        Some(meaning) => meaning.clone(),
        None => part(name).unwrap_or(Meaning::Stranger),
    }
}

fn known() -> HashMap<String, Meaning> {
    let mut known = HashMap::new();
    for (place, field) in FIELDS.iter().enumerate() {
        known.extend(field.names.iter().map(|name| (plain(name), Meaning::Field(place))));
        if field.column == META {
            let parts = META_NAMES.into_iter().flat_map(|name| PARTS.map(|part| (name, part)));
            known.extend(parts.map(|(name, part)| {
                let path = part.map(str::to_owned).to_vec();
                (plain(&format!("{name}{}", part.concat())), Meaning::Part(place, path))
            }));
        }
    }
    known.extend(WHOLES.map(|whole| (plain(whole), Meaning::Whole(whole))));
    known.extend(BOT.map(|name| (name.to_owned(), Meaning::Bot)));
    known
}

/// `botuser.botuser_meta.web.language`: what nobody documents has its place too, if dots say where.
fn part(name: &str) -> Option<Meaning> {
    let words: Vec<&str> = name.trim().split('.').collect();
    let place = FIELDS.iter().position(|field| field.column == META)?;
    (1..words.len()).find_map(|length| {
        let (head, path) = words.split_at_checked(length)?;
        let is_meta = META_NAMES.contains(&plain(&head.concat()).as_str());
        let is_path = path.iter().all(|word| !word.trim().is_empty());
        (is_meta && is_path).then(|| Meaning::Part(place, path.iter().map(|word| word.trim().to_owned()).collect()))
    })
}
