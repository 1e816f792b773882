//! Signed URLs of files, valid for a limited time.

use super::conversation::Version;
use super::dataset::Dataset;
use super::day_file::DayFile;
use crate::random::hash;
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;

/// A file, and the end of the URL's validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SignedUrl {
    pub(super) file: DayFile,
    pub(super) version: Version,
    pub(super) expires: DateTime<Utc>,
}

/// The parts of a URL's path: bot, version, day and name.
pub(super) type UrlParts = (String, String, String, String);

/// The route of files.
pub(super) const ROUTE: &str = "/file-host/{bot}/{version}/{day}/{name}";

impl SignedUrl {
    /// Path and query.
    pub(super) fn path(&self, dataset: &Dataset) -> String {
        let bot = dataset.bots.get(self.file.bot).map_or("", |bot| bot.id.as_str());
        let DayFile { day, number, .. } = self.file;
        let expires = self.expires.timestamp_millis();
        let signature = self.signature(dataset);
        // As in an object store, a file that has grown is another generation of the object.
        let generation = if self.file.short { 1 } else { 2 };
        let version = self.version.name();
        format!(
            "/file-host/{bot}/{version}/{day}/file-{number:012}.json?Expires={expires}&generation={generation}&Signature={signature}"
        )
    }

    /// The URL of path and query; `None` where the vendor did not sign it.
    pub(super) fn parse(dataset: &Dataset, parts: &UrlParts, query: &HashMap<String, String>) -> Option<Self> {
        let (bot, version, day, name) = parts;
        let number = name.strip_prefix("file-")?.strip_suffix(".json")?.parse().ok()?;
        let day: NaiveDate = day.parse().ok()?;
        let short = query.get("generation").is_some_and(|generation| generation == "1");
        let file = DayFile { bot: dataset.bot(bot)?, day, number, short };
        let expires = DateTime::from_timestamp_millis(query.get("Expires")?.parse().ok()?)?;
        let url = Self { file, version: Version::named(version)?, expires };
        (query.get("Signature")? == &url.signature(dataset)).then_some(url)
    }

    fn signature(&self, dataset: &Dataset) -> String {
        let DayFile { number, short, .. } = self.file;
        let object = dataset.file_number(self.file);
        let signed = format!("{object} {number} {short} {} {}", self.version.name(), self.expires.timestamp_millis());
        format!("{:016x}{:016x}", hash(&signed), hash(&format!("{signed} {}", dataset.seed)))
    }
}
