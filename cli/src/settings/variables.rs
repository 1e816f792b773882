//! Settings in the environment: `CONVOSYNC__SECTION__KEY`, `CONVOSYNC__ACCOUNTS__NAME__KEY`.

use super::error::SettingsError;
use super::origin::Origin;
use config::{ConfigError, Environment, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;

const PREFIX: &str = "CONVOSYNC__";
const SEPARATOR: &str = "__";

/// The variables that begin with `CONVOSYNC__`, by their full names.
///
/// # Errors
/// A variable whose value is not UTF-8.
#[expect(clippy::disallowed_methods, reason = "this file is the only one that reads the environment")]
pub fn from_environment() -> Result<BTreeMap<String, String>, SettingsError> {
    let named = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let own = named.filter(|(name, _)| name.starts_with(PREFIX));
    own.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(SettingsError::Invalid {
            origin: Origin::Variable(name.clone()),
            key: name,
            expected: "text in UTF-8".to_owned(),
        }),
    })
    .collect()
}

/// A variable whose name has the form of a setting.
#[derive(Debug)]
pub struct Variable {
    /// The full name.
    pub name: String,
    /// The key and the tables around it, outermost first.
    pub path: Vec<String>,
    /// The text.
    pub value: String,
}

impl Variable {
    /// The key with its tables: `accounts.shop.token`.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    /// The place that errors name.
    pub fn origin(&self) -> Origin {
        Origin::Variable(self.name.clone())
    }
}

/// The variables in `environment` as settings. Of names that differ only in case, the alphabetically last one counts.
///
/// # Errors
/// A name that has not the form of a setting.
pub fn variables(environment: &BTreeMap<String, String>) -> Result<Vec<Variable>, SettingsError> {
    let mut found: BTreeMap<Vec<String>, Variable> = BTreeMap::new();
    for (name, value) in environment {
        let path: Vec<String> =
            name.strip_prefix(PREFIX).unwrap_or(name).split(SEPARATOR).map(str::to_lowercase).collect();
        let length = if path.first().is_some_and(|section| section == "accounts") { 3 } else { 2 };
        if path.len() != length || !path.iter().all(|part| is_name(part)) {
            let form = format!("{PREFIX}SECTION__KEY or {PREFIX}ACCOUNTS__NAME__KEY");
            return Err(SettingsError::UnknownVariable { variable: name.clone(), form });
        }
        found.insert(path.clone(), Variable { name: name.clone(), path, value: value.clone() });
    }
    Ok(found.into_values().collect())
}

/// Whether `text` can name a section, an account or a key.
pub fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    !text.is_empty() && text.chars().all(is_allowed)
}

/// The layer of the environment. A value of an account that is written as a list, `["a", "b"]`, becomes a list.
#[derive(Clone, Debug)]
pub struct VariableLayer(Environment);

impl VariableLayer {
    /// The layer of these variables.
    pub fn new(variables: &[Variable]) -> Self {
        let named = variables.iter().map(|variable| (variable.name.clone(), variable.value.clone()));
        let prefix = PREFIX.trim_end_matches(SEPARATOR);
        Self(Environment::with_prefix(prefix).separator(SEPARATOR).source(Some(named.collect())))
    }
}

impl Source for VariableLayer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut values = self.0.collect()?;
        for (_, value) in values.iter_mut().filter(|(key, _)| key.starts_with("accounts.")) {
            if let ValueKind::String(text) = &value.kind
                && text.trim_start().starts_with('[')
                && let Ok(list) = serde_json::from_str::<Value>(text)
            {
                *value = list;
            }
        }
        Ok(values)
    }
}
