//! Bodies, clocks and settings against the rules in the vendor's README.

mod addresses;
mod answers;
mod chunks;
mod clocks;
mod questions;
mod refusals;
mod rows;

use super::chats;
use super::read::Reading;
use super::report::CHAT_8;
use super::row::Place;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::source::{Head, Reader, Step};
use domain::window::Window;
use entities::tables::wolkvox_chats::Model;
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../fixtures/", $name)).as_slice()
    };
}
pub(super) use fixture;

/// The report's cap in these tests, unless they say otherwise.
const CAP: u64 = 60_000;

fn place() -> Place {
    Place { account: "wolkvox_co".to_owned(), zone: Tz::America__Bogota }
}

fn head(status: u16) -> Head {
    Head { status, retry_after: Some(Duration::from_secs(7)) }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window::new(utc(from), utc(to)).unwrap()
}

/// Everything of an answer that comes in `chunks`.
fn heard<'a>(status: u16, chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<(Step, Vec<Model>), Fault> {
    heard_below(CAP, status, chunks)
}

fn heard_below<'a>(
    cap: u64,
    status: u16,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<(Step, Vec<Model>), Fault> {
    let mut reading = Reading::new(&CHAT_8, place(), cap);
    let mut models = Vec::new();
    for chunk in chunks {
        reading.feed(head(status), chunk)?;
        while let Some(rows) = reading.take_rows() {
            assert!(rows.len() <= 500, "a batch of {}", rows.len());
            models.extend(rows.into_iter().map(|row| chats::model(&place(), row)));
        }
    }
    let step = reading.finish(head(status))?;
    Ok((step, models))
}

/// The rows of a body that is a success.
fn models(body: &[u8]) -> Vec<Model> {
    heard(200, [body]).unwrap().1
}

/// An envelope around `rows`.
fn around(rows: &str) -> String {
    format!(r#"{{"code":200,"error":null,"msg":"x records were found","data":[{rows}]}}"#)
}
