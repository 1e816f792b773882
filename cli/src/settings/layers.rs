//! The layers of the settings: built-in defaults, under the file, under the environment. The crate `config` merges
//! them; each layer is checked before, so that an error names its own line or variable.

use super::DEFAULTS;
use super::document;
use super::error::SettingsError;
use super::known_keys::KnownKeys;
use super::origin::{Origin, Origins};
use super::variables::{self, VariableLayer};
use config::{Config, ConfigError, File, FileFormat, Source};
use secrecy::SecretString;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::str::FromStr;

/// All layers, merged.
#[derive(Debug)]
pub struct Layers {
    merged: Config,
    origins: Origins,
}

impl Layers {
    /// Merges the defaults, the text of `file`, and `environment`.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown key, or a value of the wrong type.
    pub fn merge(file: &str, text: &str, environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let defaults = File::from_str(DEFAULTS, FileFormat::Toml);
        let known = KnownKeys::new(defaults.collect().map_err(|error| without_value(&error, Origin::Unknown))?);
        let entries = document::entries(file, text)?;
        for entry in &entries {
            known.check_entry(entry, &entry.origin(file))?;
        }
        let variables = variables::variables(environment)?;
        for variable in &variables {
            known.check_variable(variable)?;
        }
        let merged = Config::builder()
            .add_source(defaults)
            .add_source(File::from_str(text, FileFormat::Toml))
            .add_source(VariableLayer::new(&variables))
            .build()
            .map_err(|error| without_value(&error, Origin::Unknown))?;
        Ok(Self { merged, origins: Origins::new(file, &entries, &variables) })
    }

    /// The places of all settings that are not defaults.
    pub fn into_origins(self) -> Origins {
        self.origins
    }

    /// The text of `key`.
    pub fn text(&self, key: &str) -> Result<String, SettingsError> {
        self.merged.get_string(key).map_err(|error| without_value(&error, self.origins.of(key)))
    }

    /// The value of `key`, read by `read`; `expected` says what it must be, with an example.
    pub fn read<T>(&self, key: &str, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, SettingsError> {
        read(&self.text(key)?).ok_or_else(|| self.invalid(key, expected))
    }

    /// The value of `key`, by its own `FromStr`.
    pub fn parse<T: FromStr>(&self, key: &str, expected: &str) -> Result<T, SettingsError> {
        self.read(key, expected, |text| text.parse().ok())
    }

    /// The secret `key`, or the text of the file that `<key>_file` names, without the line break at its end.
    pub fn secret(&self, key: &str) -> Result<SecretString, SettingsError> {
        let file_key = format!("{key}_file");
        if !self.origins.is_set(&file_key) {
            return Ok(self.text(key)?.into());
        }
        // A default does not count as given.
        if self.origins.is_set(key) {
            return Err(SettingsError::SecretTwice { origin: self.origins.of(&file_key), key: key.to_owned() });
        }
        Ok(self.secret_file(key, &self.text(&file_key)?)?.into())
    }

    /// The tables of the accounts, by name, each `<key>_file` of a secret replaced by the file's text.
    pub fn accounts(&self) -> Result<Map<String, Value>, SettingsError> {
        let mut accounts: Map<String, Value> = match self.merged.get("accounts") {
            Ok(accounts) => accounts,
            Err(ConfigError::NotFound(_)) => Map::new(),
            Err(error) => return Err(without_value(&error, self.origins.of("accounts"))),
        };
        for (name, account) in &mut accounts {
            let Value::Object(table) = account else { continue };
            let source = table.get("source").and_then(Value::as_str);
            let vendor = sources::VENDORS.iter().find(|vendor| Some(vendor.name) == source);
            for secret in vendor.map_or(&[][..], |vendor| vendor.secrets) {
                let (key, file_key) = (format!("accounts.{name}.{secret}"), format!("{secret}_file"));
                let Some(file) = table.remove(&file_key) else { continue };
                let origin = self.origins.of(&format!("{key}_file"));
                if table.contains_key(*secret) {
                    return Err(SettingsError::SecretTwice { origin, key });
                }
                let Value::String(file) = file else {
                    let expected = "the path of a file, in quotes".to_owned();
                    return Err(SettingsError::Invalid { origin, key: format!("{key}_file"), expected });
                };
                table.insert((*secret).to_owned(), Value::from(self.secret_file(&key, &file)?));
            }
        }
        Ok(accounts)
    }

    fn secret_file(&self, key: &str, file: &str) -> Result<String, SettingsError> {
        let text = std::fs::read_to_string(file).map_err(|error| SettingsError::UnreadableSecret {
            origin: self.origins.of(&format!("{key}_file")),
            key: key.to_owned(),
            file: file.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn invalid(&self, key: &str, expected: &str) -> SettingsError {
        SettingsError::Invalid { origin: self.origins.of(key), key: key.to_owned(), expected: expected.to_owned() }
    }
}

/// An error of the crate `config`, without its own text, which may hold a value.
fn without_value(error: &ConfigError, origin: Origin) -> SettingsError {
    let (key, expected) = match error {
        ConfigError::NotFound(key) => (key.as_str(), "set"),
        ConfigError::Type { key, expected, .. } => (key.as_deref().unwrap_or_default(), *expected),
        ConfigError::At { key, .. } => (key.as_deref().unwrap_or_default(), "readable"),
        _ => ("the settings", "readable"),
    };
    SettingsError::Invalid { origin, key: key.to_owned(), expected: expected.to_owned() }
}
