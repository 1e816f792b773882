//! Collects rows of one table into batches of bounded size.

use entities::merge_rules::MergeRules;
use entities::rows::{BadRow, Cell, Row, RowBatch};
use entities::schema::TableSchema;
use std::collections::VecDeque;

/// The most rows of a batch.
const MAX_ROWS: usize = 500;
/// The size in bytes from which a batch is full.
const MAX_BYTES: usize = 1024 * 1024;

/// Rows of one table: one batch that is being filled, and the full ones that wait for storage.
#[derive(Debug)]
pub struct RowBatcher {
    open: RowBatch,
    /// Indexes of the replaced rows in the open batch.
    removed: Vec<usize>,
    full: VecDeque<RowBatch>,
    /// How many batches were closed before the open one.
    closed: usize,
}

/// The position of a row: its batch, and its index in the batch.
#[derive(Clone, Copy, Debug)]
pub struct RowPosition {
    batch: usize,
    index: usize,
}

impl RowBatcher {
    /// No rows yet.
    pub fn new(shape: &'static TableSchema) -> Self {
        Self { open: RowBatch::new(shape), removed: Vec::new(), full: VecDeque::new(), closed: 0 }
    }

    /// No rows yet; the rows to come do not know all columns.
    pub fn merging(shape: &'static TableSchema, rules: MergeRules) -> Self {
        Self { open: RowBatch::merging(shape, rules), ..Self::new(shape) }
    }

    /// A row of the table whose account is set.
    pub fn row<'a>(&self, account: &'a str) -> Row<'a> {
        let mut row = Row::new(self.open.schema());
        row.set_named("account", Cell::Text(account.into()));
        row
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Where a cell does not fit its column.
    pub fn push(&mut self, row: &Row<'_>) -> Result<RowPosition, BadRow> {
        self.replace(None, row)
    }

    /// Adds a row that replaces an older one. The older row stays if its batch is closed.
    ///
    /// # Errors
    /// Where a cell does not fit its column; the older row then stays.
    pub fn replace(&mut self, older: Option<RowPosition>, row: &Row<'_>) -> Result<RowPosition, BadRow> {
        let position = RowPosition { batch: self.closed, index: self.open.len() };
        self.open.push(row)?;
        self.removed.extend(older.filter(|older| older.batch == self.closed).map(|older| older.index));
        if self.open.len() >= MAX_ROWS || self.open.size() >= MAX_BYTES {
            self.close();
        }
        Ok(position)
    }

    /// Ends the batch that is being filled, so that [`RowBatcher::take`] returns it.
    pub fn close(&mut self) {
        if !self.open.is_empty() {
            let empty = self.open.emptied();
            let mut batch = std::mem::replace(&mut self.open, empty);
            if !self.removed.is_empty() {
                let empty = batch.emptied();
                let all = std::mem::replace(&mut batch, empty);
                batch.extend_filtered(&all, |row| !self.removed.contains(&row));
                self.removed.clear();
            }
            self.full.push_back(batch);
            self.closed += 1;
        }
    }

    /// Whether a full batch waits.
    pub fn has_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// The next full batch.
    pub fn take(&mut self) -> Option<RowBatch> {
        self.full.pop_front()
    }

    /// Drops all rows, because the response that brought them does not count.
    pub fn discard(&mut self) {
        self.open = self.open.emptied();
        self.removed.clear();
        self.full.clear();
    }

    /// The bytes of all rows.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.open.size() + self.full.iter().map(RowBatch::size).sum::<usize>()
    }
}
