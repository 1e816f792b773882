//! `[retention]`: how long history is kept.

use super::error::SettingsError;
use super::layers::Layers;
use chrono::TimeDelta;
use domain::retention::{Retention, RetentionPeriod, SHORTEST_RETENTION};

const EXPECTED: &str = "a duration of at least eight days in quotes, such as \"90d\", or \"forever\"";

/// Reads the section.
///
/// # Errors
/// A period that is no duration, or too short.
pub fn read(layers: &Layers) -> Result<Retention, SettingsError> {
    let period = |name: &str| layers.read(&format!("retention.{name}"), EXPECTED, period);
    Ok(Retention {
        requests: period("requests")?,
        deliveries: period("deliveries")?,
        rejects: period("rejects")?,
        items: period("items")?,
        backfills: period("backfills")?,
        reopened_days: period("reopened_days")?,
    })
}

/// The period that a text states; `None` if it states none, or one that is too short.
fn period(text: &str) -> Option<RetentionPeriod> {
    if text == "forever" {
        return Some(RetentionPeriod::Forever);
    }
    let period = TimeDelta::from_std(humantime::parse_duration(text).ok()?).ok()?;
    (period >= SHORTEST_RETENTION).then_some(RetentionPeriod::Limited(period))
}
