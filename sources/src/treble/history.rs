//! Parses a session's history: a row for each entry, message or not.

use super::query::Session;
use super::refusal::refusal;
use super::timestamps::normalize_timestamps;
use crate::error_body::ErrorBody;
use crate::json::Json;
use crate::json::array::EntryHandler;
use crate::members::{Mapping, Members, ValueType, same_name};
use crate::row_batcher::RowBatcher;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::item::ItemStatus;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::Cell;
use entities::rows::RowBatch;
use entities::schema::VendorTable;
use entities::treble_messages::Entity;

/// The columns of a message that have the vendor's names.
const MESSAGE: [Mapping; 7] = [
    same_name("type", ValueType::Text),
    same_name("sender", ValueType::Text),
    same_name("text", ValueType::Text),
    same_name("file_url", ValueType::Text),
    same_name("created_at", ValueType::Time),
    same_name("delivered_at", ValueType::Time),
    same_name("read_at", ValueType::Time),
];

/// The history of a session.
#[derive(Debug)]
pub struct History {
    account: String,
    session: Session,
    lookback: TimeDelta,
    batcher: RowBatcher,
    ordinal: i64,
}

impl History {
    /// The history of `session`, which is read again until `lookback` after the session's start.
    pub fn new(account: &str, session: Session, lookback: TimeDelta) -> Self {
        let batcher = RowBatcher::new(Entity::schema());
        Self { account: account.to_owned(), session, lookback, batcher, ordinal: 0 }
    }
}

impl EntryHandler for History {
    fn add(&mut self, entry: Json) -> Result<(), String> {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let entry = normalize_timestamps(entry);
        let mut members = Members::of(entry.clone()).unwrap_or_else(|| Members::single("entry", entry));
        let mut row = self.batcher.row(&self.account);
        row.set_named("session_id", Cell::Text(self.session.id.as_str().into()));
        row.set_named("ordinal", Cell::Int(ordinal));
        row.set_named("session_created_at", Cell::Time(self.session.created));
        let entry_type = members.text("type");
        if let Some(entry_type) = &entry_type {
            members.take("type");
            row.set_named("entry_type", Cell::Text(entry_type.clone().into()));
        }
        let is_message = entry_type.as_deref() == Some("MESSAGE");
        let message = members.object("message").filter(|_| is_message);
        if let Some(mut message) = message {
            members.take("message");
            message.fill(&mut row, &MESSAGE);
            members = message.merged_with(members);
        }
        row.set_named("extra", members.into_extra());
        self.batcher.push(&row).map(|_| ()).map_err(|bad| bad.to_string())
    }

    fn take(&mut self) -> Option<RowBatch> {
        self.batcher.take()
    }

    /// A history does not say whether its session has ended; the list does. A message may be delivered and read after the
    /// end, so the source reads the history once more.
    fn finish(&mut self, count: u64) -> ResponseSummary {
        self.batcher.close();
        let late = Some(self.session.created + self.lookback);
        let found = ItemStatus { version: None, open_until: late, recheck_at: late };
        ResponseSummary { rows: count, item_status: Some(found), ..ResponseSummary::default() }
    }

    fn discard(&mut self) {
        self.batcher.discard();
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Fault {
        refusal(head, body, "Treble has no such session")
    }
}
