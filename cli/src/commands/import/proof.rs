//! What an imported file proves: the state of the vendor at which instant, and the export that it answers.

use super::super::CommandContext;
use crate::arguments::Import;
use crate::clock::SystemClock;
use crate::console::say;
use crate::failure::Failure;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::clock::Clock;
use domain::file_time::FileTimes;
use domain::job::Job;
use domain::window::{Window, midnight};
use storage::accounts::Account;
use storage::deliveries::exports;
use storage::ledger::StreamId;
use worker::file::FileSummary;

/// When a file was made.
#[derive(Clone, Copy)]
pub struct FileAge {
    /// At the earliest: the file shows the vendor's state of this instant.
    pub made_at: DateTime<Utc>,
    /// At the latest.
    pub latest: DateTime<Utc>,
}

/// The most that this host's clock and the database's may differ.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// Finds out when the file was made. `window` are the days that the operator calls complete.
pub async fn file_age(
    account: &Account,
    arguments: &Import,
    file: &FileSummary,
    window: Option<Window>,
) -> Result<FileAge, Failure> {
    let stated = arguments.as_of.as_deref().map(|text| stated(text, account.source.zone())).transpose()?;
    let about = tokio::fs::metadata(&arguments.file).await.and_then(|about| about.modified());
    let modified = about.map_err(|error| super::unreadable(&arguments.file, &error))?;
    let modified = DateTime::<Utc>::from(modified);
    let newest_row = file.span.map(|(_, last)| last);
    let times = FileTimes { stated, newest_row, holds_until: window.map(|days| days.to()), modified };
    let made_at = times.made_at(SystemClock::start().now());
    let made_at = made_at.map_err(|error| Failure::usage(format!("--as-of: {error}")))?;
    Ok(FileAge { made_at, latest: stated.map_or(modified, |(_, last)| last.min(modified)) })
}

/// The instants that `--as-of` allows.
fn stated(text: &str, zone: Tz) -> Result<(DateTime<Utc>, DateTime<Utc>), Failure> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok((at.to_utc(), at.to_utc()));
    }
    let day = text.parse::<NaiveDate>().ok();
    let bounds = day.and_then(|day| Some((midnight(day, zone), midnight(day.succ_opt()?, zone))));
    let (from, to) = bounds.ok_or_else(|| {
        Failure::usage(format!("--as-of: {text:?} is no time; write 2026-11-04T09:30:00Z or 2026-11-04"))
    })?;
    Ok((from, to - TimeDelta::milliseconds(1)))
}

/// The export that the file proves to answer: the vendor has accepted it, all rows lie in its days, each of these days has
/// rows, and the file was written after the request. The intake then refuses a file with fewer rows than the database holds.
pub async fn proving_export(
    context: &CommandContext,
    account: &Account,
    id: &StreamId,
    (file, age): (&FileSummary, FileAge),
) -> Result<Option<i64>, Failure> {
    let Some((first, last)) = file.span else { return Ok(None) };
    let zone = account.source.zone();
    let is_answer = |job: &Job| {
        let is_later = job.requested_at.is_some_and(|requested_at| age.latest + SKEW >= requested_at);
        let window = job.slice.window().filter(|window| window.contains(first) && window.contains(last));
        let holds_days = window.is_some_and(|window| days_of(window, zone).iter().all(|day| file.days.contains(day)));
        job.is_accepted_export() && is_later && holds_days
    };
    let snapshot = context.database.report_snapshot().await?;
    Ok(exports(&snapshot, id).await?.into_iter().find(is_answer).map(|job| job.id))
}

/// The days that a window touches.
fn days_of(window: Window, zone: Tz) -> Vec<NaiveDate> {
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let last = day(window.to() - TimeDelta::milliseconds(1));
    day(window.from()).iter_days().take_while(|day| *day <= last).collect()
}

/// Explains what the file's age leaves open: days after it was made, and days whose answers could still change then.
pub fn explain_age(account: &Account, arguments: &Import, (told, held): (Window, Option<Window>), age: FileAge) {
    let settle = account.source.rules().settle;
    let made = age.made_at.format("%Y-%m-%d %H:%M UTC");
    if held != Some(told) {
        say(&format!("The file counts as made at {made}, so that it does not prove the time after that."));
    }
    if held.is_some_and(|held| held.to() > age.made_at - settle) {
        let step = if arguments.as_of.is_none() { "; if the file is newer, import it again with --as-of" } else { "" };
        say(&format!(
            "The file counts as made at {made}. The vendor may still have changed what is younger than {} hours, so that \
             it stays provisional{step}.",
            settle.num_hours()
        ));
    }
}
