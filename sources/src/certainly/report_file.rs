//! Reads the message report as a CSV file, which comes by mail or by hand. The vendor documents neither its columns nor
//! their spelling.

use super::field_names::{FieldName, resolve};
use super::message::{MessageBuilder, MessageError, is_report};
use super::message_rows::MessageRows;
use crate::csv_reader::{CsvRowHandler, RowError};
use crate::json::Json;
use crate::malformed::malformed;
use domain::fault::Fault;
use domain::item::Item;
use entities::rows::RowBatch;

/// A file that is being read.
#[derive(Debug)]
pub struct ReportFile {
    rows: MessageRows,
    /// The name over each column, and the field that it stands for.
    columns: Vec<(String, FieldName)>,
}

impl ReportFile {
    /// A file with rows of one bot.
    pub fn new(rows: MessageRows) -> Self {
        Self { rows, columns: Vec::new() }
    }
}

impl CsvRowHandler for ReportFile {
    fn header(&mut self, names: &[String]) -> Result<(), Fault> {
        let column = |(index, name): (usize, &String)| match name.trim() {
            "" => (format!("column {}", index + 1), FieldName::Unknown),
            name => (name.to_owned(), resolve(name)),
        };
        self.columns = names.iter().enumerate().map(column).collect();
        if is_report(self.columns.iter().map(|(_, field)| field)) {
            return Ok(());
        }
        Err(malformed("not a message report: the first line names no timestamp, or no id"))
    }

    fn row(&mut self, cells: &[String]) -> Result<(), RowError> {
        let mut builder = MessageBuilder::new();
        for ((name, field), cell) in self.columns.iter().zip(cells) {
            builder.add(name, field, Json::Text(cell.clone()));
        }
        let message = builder.finish(self.rows.bot(), true);
        self.rows.store(message).map_err(|error| match error {
            MessageError::Invalid(reason) => RowError::Reject(reason.into_owned()),
            MessageError::OtherBot => RowError::RefuseFile("a row of another bot"),
        })
    }

    /// A cut between the two halves of a doubled quote leaves a cell that looks closed, but JSON in it is incomplete.
    fn accepts_unended(&self, cells: &[String]) -> bool {
        cells.last().is_none_or(|cell| !cell.starts_with(['{', '[']) || Json::parse(cell).is_some())
    }

    fn take(&mut self) -> Option<RowBatch> {
        self.rows.take()
    }

    fn finish(&mut self) -> Vec<Item> {
        self.rows.close();
        Vec::new()
    }

    fn discard(&mut self) {
        self.rows.discard();
    }
}
