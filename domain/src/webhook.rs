//! What vendors deliver by themselves.

use crate::item::Item;
use secrecy::SecretString;

/// A webhook as it arrived. Nothing of it is to be believed before the source has said so.
#[derive(Debug)]
pub struct Webhook<'a> {
    /// The last part of the path, where the vendor can only be given an address that holds a secret.
    pub secret: Option<SecretString>,
    /// What the header `Content-Type` said.
    pub content_type: Option<&'a str>,
    /// The body, 1 MiB at most.
    pub body: &'a [u8],
}

/// One thing that a webhook tells.
#[derive(Clone, Debug)]
pub struct WebhookEvent<R> {
    /// The vendor's id for it, by which one that comes twice is known; made of its content where the vendor gives none.
    pub id: String,
    /// The vendor's word for what happened.
    pub kind: String,
    /// Rows that the event itself brings.
    pub rows: Vec<R>,
    /// What to ask for because of it.
    pub items: Vec<Item>,
}

/// Why a webhook is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFault {
    /// It does not prove where it comes from.
    #[error("not signed with the account's secret: {0}")]
    Forged(&'static str),
    /// It comes from the vendor, and cannot be read.
    #[error("unreadable: {0}")]
    Malformed(String),
    /// The source takes none.
    #[error("this vendor sends no webhooks")]
    Unsupported,
}
