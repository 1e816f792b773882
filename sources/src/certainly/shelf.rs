//! Rows of one answer or file: those that wait to be taken, and what is kept of those that could not be read.

use super::message::{Message, Unread};
use domain::fault::Fault;
use domain::source::Reject;
use entities::rows::Rows;
use entities::shape::Table;
use entities::tables::certainly_messages::Entity;
use entities::upsert::Batch;
use std::collections::VecDeque;

/// Rows handed over at once, and the room they take.
const BATCH: (usize, usize) = (500, 1024 * 1024);
/// The most that is kept of one row that could not be read, and of all of them together.
const RAW: (usize, usize) = (16 * 1024, 1024 * 1024);
/// The most rows that are kept aside.
const REJECTS: usize = 60_000;

/// Rows of one bot.
#[derive(Debug)]
pub struct Shelf {
    account: String,
    bot: String,
    /// How many the vendor sent.
    pub count: u64,
    /// What could not be read.
    pub rejects: Vec<Reject>,
    rejected_bytes: usize,
    rows: Rows,
    full: VecDeque<Rows>,
}

impl Shelf {
    /// An empty one.
    pub fn new(account: &str, bot: &str) -> Self {
        let (account, bot) = (account.to_owned(), bot.to_owned());
        let (rows, full) = (Rows::new(Entity::shape()), VecDeque::new());
        Self { account, bot, count: 0, rejects: Vec::new(), rejected_bytes: 0, rows, full }
    }

    /// The bot.
    pub fn bot(&self) -> &str {
        &self.bot
    }

    /// Takes a row, called `label`, of which `raw` is what came.
    ///
    /// # Errors
    /// Where it is another bot's.
    pub fn add(&mut self, read: Result<Message, Unread>, label: &str, raw: &str) -> Result<(), Fault> {
        self.count += 1;
        match read {
            Ok(message) => match self.rows.push(&message.row(&self.account, &self.bot)) {
                Ok(()) => {}
                Err(bad) => self.reject(format!("{label}: {bad}"), raw),
            },
            Err(Unread::Reason(reason)) => self.reject(format!("{label} {reason}"), raw),
            Err(Unread::Stranger) => return Err(Fault::Refused(format!("{label}: rows of another bot"))),
        }
        if self.rows.len() >= BATCH.0 || self.rows.size() >= BATCH.1 {
            self.close();
        }
        Ok(())
    }

    /// Takes a row that is none.
    pub fn add_unread(&mut self, reason: String, raw: &str) {
        self.count += 1;
        self.reject(reason, raw);
    }

    fn reject(&mut self, reason: String, raw: &str) {
        if self.rejects.len() >= REJECTS {
            return;
        }
        let room = RAW.0.min(RAW.1 - self.rejected_bytes);
        let raw = raw.get(..raw.floor_char_boundary(room)).unwrap_or_default().to_owned();
        self.rejected_bytes += raw.len();
        self.rejects.push(Reject { reason, raw });
    }

    /// No more rows are to come into this batch.
    pub fn close(&mut self) {
        if !self.rows.is_empty() {
            self.full.push_back(std::mem::replace(&mut self.rows, Rows::new(Entity::shape())));
        }
    }

    /// Gives the rows up: they belong to something that does not count.
    pub fn clear(&mut self) {
        self.close();
        self.full.clear();
    }

    /// The next batch.
    pub fn take(&mut self) -> Option<Batch> {
        self.full.pop_front()
    }
}
