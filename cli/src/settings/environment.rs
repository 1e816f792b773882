//! Settings from the environment: `CONVOSYNC__SECTION__KEY`, `CONVOSYNC__ACCOUNTS__NAME__KEY`.

use super::{merge, wrong};
use crate::failure::Failure;
use serde_json::{Map, Value};

const PREFIX: &str = "CONVOSYNC__";

/// The variables that begin with the prefix, without it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variables() -> Vec<(String, String)> {
    let stripped = |(name, value): (String, String)| Some((name.strip_prefix(PREFIX)?.to_owned(), value));
    let mut found: Vec<_> = std::env::vars().filter_map(stripped).collect();
    found.sort();
    found
}

/// Sets them over `all`.
pub fn apply(
    all: &mut Map<String, Value>,
    defaults: &Map<String, Value>,
    variables: Vec<(String, String)>,
) -> Result<(), Failure> {
    for (name, text) in variables {
        let path: Vec<String> = name.split("__").map(str::to_lowercase).collect();
        match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["accounts", account, key] => {
                let accounts = all.entry("accounts").or_insert_with(|| Value::Object(Map::new()));
                let account = accounts
                    .as_object_mut()
                    .map(|all| all.entry(*account).or_insert_with(|| Value::Object(Map::new())));
                if let Some(account) = account.and_then(Value::as_object_mut) {
                    account.insert((*key).to_owned(), listed(&text));
                }
            }
            [section, key] => {
                let default = defaults.get(*section).and_then(|table| table.get(*key));
                let value = typed(&text, default, &name)?;
                let Some(Value::Object(known)) = all.get_mut(*section) else {
                    return Err(wrong(format!("unknown variable {PREFIX}{name}; there is no section [{section}]")));
                };
                merge::set(known, section, key, value)?;
            }
            _ => {
                return Err(wrong(format!(
                    "unknown variable {PREFIX}{name}; write {PREFIX}SECTION__KEY or {PREFIX}ACCOUNTS__NAME__KEY"
                )));
            }
        }
    }
    Ok(())
}

/// Text as its default is typed: a variable is always text, a setting may be a number.
fn typed(text: &str, default: Option<&Value>, name: &str) -> Result<Value, Failure> {
    match default {
        Some(Value::Number(_)) => {
            let number = text.parse::<i64>();
            number.map(Value::from).map_err(|_| wrong(format!("{PREFIX}{name}: {text:?} is no whole number")))
        }
        _ => Ok(Value::from(text)),
    }
}

/// A list may be written as in the file: `["a", "b"]`.
fn listed(text: &str) -> Value {
    let list = text.trim_start().starts_with('[').then(|| serde_json::from_str(text).ok()).flatten();
    list.unwrap_or_else(|| Value::from(text))
}
