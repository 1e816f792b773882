//! Errors in the settings. None of them holds a value: any value may be a secret that was typed into the wrong place.

use super::origin::Origin;
use thiserror::Error;

/// A reason why the settings cannot be used. Its text names the place and the key, and says what to write.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {file}: {reason}; check the path and its permissions")]
    UnreadableFile {
        /// The file's path.
        file: String,
        /// The operating system's reason.
        reason: String,
    },
    /// There is neither a settings file nor a variable.
    #[error(
        "no convosync.toml in this folder; write one (`convosync config` prints every setting), or name it with --config FILE"
    )]
    NoSettings,
    /// The settings file is not TOML.
    #[error("{origin}not valid TOML: {reason}; correct this line, and write text in quotes")]
    Syntax {
        /// The line.
        origin: Origin,
        /// The parser's reason, which quotes nothing from the file.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{origin}unknown setting {key}; {hint}")]
    UnknownKey {
        /// The file's line, or the variable.
        origin: Origin,
        /// The key, with its section.
        key: String,
        /// The nearest known key, or all known keys.
        hint: String,
    },
    /// An environment variable whose name cannot be a setting.
    #[error("unknown variable {variable}; write {form}")]
    UnknownVariable {
        /// The variable's name.
        variable: String,
        /// The forms that exist.
        form: String,
    },
    /// A value of the wrong type or form.
    #[error("{origin}{key} must be {expected}")]
    Invalid {
        /// The file's line, or the variable.
        origin: Origin,
        /// The key, with its section.
        key: String,
        /// What the value must be, with an example.
        expected: String,
    },
    /// A secret that is given twice: as text and as a file.
    #[error("{origin}{key}_file and {key} are both set; write only one of them")]
    SecretTwice {
        /// The line or the variable of the file's name.
        origin: Origin,
        /// The secret's key, with its section.
        key: String,
    },
    /// A secret's file that cannot be read.
    #[error("{origin}{key}_file: cannot read {file}: {reason}; check the path and its permissions")]
    UnreadableSecret {
        /// The line or the variable of the file's name.
        origin: Origin,
        /// The secret's key, with its section.
        key: String,
        /// The file's path.
        file: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A problem in an account's table, found by its source.
    #[error("{origin}{problem}")]
    Account {
        /// The file's line, or the variable.
        origin: Origin,
        /// The source's own description.
        problem: Box<sources::SettingsProblem>,
    },
    /// Values that cannot be used together.
    #[error("{origin}{key}: {reason}")]
    Conflict {
        /// The file's line, or the variable.
        origin: Origin,
        /// The key to change.
        key: &'static str,
        /// The reason, and what to write.
        reason: String,
    },
    /// Several errors, one per line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<SettingsError>),
}
