//! Webhooks: events that a vendor posts.

use crate::item::Item;
use secrecy::SecretString;

/// A webhook as it arrived. It proves nothing until the source has verified it.
#[derive(Debug)]
pub struct Webhook<'a> {
    /// The last segment of the path, for a vendor that authenticates by a secret URL.
    pub secret: Option<SecretString>,
    /// The header `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The body, at most 256 KiB.
    pub body: &'a [u8],
}

/// One event of a webhook.
#[derive(Clone, Debug)]
pub struct WebhookEvent<R> {
    /// The event's id, by which a repeated event is recognised; a digest of its content if the vendor gives none.
    pub id: String,
    /// The vendor's name of the event's type.
    pub kind: String,
    /// Rows that the event itself holds.
    pub rows: Vec<R>,
    /// The items to fetch because of the event.
    pub items: Vec<Item>,
}

/// Why a webhook is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookFault {
    /// The webhook does not prove that the vendor sent it.
    #[error("not signed with the account's secret: {0}")]
    Forged(&'static str),
    /// The vendor sent the webhook, but it cannot be parsed.
    #[error("unreadable: {0}")]
    Malformed(String),
    /// The source accepts no webhooks.
    #[error("this vendor sends no webhooks")]
    Unsupported,
}
