#![doc = include_str!("README.md")]

mod address;
mod chats;
mod duration;
mod envelope;
mod json;
mod read;
pub(crate) mod refusal;
mod report;
mod request;
mod row;
mod rules;
mod settings;
mod wall;

#[cfg(test)]
mod tests;

use crate::Vendor;
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::want::Slice;
use domain::window::Window;
use entities::upsert::Batch;
use read::Reading;
use report::{REPORTS, Report};
use row::Place;
use secrecy::{ExposeSecret, SecretString};

/// Wolkvox, as it is registered.
pub const VENDOR: Vendor =
    Vendor { name: NAME, title: "Wolkvox", secrets: &["token"], keys: settings::KEYS, open: settings::open };

const NAME: &str = "wolkvox";

/// One account at Wolkvox: an operation's server and a token for it.
#[derive(Debug)]
pub struct Wolkvox {
    account: String,
    base: String,
    token: SecretString,
    server: Option<ServerHeader>,
    zone: Tz,
    rules: Rules,
}

/// The further header by which some of the vendor's clients name the server.
#[derive(Debug)]
struct ServerHeader {
    name: String,
    digits: String,
}

impl Source<Batch> for Wolkvox {
    fn account(&self) -> &str {
        &self.account
    }

    fn vendor(&self) -> &'static str {
        NAME
    }

    fn streams(&self) -> Vec<Stream> {
        let stream =
            |report: &Report| Stream { name: report.api.to_owned(), table: report.table, at: report.at, part: None };
        REPORTS.iter().map(stream).collect()
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        self.zone
    }

    /// "The same token cannot be consumed simultaneously": so the lane is the token's, whatever the server.
    fn lane(&self) -> LaneKey {
        LaneKey::of(NAME, self.token.expose_secret())
    }

    fn ask(&self, stream: &str, slice: &Slice, cursor: Option<&Cursor>) -> Result<Request, Fault> {
        let (report, window) = known(stream, slice)?;
        if cursor.is_some() {
            return Err(Fault::Refused("Wolkvox answers a window at once; there is nothing to go on with".to_owned()));
        }
        request::request(self, report, window)
    }

    fn reader(&self, stream: &str, slice: &Slice, _: Option<&Cursor>) -> Result<Box<dyn Reader<Batch>>, Fault> {
        let (report, _) = known(stream, slice)?;
        let place = Place { account: self.account.clone(), zone: self.zone };
        Ok(Box::new(Reading::new(report, place, self.rules.row_cap)))
    }
}

fn known(stream: &str, slice: &Slice) -> Result<(&'static Report, Window), Fault> {
    let report = REPORTS.iter().find(|report| report.api == stream);
    let report = report.ok_or_else(|| Fault::Refused(format!("Wolkvox has no stream {stream:?} here")))?;
    let window = slice.window();
    let window = window.ok_or_else(|| Fault::Refused("Wolkvox is asked by windows of time only".to_owned()))?;
    Ok((report, window))
}
