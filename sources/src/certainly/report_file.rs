//! Reads the message report as a CSV file, which comes by mail or by hand. The vendor documents neither its columns nor
//! their spelling.

use super::field_names::{FieldName, resolve};
use super::fields::FIELDS;
use super::message::{MessageBuilder, MessageError, is_report};
use super::message_rows::MessageRows;
use crate::csv_reader::{CsvRowHandler, RowError};
use crate::json::Json;
use crate::malformed::malformed;
use domain::fault::Fault;
use domain::item::Item;
use entities::certainly_messages::Entity;
use entities::merge_rules::{MergeRule, MergeRules};
use entities::rows::RowBatch;
use entities::schema::VendorTable;

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
            if let Some(rules) = merge_rules(&self.columns) {
                self.rows.merge_by(rules);
            }
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

/// How the rows of a file with `columns` meet stored messages, of which a response may know more; `None` if the file has
/// every field.
fn merge_rules(columns: &[(String, FieldName)]) -> Option<MergeRules> {
    // An object may hold any of its members.
    let is_open = columns.iter().any(|(_, field)| matches!(field, FieldName::Object(_)));
    let is_known = |index: usize| columns.iter().any(|(_, field)| *field == FieldName::Field(index));
    let (known, unknown): (Vec<usize>, Vec<usize>) = (0..FIELDS.len()).partition(|index| is_known(*index));
    if is_open || unknown.is_empty() {
        return None;
    }
    let is_partly_known =
        |index: &usize| columns.iter().any(|(_, field)| matches!(field, FieldName::Path(part, _) if part == index));
    let names =
        |indexes: Vec<usize>| indexes.into_iter().filter_map(|index| FIELDS.get(index)).map(|field| field.column);
    let partly = unknown.into_iter().filter(is_partly_known).collect();
    let rules = MergeRules::keep_all(Entity::schema()).with(MergeRule::Replace, names(known));
    Some(rules.with(MergeRule::FillNull, names(partly).chain(["extra"])))
}
