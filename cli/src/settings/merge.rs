//! One table over another, refusing what the lower one does not know.

use super::wrong;
use crate::failure::Failure;
use serde_json::{Map, Value};

/// The table that `text` holds.
pub fn parse(text: &str, name: &str) -> Result<Map<String, Value>, Failure> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The error's own text would show the line, which may hold a secret.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or("");
        wrong(format!("{name}, line {}: {}", before.matches('\n').count() + 1, error.message()))
    })?;
    match serde_json::to_value(table) {
        Ok(Value::Object(table)) => Ok(table),
        Ok(_) | Err(_) => Err(wrong(format!("{name}: not a table"))),
    }
}

/// `file` over `defaults`: a section or a key that has no default is unknown. Accounts are for the sources to check.
pub fn over(defaults: &Map<String, Value>, file: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let mut all = defaults.clone();
    for (section, value) in file {
        if section == "accounts" {
            all.insert(section, value);
            continue;
        }
        let (Some(Value::Object(known)), Value::Object(table)) = (all.get_mut(&section), value) else {
            return Err(unknown(&section, defaults.keys().map(String::as_str).chain(["accounts"])));
        };
        for (key, value) in table {
            set(known, &section, &key, value)?;
        }
    }
    Ok(all)
}

/// Sets `section.key`, or `section.key_file` where `key` is known.
pub fn set(known: &mut Map<String, Value>, section: &str, key: &str, value: Value) -> Result<(), Failure> {
    let is_known = known.contains_key(key) || key.strip_suffix("_file").is_some_and(|key| known.contains_key(key));
    if !is_known {
        let keys = known.keys().map(|key| format!("{section}.{key}")).collect::<Vec<_>>();
        return Err(unknown(&format!("{section}.{key}"), keys.iter().map(String::as_str)));
    }
    known.insert(key.to_owned(), value);
    Ok(())
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<&str> = known.collect();
    let nearest = sources::nearest(key, known.iter().copied());
    let hint = nearest.map_or_else(|| format!("known are {}", known.join(", ")), |key| format!("did you mean {key}?"));
    wrong(format!("unknown setting {key}; {hint}"))
}
