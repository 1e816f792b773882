//! A process as the vendor holds it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A process in one of its states. A text that the vendor leaves out, sends as null or sends empty is `None`; such a
/// list is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Process {
    /// `IDP..`; the key.
    pub process_id: String,
    /// `{phone}-inbound-{hash}`, or `-outbound-`.
    pub account_id: String,
    /// `TCI..`
    pub client_id: String,
    /// `IPF..`
    pub flow_id: String,
    /// `whatsapp` or `web`.
    pub created_via: String,
    /// The flow's version.
    pub flow_version: u32,
    /// `ALL` or a country.
    pub country: String,
    /// `pending`, `success`, `failure`, or a word that no document names.
    pub status: String,
    /// Why it failed, in a word.
    pub failure_status: Option<String>,
    /// Why it failed, in a code.
    pub declined_reason: Option<String>,
    /// The customer's answers so far. Names repeat.
    pub user_responses: Vec<UserResponse>,
    /// The last step that was answered, as JSON.
    pub last_finished_step: Option<Value>,
    /// Checks of the customer's identity, where the flow has them.
    pub validations: Vec<Validation>,
    /// When it began.
    pub creation_date: DateTime<Utc>,
    /// When it last changed.
    pub update_date: DateTime<Utc>,
    /// Mostly `unknown`.
    pub ip_address: String,
    /// The trigger, as JSON.
    pub trigger_info: Value,
    /// Probably in minutes.
    pub time_to_live: u32,
    /// Steps answered so far.
    pub current_step_index: u32,
}

/// An answer of the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserResponse {
    /// The name of the question; not unique.
    pub name: String,
    /// `text`, `select`, ..
    #[serde(rename = "type")]
    pub kind: String,
    /// The answer.
    pub value: String,
}

/// A check of the customer's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// `VLD..`
    pub validation_id: String,
    /// `document-validation`, ..
    #[serde(rename = "type")]
    pub kind: String,
    /// `pending`, `success` or `failure`.
    pub validation_status: String,
}

impl Process {
    /// The customer's phone: the first part of the account's id.
    #[must_use]
    pub fn phone(&self) -> &str {
        self.account_id.split('-').next().unwrap_or_default()
    }
}
