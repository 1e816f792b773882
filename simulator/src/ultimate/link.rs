//! The addresses of files: signed, and good for a time.

use super::conversation::Version;
use super::draw::hashed;
use super::export::Part;
use super::truth::Truth;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;

/// A file and until when it may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) part: Part,
    pub(super) version: Version,
    pub(super) expires: DateTime<Utc>,
}

/// A file's address, in the pieces that the route takes it apart into.
pub(super) type Place = (String, String, String, String);

/// The route of files.
pub(super) const ROUTE: &str = "/file-host/{bot}/{version}/{day}/{name}";

impl Link {
    /// The address below the host.
    pub(super) fn written(&self, truth: &Truth) -> String {
        let bot = truth.bots.get(self.part.bot).map_or("", |bot| bot.id.as_str());
        let Part { day, number, .. } = self.part;
        let expires = self.expires.timestamp_millis();
        let signature = self.signature(truth);
        // A grown file is another generation of the same object, as in an object store.
        let generation = if self.part.short { 1 } else { 2 };
        let version = self.version.name();
        format!(
            "/file-host/{bot}/{version}/{day}/file-{number:012}.json?Expires={expires}&generation={generation}&Signature={signature}"
        )
    }

    /// The link that an address stands for; `None` where it was not signed here.
    pub(super) fn read(truth: &Truth, place: &Place, query: &HashMap<String, String>) -> Option<Self> {
        let (bot, version, day, name) = place;
        let number = name.strip_prefix("file-")?.strip_suffix(".json")?.parse().ok()?;
        let day: NaiveDate = day.parse().ok()?;
        let short = query.get("generation").is_some_and(|generation| generation == "1");
        let part = Part { bot: truth.bot(bot)?, day, number, short };
        let expires = DateTime::from_timestamp_millis(query.get("Expires")?.parse().ok()?)?;
        let link = Self { part, version: Version::named(version)?, expires };
        (query.get("Signature")? == &link.signature(truth)).then_some(link)
    }

    fn signature(&self, truth: &Truth) -> String {
        let Part { number, short, .. } = self.part;
        let file = truth.file_number(self.part);
        let signed = format!("{file} {number} {short} {} {}", self.version.name(), self.expires.timestamp_millis());
        format!("{:016x}{:016x}", hashed(&signed), hashed(&format!("{signed} {}", truth.seed)))
    }
}
