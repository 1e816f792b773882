//! Responses, local times and settings against the rules in the vendor's README.

mod chunks;
mod clocks;
mod polls;
mod queries;
mod quotas;
mod refusals;
mod responses;
mod rows;

use super::chat::ChatMapper;
use super::chat_report::ChatReport;
use crate::response_reader::ResponseReader;
use crate::test_support::{StoredRow, head, read, stored_rows, utc, window};
use chrono::DateTime;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::source::{Reader, ResponseSummary};
use entities::wolkvox_chats::Model;
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

/// The row cap in these tests, unless they say otherwise.
const CAP: u64 = 60_000;

fn mapper() -> ChatMapper {
    ChatMapper { account: "wolkvox_co".to_owned(), zone: Tz::America__Bogota }
}

fn reader(mapper: ChatMapper, row_cap: u64) -> ResponseReader<ChatReport> {
    ResponseReader::new(ChatReport::new(mapper, row_cap))
}

/// The step and the rows of a response that comes in `chunks`.
fn response<'a>(
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(ResponseSummary, Vec<Model>), Fault> {
    response_with_cap(CAP, status, chunks)
}

fn response_with_cap<'a>(
    cap: u64,
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(ResponseSummary, Vec<Model>), Fault> {
    let (step, batches) = read(reader(mapper(), cap), head(status), chunks)?;
    Ok((step, batches.iter().flat_map(stored_rows).map(|row| model(&row)).collect()))
}

/// A stored row as the table's model.
fn model(row: &StoredRow) -> Model {
    let text = |name: &str| row.get(name).cloned().unwrap_or_default();
    let number = |name: &str| row.get(name).map(|value| value.parse().unwrap());
    let time = |name: &str| row.get(name).map(|value| utc(value));
    Model {
        account: text("account"),
        conn_id: text("conn_id"),
        session_id: text("session_id"),
        times_chatted: number("times_chatted"),
        start_date: text("start_date"),
        end_date: text("end_date"),
        time_on_chatbot: text("time_on_chatbot"),
        rp_id: text("rp_id"),
        channel: text("channel"),
        go_to_agent: text("go_to_agent"),
        customer_phone: text("customer_phone"),
        customer_name: text("customer_name"),
        agent_id: text("agent_id"),
        agent_name: text("agent_name"),
        time_with_agent: text("time_with_agent"),
        total_time: text("total_time"),
        customer_chars: number("customer_chars"),
        agent_chars: number("agent_chars"),
        total_chars: number("total_chars"),
        asa: text("asa"),
        last_sender: text("last_sender"),
        customer_id: text("customer_id"),
        customer_email: text("customer_email"),
        start_at: time("start_at"),
        end_at: time("end_at"),
        time_on_chatbot_seconds: number("time_on_chatbot_seconds"),
        time_with_agent_seconds: number("time_with_agent_seconds"),
        total_time_seconds: number("total_time_seconds"),
        asa_seconds: number("asa_seconds"),
        extra: serde_json::from_str(&text("extra")).unwrap(),
        digest: text("digest"),
        synced_at: DateTime::UNIX_EPOCH,
        gone_at: None,
    }
}

/// The rows of a successful response.
fn models(body: &[u8]) -> Vec<Model> {
    response(200, [body]).unwrap().1
}

/// A successful response around `rows`.
fn envelope(rows: &str) -> String {
    format!(r#"{{"code":200,"error":null,"msg":"x records were found","data":[{rows}]}}"#)
}
