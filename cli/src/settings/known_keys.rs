//! The keys that exist, and the check of a layer against them.

use super::SECRETS;
use super::document::{Entry, ValueType};
use super::error::SettingsError;
use super::origin::Origin;
use super::variables::Variable;
use config::{Map, ValueKind};
use std::collections::BTreeMap;

const TEXT: &str = "text in quotes";
const INTEGER: &str = "a whole number";

/// The sections and keys of the built-in defaults, with the type of each value.
pub struct KnownKeys(BTreeMap<String, BTreeMap<String, ValueType>>);

impl KnownKeys {
    /// The keys of `defaults`, which have sections only.
    pub fn new(defaults: Map<String, config::Value>) -> Self {
        let types = |section: config::Value| {
            let keys = section.into_table().unwrap_or_default().into_iter();
            keys.map(|(key, value)| {
                (key, if matches!(value.kind, ValueKind::I64(_)) { ValueType::Integer } else { ValueType::Text })
            })
            .collect()
        };
        Self(defaults.into_iter().map(|(name, section)| (name, types(section))).collect())
    }

    /// Checks an entry of a file.
    ///
    /// # Errors
    /// A key that is not known, or a value of another type than its default.
    pub fn check_entry(&self, entry: &Entry, origin: &Origin) -> Result<(), SettingsError> {
        let wrong = |expected: &str| {
            let (origin, key) = (origin.clone(), entry.path.join("."));
            Err(SettingsError::Invalid { origin, key, expected: expected.to_owned() })
        };
        match entry.path.as_slice() {
            _ if entry.value == ValueType::OutOfRange => wrong("a number that 64 bits can hold"),
            [section] => {
                self.section(section, origin)?;
                if entry.value == ValueType::Table { Ok(()) } else { wrong(&format!("a table; write [{section}]")) }
            }
            [section, name] if section == "accounts" => {
                if entry.value == ValueType::Table {
                    Ok(())
                } else {
                    wrong(&format!("a table; write [accounts.{name}]"))
                }
            }
            [section, key] => match (self.value_type(section, key, origin)?, entry.value) {
                (ValueType::Integer, ValueType::Integer) | (ValueType::Text, ValueType::Text) => Ok(()),
                (ValueType::Integer, _) => wrong(INTEGER),
                _ => wrong(TEXT),
            },
            // The account's source checks its keys.
            _ => Ok(()),
        }
    }

    /// Checks a variable; its text may stand for a number.
    ///
    /// # Errors
    /// A key that is not known, or text where the default is a number.
    pub fn check_variable(&self, variable: &Variable) -> Result<(), SettingsError> {
        let [section, key] = variable.path.as_slice() else { return Ok(()) };
        match self.value_type(section, key, &variable.origin())? {
            ValueType::Integer if variable.value.parse::<i64>().is_err() => Err(SettingsError::Invalid {
                origin: variable.origin(),
                key: variable.key(),
                expected: INTEGER.to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The keys of `section`; none for the accounts, whose keys their sources know.
    fn section(&self, section: &str, origin: &Origin) -> Result<Option<&BTreeMap<String, ValueType>>, SettingsError> {
        if section == "accounts" {
            return Ok(None);
        }
        let known = || self.0.keys().map(String::as_str).chain(["accounts"]);
        self.0.get(section).map(Some).ok_or_else(|| unknown(section, known(), origin))
    }

    /// The type of `section.key`; the name of a secret's file is text.
    fn value_type(&self, section: &str, key: &str, origin: &Origin) -> Result<ValueType, SettingsError> {
        let Some(keys) = self.section(section, origin)? else { return Ok(ValueType::Other) };
        if let Some(found) = keys.get(key) {
            return Ok(*found);
        }
        if SECRETS
            .iter()
            .any(|secret| *secret == format!("{section}.{}", key.strip_suffix("_file").unwrap_or_default()))
        {
            return Ok(ValueType::Text);
        }
        let known: Vec<String> = keys.keys().map(|key| format!("{section}.{key}")).collect();
        Err(unknown(&format!("{section}.{key}"), known.iter().map(String::as_str), origin))
    }
}

fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>, origin: &Origin) -> SettingsError {
    let known: Vec<&str> = known.collect();
    let nearest = sources::suggest(key, known.iter().copied());
    let hint = nearest.map_or_else(|| format!("known are {}", known.join(", ")), |key| format!("did you mean {key}?"));
    SettingsError::UnknownKey { origin: origin.clone(), key: key.to_owned(), hint }
}
