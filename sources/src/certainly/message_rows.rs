//! The rows of one bot that a response or a file brings.

use super::message::{Message, MessageError};
use crate::reject_log::RejectLog;
use crate::row_batcher::RowBatcher;
use domain::fault::Fault;
use entities::certainly_messages::Entity;
use entities::merge_rules::MergeRules;
use entities::rows::RowBatch;
use entities::schema::VendorTable;

/// Rows of one bot.
#[derive(Debug)]
pub struct MessageRows {
    account: String,
    bot: String,
    batcher: RowBatcher,
    /// The number of rows that the vendor sent.
    pub count: u64,
    /// The rows that could not be read.
    pub rejects: RejectLog,
}

impl MessageRows {
    /// No rows yet.
    pub fn new(account: &str, bot: &str) -> Self {
        let (account, bot, batcher) = (account.to_owned(), bot.to_owned(), RowBatcher::new(Entity::schema()));
        Self { account, bot, batcher, count: 0, rejects: RejectLog::default() }
    }

    /// Lets the rows to come meet stored rows by `rules`, because they do not know all columns.
    pub fn merge_by(&mut self, rules: MergeRules) {
        self.batcher = RowBatcher::merging(Entity::schema(), rules);
    }

    /// The bot's id.
    pub fn bot(&self) -> &str {
        &self.bot
    }

    /// Adds a row. A rejected row is kept with `label` and `raw`.
    ///
    /// # Errors
    /// Where the row belongs to another bot.
    pub fn add(&mut self, message: Result<Message, MessageError>, label: &str, raw: &str) -> Result<(), Fault> {
        self.count += 1;
        match self.store(message) {
            Err(MessageError::OtherBot) => Err(Fault::Refused(format!("{label}: a row of another bot"))),
            Err(MessageError::Invalid(reason)) => {
                self.rejects.push(format!("{label} {reason}"), raw.as_bytes());
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Adds a row to the open batch.
    ///
    /// # Errors
    /// Why the message cannot be stored.
    pub fn store(&mut self, message: Result<Message, MessageError>) -> Result<(), MessageError> {
        let row = message?.row(&self.account, &self.bot);
        let stored = self.batcher.push(&row).map(|_| ());
        stored.map_err(|bad| MessageError::Invalid(bad.to_string().into()))
    }

    /// The next full batch.
    pub fn take(&mut self) -> Option<RowBatch> {
        self.batcher.take()
    }

    /// Ends the last batch.
    pub fn close(&mut self) {
        self.batcher.close();
    }

    /// All batches.
    pub fn finish(&mut self) -> Vec<RowBatch> {
        self.batcher.close();
        std::iter::from_fn(|| self.batcher.take()).collect()
    }

    /// Drops all rows: the response or file does not count.
    pub fn discard(&mut self) {
        self.batcher.discard();
    }
}
