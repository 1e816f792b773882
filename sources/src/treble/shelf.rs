//! Rows of one table that wait to be taken.

use entities::rows::{BadRow, Row, Rows};
use entities::shape::Shape;
use std::collections::VecDeque;

/// Rows handed over at once, and the room they take.
const BATCH: (usize, usize) = (500, 1024 * 1024);

/// Rows of one table.
#[derive(Debug)]
pub struct Shelf {
    rows: Rows,
    full: VecDeque<Rows>,
}

impl Shelf {
    /// An empty one.
    pub fn new(shape: &'static Shape) -> Self {
        Self { rows: Rows::new(shape), full: VecDeque::new() }
    }

    /// A row of its table that says whose it is.
    pub fn row<'a>(&self, account: &'a str) -> Row<'a> {
        let mut row = Row::new(self.rows.shape());
        row.put("account", entities::rows::Cell::Text(account.into()));
        row
    }

    /// Takes a row.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), BadRow> {
        self.rows.push(row)?;
        if self.rows.len() >= BATCH.0 || self.rows.size() >= BATCH.1 {
            self.close();
        }
        Ok(())
    }

    /// No more rows are to come into this batch.
    pub fn close(&mut self) {
        if !self.rows.is_empty() {
            let empty = Rows::new(self.rows.shape());
            self.full.push_back(std::mem::replace(&mut self.rows, empty));
        }
    }

    /// The next batch.
    pub fn take(&mut self) -> Option<Rows> {
        self.full.pop_front()
    }

    /// Gives the rows up: they belong to something that does not count.
    pub fn clear(&mut self) {
        self.close();
        self.full.clear();
    }
}
