//! Secrets that are named as files: `<key>_file`.

use super::wrong;
use crate::failure::Failure;
use serde_json::{Map, Value};

/// The secret settings outside the accounts.
const SECRETS: [(&str, &str); 3] = [("database", "url"), ("queue", "url"), ("server", "operator_token")];

/// Replaces every `<key>_file` of a secret key by the file's text, without the line break at its end.
pub fn resolve(all: &mut Map<String, Value>) -> Result<(), Failure> {
    for (section, key) in SECRETS {
        if let Some(Value::Object(table)) = all.get_mut(section) {
            // A default does not count as given.
            if table.contains_key(&format!("{key}_file")) {
                table.remove(key);
            }
            read(table, section, key)?;
            // Said here, because whoever reads the section would show what it found instead of a text.
            if table.get(key).is_some_and(|value| !value.is_string()) {
                return Err(wrong(format!("{section}.{key}: not a text; write it in quotes")));
            }
        }
    }
    let Some(Value::Object(accounts)) = all.get_mut("accounts") else { return Ok(()) };
    for (name, account) in accounts {
        let Value::Object(table) = account else { continue };
        let vendor = table.get("source").and_then(Value::as_str);
        let vendor = sources::VENDORS.iter().find(|known| Some(known.name) == vendor);
        for key in vendor.map_or(&[][..], |vendor| vendor.secrets) {
            read(table, &format!("accounts.{name}"), key)?;
        }
    }
    Ok(())
}

fn read(table: &mut Map<String, Value>, section: &str, key: &str) -> Result<(), Failure> {
    let Some(file) = table.remove(&format!("{key}_file")) else { return Ok(()) };
    let said = format!("{section}.{key}_file");
    if table.contains_key(key) {
        return Err(wrong(format!("{said}: {section}.{key} is set as well; write only one of them")));
    }
    let Value::String(file) = file else { return Err(wrong(format!("{said}: not a file's name"))) };
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(format!("{said}: cannot read {file}: {error}")))?;
    table.insert(key.to_owned(), Value::from(text.trim_end_matches(['\r', '\n'])));
    Ok(())
}
