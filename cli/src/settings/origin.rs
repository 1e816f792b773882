//! The place where a setting was written, for error texts.

use super::document::Entry;
use super::variables::Variable;
use std::collections::BTreeMap;
use std::fmt;

/// The place where a setting was written. It displays as a prefix: `convosync.toml, line 7: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The built-in defaults, or several places.
    Unknown,
    /// A line of the settings file, counted from 1.
    Line {
        /// The file's path.
        file: String,
        /// The line.
        line: usize,
    },
    /// An environment variable, by its name.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::Line { file, line } => write!(f, "{file}, line {line}: "),
            Self::Variable(name) => write!(f, "{name}: "),
        }
    }
}

/// The places of all settings that are not defaults, by key: `server.bind`, `accounts.shop.token`.
#[derive(Debug)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// The places of a file's entries and, over them, of the variables.
    pub fn new(file: &str, entries: &[Entry], variables: &[Variable]) -> Self {
        let lines = entries.iter().map(|entry| (entry.path.join("."), entry.origin(file)));
        let variables = variables.iter().map(|variable| (variable.key(), variable.origin()));
        Self(lines.chain(variables).collect())
    }

    /// Whether a file or a variable sets `key`.
    pub fn is_set(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The place of `key`; for an absent key, the place of its table.
    pub fn of(&self, key: &str) -> Origin {
        let table = || key.rsplit_once('.').and_then(|(table, _)| self.0.get(table));
        self.0.get(key).or_else(table).cloned().unwrap_or(Origin::Unknown)
    }
}
