//! Reads the dashboard's Chatbot History as a CSV file, or an operator's own list of ids. The file names processes; the
//! worker fetches each by its id.

use super::query::is_id;
use crate::csv_reader::{CsvRowHandler, RowError};
use crate::malformed::malformed;
use crate::normalize::normalize;
use crate::timestamp;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::fault::Fault;
use domain::item::Item;
use domain::slice::Slice;
use domain::window::Window;
use entities::rows::RowBatch;

/// Normalized names of the id's column in English, Spanish and Portuguese. No document lists them: these are the
/// dashboard's words, and likely ones.
const ID_NAMES: [&str; 7] =
    ["processid", "iddelproceso", "idproceso", "iddeproceso", "iddoprocesso", "idprocesso", "iddeprocesso"];
/// Normalized names of the date's column.
const DATE_NAMES: [&str; 2] = ["creationdate", "createdat"];
/// The same, in languages that write the day before the month.
const DAY_FIRST_DATE_NAMES: [&str; 4] = ["fechadecreacion", "fechacreacion", "datadecriacao", "datacriacao"];

/// A file that is being read.
#[derive(Debug, Default)]
pub struct HistoryFile {
    id: usize,
    date: Option<usize>,
    is_day_first: bool,
    items: Vec<Item>,
}

impl CsvRowHandler for HistoryFile {
    fn header(&mut self, names: &[String]) -> Result<(), Fault> {
        let names: Vec<String> = names.iter().map(|name| normalize(name)).collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let missing = || malformed("neither a Chatbot History nor a list of ids: the first line names no process id");
        self.id = find(&ID_NAMES).ok_or_else(missing)?;
        let by_day = find(&DAY_FIRST_DATE_NAMES);
        self.is_day_first = by_day.is_some();
        self.date = by_day.or(find(&DATE_NAMES));
        // A single column is an operator's own list of ids.
        if self.date.is_none() && names.len() > 1 {
            return Err(malformed("not a Chatbot History: the first line names no creation date"));
        }
        Ok(())
    }

    fn row(&mut self, cells: &[String]) -> Result<(), RowError> {
        let reject = |reason: &str| RowError::Reject(reason.to_owned());
        let cell = |index: usize| cells.get(index).map(|cell| cell.trim()).unwrap_or_default();
        let id = cell(self.id);
        if !is_id(id) {
            return Err(reject("has no valid process id"));
        }
        let bad_date = || reject("has no valid creation date");
        let of = match self.date {
            Some(index) => {
                let at = date(cell(index), self.is_day_first).ok_or_else(bad_date)?;
                Some(Window::new(at, at + TimeDelta::seconds(1)).ok_or_else(bad_date)?)
            }
            None => None,
        };
        self.items.push(Item { slice: Slice::Item(id.to_owned()), scope: of, seen_version: None, has_ended: false });
        Ok(())
    }

    fn take(&mut self) -> Option<RowBatch> {
        None
    }

    fn finish(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items)
    }

    fn discard(&mut self) {
        self.items.clear();
    }
}

/// A date in ISO 8601, or with slashes as in the file's language: `08/12/2026 08:01[:09]`. No document names the zone;
/// UTC is assumed.
fn date(text: &str, is_day_first: bool) -> Option<DateTime<Utc>> {
    if let Some(at) = timestamp::parse(text) {
        return Some(at);
    }
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let numbers: Vec<u32> = day.split('/').map_while(|part| part.parse().ok()).collect();
    let day = match numbers[..] {
        [first, second, year] if first > 12 || is_day_first && second <= 12 => ymd(year, second, first)?,
        [first, second, year] => ymd(year, first, second)?,
        _ => day.parse().ok()?,
    };
    let (time, _) = timestamp::time_of_day(time.trim()).filter(|(_, rest)| rest.is_empty())?;
    timestamp::parse(&day.and_time(time).and_utc().to_rfc3339())
}

fn ymd(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}
