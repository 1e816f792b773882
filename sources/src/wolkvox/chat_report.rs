//! Parses a response with the report `chat_8`: `{"code": …, "error": …, "msg": …, "data": [ … ]}` in any order.

use super::chat::{Age, Chat, ChatMapper};
use super::refusal::{refusal, refusal_of_body};
use crate::error_body::ErrorBody;
use crate::json::sequence::{JsonEvent, JsonSequence, Layout};
use crate::json::string;
use crate::malformed::malformed;
use crate::reject_log::RejectLog;
use crate::response_reader::BodyParser;
use crate::row_batcher::{RowBatcher, RowPosition};
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use entities::schema::VendorTable;
use entities::wolkvox_chats::Entity;
use std::collections::HashMap;

/// The longest row in bytes. Usual rows have 700.
const MAX_ROW: usize = 1024 * 1024;
/// The parser looks at this many bytes at a time.
const PIECE: usize = 64 << 10;
/// The most chats whose age the parser remembers: the vendor's row cap.
const MAX_CHATS: usize = 60_000;

/// A response that is being parsed.
#[derive(Debug)]
pub struct ChatReport {
    row_cap: u64,
    sequence: JsonSequence,
    envelope: Envelope,
    rows: ChatRows,
}

/// The members of the response besides its rows.
#[derive(Debug, Default)]
struct Envelope {
    code: Option<String>,
    error: String,
    msg: String,
    /// Whether `data` holds neither rows nor `null`.
    has_invalid_data: bool,
}

/// The rows of the response. A chat may come in several states; an older one is never stored after a newer one.
#[derive(Debug)]
struct ChatRows {
    mapper: ChatMapper,
    count: u64,
    batcher: RowBatcher,
    rejects: RejectLog,
    /// The newest state of each chat so far, by the hash of its id.
    newest: HashMap<u128, (Age, RowPosition)>,
}

impl ChatReport {
    /// A response of which nothing has arrived yet. A response with `row_cap` rows is cut off by the vendor.
    pub fn new(mapper: ChatMapper, row_cap: u64) -> Self {
        let rows = ChatRows {
            mapper,
            count: 0,
            batcher: RowBatcher::new(Entity::schema()),
            rejects: RejectLog::default(),
            newest: HashMap::new(),
        };
        let sequence = JsonSequence::new(Layout::Envelope("data"), MAX_ROW);
        Self { row_cap, sequence, envelope: Envelope::default(), rows }
    }

    fn parse(&mut self, is_last: bool) -> Result<(), Fault> {
        let Self { sequence, envelope, rows, .. } = self;
        sequence.parse::<Chat<'_>>(is_last, |event| match event {
            JsonEvent::Value(raw, chat) => rows.add(raw, chat.as_ref()),
            JsonEvent::Member(name, value) => envelope.add(name, value),
        })
    }

    /// Whether a success is complete. A response with fewer rows than it states was cut off on the way; at the cap that
    /// is expected.
    fn check(&self) -> Result<(), Fault> {
        let count = self.rows.count;
        if self.envelope.has_invalid_data {
            return Err(malformed("data is not a list of rows"));
        }
        if count == 0 && !self.envelope.error.trim().is_empty() {
            return Err(malformed("a success without rows that names an error"));
        }
        match self.envelope.stated_rows() {
            Some(stated) if count < stated && count < self.row_cap => {
                Err(malformed(format!("the response states {stated} rows and holds {count}")))
            }
            _ => Ok(()),
        }
    }
}

impl BodyParser for ChatReport {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        for piece in chunk.chunks(PIECE) {
            self.sequence.push(piece)?;
            if self.sequence.is_ready() {
                self.parse(false)?;
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<RowBatch>, Fault> {
        Ok(self.rows.batcher.take())
    }

    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.parse(true)?;
        let count = self.rows.count;
        match self.envelope.code.as_deref() {
            None => return Err(malformed("a response without a code")),
            // The vendor's samples have 200 as a number and as a text, and one has "0".
            Some("200" | "0") => self.check()?,
            Some(code) => match code.parse() {
                Ok(404) if count > 0 => return Err(malformed("rows under the code 404")),
                Ok(code) => {
                    let texts = [self.envelope.error.as_str(), self.envelope.msg.as_str()];
                    refusal(code, &format!("code {code} under HTTP 200"), head, &texts)?;
                }
                Err(_) => return Err(malformed("an unknown code")),
            },
        }
        self.rows.batcher.close();
        Ok(ResponseSummary { rows: count, rejects: self.rows.rejects.take(), ..ResponseSummary::default() })
    }

    fn discard(&mut self) {
        self.rows.batcher.discard();
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        if head.status == 404 && body.is_html() {
            return Err(malformed("HTML page instead of JSON, under the status 404"));
        }
        refusal_of_body(head, body).map(|()| ResponseSummary::default())
    }
}

impl Envelope {
    fn add(&mut self, name: &str, value: &str) {
        let text = || string::decode(value).unwrap_or_else(|| value.into());
        match name {
            "code" if value == "null" => self.code = Some(String::new()),
            "code" => self.code = Some(text().trim().to_owned()),
            "data" => self.has_invalid_data = value != "null",
            "error" if value.starts_with('"') => self.error = text().into_owned(),
            "msg" if value.starts_with('"') => self.msg = text().into_owned(),
            _ => {}
        }
    }

    /// The number of rows that `msg` states: "3 records were found".
    fn stated_rows(&self) -> Option<u64> {
        let mut words = self.msg.split_whitespace();
        let number = words.next()?.parse().ok()?;
        words.next()?.to_ascii_lowercase().starts_with("record").then_some(number)
    }
}

impl ChatRows {
    /// Takes one element of `data`.
    fn add(&mut self, raw: &[u8], chat: Option<&Chat<'_>>) {
        self.count += 1;
        let mapped = match chat {
            Some(chat) => self.mapper.map(chat),
            None if std::str::from_utf8(raw).is_err() => Err("has bytes that are not UTF-8"),
            None => Err("is not an object"),
        };
        let result = match mapped {
            Ok(chat) => match self.newest.get(&chat.id).copied() {
                Some((age, _)) if chat.age < age => Ok(()),
                older => match self.batcher.replace(older.map(|(_, position)| position), &chat.row) {
                    Ok(position) => {
                        if older.is_some() || self.newest.len() < MAX_CHATS {
                            self.newest.insert(chat.id, (chat.age, position));
                        }
                        Ok(())
                    }
                    Err(bad) => Err(bad.to_string()),
                },
            },
            Err(reason) => Err(reason.to_owned()),
        };
        if let Err(reason) = result {
            self.rejects.push(format!("row {} {reason}", self.count), raw);
        }
    }
}
