//! The vendor's folder in `sources`: settings, rules, request, reader and registration.

use super::table;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::{Limits, Rules};
use domain::slice::Slice;
use domain::source::{Cursor, Reader, Request, ResponseHead, ResponseSummary, Source, Stream};
use entities::rows::{Cell, Row, RowBatch};
use entities::schema::VendorTable;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sources::settings::Settings;
use sources::vendor::{ConfiguredAccount, Examples, Summary, Vendor};
use std::sync::Arc;
use std::time::Duration;

pub const TINY: Vendor = Vendor {
    name: "tiny",
    title: "Tiny",
    secrets: &["token"],
    keys: &["token", "base_url"],
    open,
    summary: Summary {
        data: "events, by time range",
        tables: &["tiny_events"],
        final_when: "re-read after an hour with nothing changed",
        webhooks: None,
    },
    settings_example: "[accounts.tiny]\nsource = \"tiny\"\ntoken_file = \"/run/secrets/tiny\"\n",
    conversations_view: table::CONVERSATIONS,
    examples: Examples {
        settings: r#"{"base_url": "http://127.0.0.1:1"}"#,
        days: 1,
        response: br#"[{"id": "e1", "at": "2026-11-19T10:00:00Z", "text": "hello"}]"#,
        empty_response: b"[]",
        refusals: &[(401, b"no", "unauthorised")],
        file: None,
    },
};

/// The most rows in an answer.
pub const ROW_CAP: usize = 50;

fn open(settings: &mut Settings<'_>) -> Option<ConfiguredAccount> {
    let since = settings.since();
    let token = settings.secret("token");
    let base = settings.text("base_url", "https://tiny.example");
    let row_cap = u64::try_from(ROW_CAP).unwrap_or(u64::MAX);
    let limits = Limits { longest: TimeDelta::days(31), row_cap, max_in_flight: 1, spacing: Duration::ZERO };
    let rules = settings.rules(&Rules { settle: TimeDelta::hours(1), ..Rules::base(&limits) }, &limits)?;
    let source = Arc::new(Tiny { account: settings.account().to_owned(), base: base?, token: token?, rules });
    Some(ConfiguredAccount { source, since })
}

struct Tiny {
    account: String,
    base: String,
    token: SecretString,
    rules: Rules,
}

impl Source<RowBatch> for Tiny {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        TINY.name
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream {
            name: "events".to_owned(),
            table: "tiny_events",
            at: "at",
            partition: None,
            names_all_rows: false,
        }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        Tz::UTC
    }

    fn lane(&self) -> LaneKey {
        LaneKey::new(TINY.name, self.token.expose_secret())
    }

    fn request(&self, _: &str, slice: &Slice, _: Option<&Cursor>) -> Result<Request, Fault> {
        let window = slice.window().ok_or_else(|| Fault::Refused("Tiny answers windows only".to_owned()))?;
        let [from, to] = [window.from(), window.to()].map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let url = format!("{}/events?from={from}&to={to}", self.base);
        Ok(Request::get(url, vec![("x-token".to_owned(), self.token.clone())]))
    }

    fn reader(&self, _: &str, _: &Slice, _: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Ok(Box::new(EventReader { account: self.account.clone(), body: Vec::new(), rows: None }))
    }
}

/// Parses the whole body at its end, because an answer is short.
struct EventReader {
    account: String,
    body: Vec<u8>,
    rows: Option<RowBatch>,
}

impl Reader<RowBatch> for EventReader {
    fn feed(&mut self, _: ResponseHead, chunk: &[u8]) -> Result<(), Fault> {
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    fn take(&mut self) -> Option<RowBatch> {
        self.rows.take()
    }

    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault> {
        match head.status {
            200 => {}
            401 => return Err(Fault::Unauthorised("Tiny refused the token".to_owned())),
            429 => return Err(Fault::Throttled { retry_after: head.retry_after, text: "too fast".to_owned() }),
            status => return Err(Fault::Unreachable(format!("Tiny answered {status}"))),
        }
        let malformed = |why: &str| Fault::Malformed(why.to_owned());
        let events: Vec<Value> = serde_json::from_slice(&self.body).map_err(|_| malformed("not a JSON array"))?;
        let mut rows = RowBatch::new(table::Entity::schema());
        for event in &events {
            let text = |name: &str| event[name].as_str().ok_or_else(|| malformed("an event lacks a text"));
            let at = DateTime::parse_from_rfc3339(text("at")?).map_err(|_| malformed("an event has no time"))?;
            let mut row = Row::new(rows.schema());
            row.set_named("account", Cell::Text(self.account.as_str().into()));
            row.set_named("event_id", Cell::Text(text("id")?.into()));
            row.set_named("at", Cell::Time(at.with_timezone(&Utc)));
            row.set_named("text", Cell::Text(text("text")?.into()));
            rows.push(&row).map_err(|bad| malformed(&bad.to_string()))?;
        }
        let summary = ResponseSummary { rows: u64::try_from(rows.len()).unwrap_or(0), ..ResponseSummary::default() };
        self.rows = Some(rows);
        Ok(summary)
    }
}
