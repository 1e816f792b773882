//! The dashboard's Chatbot History as a CSV file, or somebody's own list of ids. It names processes; what they are is asked
//! for by their ids.

use super::request::is_id;
use crate::grid::Sheet;
use crate::moment::instant;
use crate::plain::plain;
use crate::quote::malformed;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::lead::Lead;
use domain::want::Slice;
use domain::window::Window;
use entities::upsert::Batch;

/// What the columns that count are called in English, Spanish and Portuguese, without case, accents and blanks. No
/// document says: these are the dashboard's words, and likely ones.
const IDS: [&str; 7] =
    ["processid", "iddelproceso", "idproceso", "iddeproceso", "iddoprocesso", "idprocesso", "iddeprocesso"];
const DATES: [&str; 2] = ["creationdate", "createdat"];
/// Where the day comes before the month.
const DATES_BY_DAY: [&str; 4] = ["fechadecreacion", "fechacreacion", "datadecriacao", "datacriacao"];

/// A file that is being read.
#[derive(Debug, Default)]
pub struct History {
    id: usize,
    date: Option<usize>,
    is_day_first: bool,
    leads: Vec<Lead>,
}

impl Sheet for History {
    fn head(&mut self, names: &[String]) -> Result<(), Fault> {
        let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let missing = || malformed("no Chatbot History, and no list of ids: its first line names no process id");
        self.id = find(&IDS).ok_or_else(missing)?;
        let by_day = find(&DATES_BY_DAY);
        self.is_day_first = by_day.is_some();
        self.date = by_day.or(find(&DATES));
        // A lone column is somebody's own list of ids.
        if self.date.is_none() && names.len() > 1 {
            return Err(malformed("no Chatbot History: its first line names no creation date"));
        }
        Ok(())
    }

    fn row(&mut self, cells: &[String]) -> Result<(), &'static str> {
        let cell = |place: usize| cells.get(place).map(|cell| cell.trim()).unwrap_or_default();
        let id = cell(self.id);
        if !is_id(id) {
            return Err("has no id of a process");
        }
        let unread = "has no creation date that could be read";
        let of = match self.date {
            Some(place) => {
                let at = date(cell(place), self.is_day_first).ok_or(unread)?;
                Some(Window::new(at, at + TimeDelta::seconds(1)).ok_or(unread)?)
            }
            None => None,
        };
        self.leads.push(Lead { slice: Slice::Key(id.to_owned()), of, seen: None, has_ended: false });
        Ok(())
    }

    fn take(&mut self) -> Option<Batch> {
        None
    }

    fn finish(&mut self) -> Vec<Lead> {
        std::mem::take(&mut self.leads)
    }

    fn clear(&mut self) {
        self.leads.clear();
    }
}

/// ISO 8601, or as people write it in the file's language: `08/12/2026 08:01[:09]`. Of which zone is not said: UTC's.
fn date(text: &str, is_day_first: bool) -> Option<DateTime<Utc>> {
    if let Some(at) = instant(text) {
        return Some(at);
    }
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let parts: Vec<u32> = day.split('/').map_while(|part| part.parse().ok()).collect();
    let day = match parts[..] {
        [one, two, year] if one > 12 || is_day_first && two <= 12 => ymd(year, two, one)?,
        [one, two, year] => ymd(year, one, two)?,
        _ => day.parse().ok()?,
    };
    let time =
        ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(time.trim(), format).ok())?;
    instant(&day.and_time(time).and_utc().to_rfc3339())
}

fn ymd(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}
