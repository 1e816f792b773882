//! Files, lists, days and settings against the rules in the vendor's README.

mod chunks;
mod day_files;
mod file_lists;
mod file_urls;
mod memory;
mod queries;
mod refusals;
mod rows;
mod settings;
mod spellings;

use super::conversation::ConversationMapper;
use super::day_file::DayFile;
use super::file_cursor::FileCursor;
use super::file_list::FileList;
use crate::json::body::JsonBody;
use crate::response_reader::ResponseReader;
use crate::test_support::{StoredRow, head, read, stored_rows, utc, window};
use crate::{ConfiguredAccount, open};
use domain::fault::Fault;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, ResponseSummary};
use serde_json::{Map, Value, json};
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

const KEY: &str = "7b69-secret-4f6d";
const BOT: &str = "6a41cee6fbfda88b1060d653";
const OTHER: &str = "6a41cee6fbfda88b1060d654";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = json!({"source": "ultimate", "token": KEY, "organization_id": "5f00cee6fbfda88b1060d001",
        "bot_ids": [BOT, OTHER], "base_url": "https://api.ultimate.ai"});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let members = settings.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    members.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn opened(more: &Value) -> ConfiguredAccount {
    open("ultimate_eu", &settings(more)).unwrap()
}

fn problems(more: &Value) -> Vec<String> {
    open("ultimate_eu", &settings(more)).unwrap_err().iter().map(ToString::to_string).collect()
}

fn day() -> Slice {
    Slice::Window(window("2026-09-29T00:00:00Z", "2026-09-30T00:00:00Z"))
}

fn files(count: usize, next: usize) -> FileCursor {
    let urls = (0..count).map(|number| format!("https://storage.example.com/{number}.json?Signature=first")).collect();
    FileCursor { urls, next, fresh: false, again: false }
}

fn mapper() -> ConversationMapper {
    ConversationMapper { account: "ultimate_eu".to_owned(), bot: BOT.to_owned() }
}

/// The cursor of a step.
fn cursor(step: &ResponseSummary) -> Option<FileCursor> {
    FileCursor::parse(step.cursor.as_ref()).unwrap()
}

/// The step and the rows of a file that comes in `chunks`.
fn day_file<'a>(
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(ResponseSummary, Vec<StoredRow>), Fault> {
    let (step, batches) = read(reader(files(1, 0)), head(status), chunks)?;
    Ok((step, batches.iter().flat_map(stored_rows).collect()))
}

fn reader(files: FileCursor) -> ResponseReader<DayFile> {
    ResponseReader::new(DayFile::new(mapper(), files))
}

/// The rows of a complete file.
fn rows(body: &str) -> Vec<StoredRow> {
    day_file(200, [body.as_bytes()]).unwrap().1
}

/// The only row of a file with these members.
fn row(members: &str) -> StoredRow {
    let mut rows = rows(&format!("[{{\"conversation_id\":\"1\",{members}}}]"));
    assert_eq!(rows.len(), 1, "{members}");
    rows.remove(0)
}

/// The value of `column`.
fn get<'r>(row: &'r StoredRow, column: &str) -> Option<&'r str> {
    row.get(column).map(String::as_str)
}

/// The cursor after a list that comes in `chunks`.
fn file_list<'a>(
    first: Option<FileCursor>,
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<FileCursor>, Fault> {
    let reader = ResponseReader::new(JsonBody::new(FileList::new(first, false)));
    let (step, batches) = read(reader, head(status), chunks)?;
    assert!(batches.is_empty());
    assert_eq!(step, ResponseSummary { cursor: step.cursor.clone(), ..ResponseSummary::default() });
    Ok(cursor(&step))
}
