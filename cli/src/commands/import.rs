//! `convosync import`

mod proof;
mod waiting_jobs;

use super::CommandContext;
use crate::arguments::{Import, Output};
use crate::console::say;
use crate::failure::{Code, Failure};
use crate::output::{show, table};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::job::Job;
use domain::source::Stream;
use domain::window::{Window, midnight};
use proof::{explain_age, file_age, proving_export};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use storage::accounts::Account;
use storage::deliveries::{Delivery, DeliveryProof, IngestResult};
use storage::ledger::StreamId;
use waiting_jobs::{WaitingJob, explain_jobs};
use worker::file::{FileError, FileSummary, ingest, inspect};

/// The result, as JSON.
#[derive(Serialize)]
struct ImportResult {
    account: String,
    stream: String,
    state: &'static str,
    /// All rows, including items that are only named, and rejected rows.
    rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    rejects: usize,
    /// The number of items that the file names without their content.
    named: usize,
    /// The number of those that the service fetches next, one by one.
    asked: usize,
    /// The first and the last day that the file proves to be complete.
    covers: Option<[NaiveDate; 2]>,
    /// The instant whose state of the vendor the file is taken to show, if it proves days.
    as_of: Option<DateTime<Utc>>,
    /// The waiting jobs that the file closed.
    closed: Vec<WaitingJob>,
    /// The waiting jobs of the file's time that stay open.
    open: Vec<WaitingJob>,
    reason: Option<String>,
    #[serde(skip)]
    window: Option<Window>,
}

impl ImportResult {
    fn new(
        id: &StreamId,
        zone: Tz,
        (surveyed, received): (&FileSummary, IngestResult),
        as_of: Option<DateTime<Utc>>,
    ) -> Self {
        let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        let last = |window: &Window| day(window.to() - chrono::TimeDelta::milliseconds(1));
        let listed = |jobs: &[Job]| jobs.iter().filter_map(|job| WaitingJob::of(job, zone)).collect();
        Self {
            account: id.account.clone(),
            stream: id.stream.clone(),
            state: received.state.as_str(),
            rows: surveyed.summary.rows,
            inserted: received.effect.inserted,
            updated: received.effect.updated,
            unchanged: received.effect.unchanged,
            rejects: surveyed.summary.rejects.len(),
            named: surveyed.summary.items.len(),
            asked: received.queued_items,
            covers: received.window.map(|window| [day(window.from()), last(&window)]),
            as_of,
            closed: listed(&received.jobs.closed),
            open: listed(&received.jobs.open),
            reason: received.reason,
            window: received.window,
        }
    }
}

/// Stores a file's rows, and the days that they prove to be complete.
pub async fn run(context: &CommandContext, output: Output, arguments: &Import) -> Result<(), Failure> {
    let account = context.account(&arguments.account)?;
    let days = match (arguments.from, arguments.to) {
        (Some(from), Some(to)) if from <= to => Some((from, to)),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Failure::usage("--from lies after --to")),
        _ => {
            return Err(Failure::usage(
                "--from and --to go together: they name the days that the file holds completely",
            ));
        }
    };
    let (stream, id, surveyed) = find(account, arguments)?;
    let is_dated = surveyed.summary.items.iter().all(|item| item.scope.is_some());
    if days.is_some() && !is_dated {
        return Err(Failure::usage(
            "the file holds ids without dates, so that it cannot prove a day complete; leave --from and --to out",
        ));
    }
    let window = days.map(|(from, to)| days_window(account, from, to)).transpose()?;
    let age = file_age(account, arguments, &surveyed, window).await?;
    let answers = match window {
        Some(window) => DeliveryProof::Window(window, age.made_at),
        None => proving_export(context, account, &id, (&surveyed, age))
            .await?
            .map_or(DeliveryProof::Nothing, DeliveryProof::Job),
    };
    let delivery = Delivery { origin: "file".to_owned(), identity: digest(&arguments.file)?, kind: "file" };
    let known =
        storage::deliveries::recorded_identities(&context.database, "file", vec![delivery.identity.clone()]).await?;
    if !known.is_empty() && answers == DeliveryProof::Nothing {
        say("This file was imported before; it brings nothing new.");
        return Ok(());
    }
    let body = BufReader::new(File::open(&arguments.file).map_err(|error| unreadable(&arguments.file, &error))?);
    // The same file may prove days now that it did not prove when it was imported first.
    let identity =
        if known.is_empty() { delivery.identity.clone() } else { format!("{} {answers:?}", delivery.identity) };
    let delivery = Delivery { identity, ..delivery };
    let received = ingest(&context.database, account, (&stream, &id), (&delivery, answers), body).await;
    let received = received.map_err(failure_of)?;
    let as_of = matches!(answers, DeliveryProof::Window(..)).then_some(age.made_at);
    let result = ImportResult::new(&id, account.source.zone(), (&surveyed, received), as_of);
    let held = result.window;
    show(output, &result, result_table)?;
    if let Some(told) = window.filter(|_| result.state == "committed" && result.rejects == 0) {
        explain_age(account, arguments, (told, held), age);
    }
    explain_jobs(&result.closed, &result.open);
    conclude(&result, days.is_some(), is_dated)
}

/// Explains a stored file, and fails unless all of its rows are stored.
fn conclude(result: &ImportResult, has_days: bool, is_dated: bool) -> Result<(), Failure> {
    if result.state != "committed" {
        return Err(Failure::printed(Code::Check));
    }
    explain(result, has_days, is_dated);
    if result.rejects > 0 {
        say(&format!("{} rows could not be read; the table rejects holds them with the reasons.", result.rejects));
        return Err(Failure::printed(Code::Partly));
    }
    Ok(())
}

/// Explains what follows from a stored file. `has_days` says whether the operator named complete days; they count only
/// if all rows could be read.
fn explain(result: &ImportResult, has_days: bool, is_dated: bool) {
    let ImportResult { named, asked, stream, .. } = result;
    if *named > 0 {
        say(&format!(
            "The file only names {stream}: {named}, of which {asked} are fetched next, one by one, by `convosync run`."
        ));
    } else {
        say("The rows are stored.");
    }
    match result.covers {
        Some(_) if *named > 0 => say("The days count as complete once each of them is fetched."),
        Some(_) => {}
        None if has_days && result.rejects > 0 => {
            say("The file proves no day complete: some of its rows could not be read.");
        }
        None if has_days => say("The file proves no day complete: it was made before the end of the first day."),
        None if !is_dated => say("The file proves no day complete: it does not say when the items began."),
        None => say("The file proves no day complete; name the days that it holds completely with --from and --to."),
    }
}

fn result_table(result: &ImportResult) -> comfy_table::Table {
    let mut rows = table(["stream", "state", "rows", "new", "changed", "equal", "items", "rejected", "complete days"]);
    let covers = result.covers.map_or("none".to_owned(), |[from, to]| format!("{from} to {to}"));
    rows.add_row([
        result.stream.clone(),
        result.reason.as_ref().map_or(result.state.to_owned(), |reason| format!("{}: {reason}", result.state)),
        (result.rows - u64::try_from(result.named).unwrap_or(0).min(result.rows)).to_string(),
        result.inserted.to_string(),
        result.updated.to_string(),
        result.unchanged.to_string(),
        result.named.to_string(),
        result.rejects.to_string(),
        covers,
    ]);
    rows
}

/// The stream whose rows the file holds, with the survey of the file.
fn find(account: &Account, arguments: &Import) -> Result<(Stream, StreamId, FileSummary), Failure> {
    let streams: Vec<(Stream, StreamId)> = account.source.streams().into_iter().zip(account.streams()).collect();
    let names = || streams.iter().map(|(stream, _)| stream.name.as_str()).collect::<Vec<_>>().join(", ");
    let is_candidate =
        |(stream, _): &&(Stream, StreamId)| arguments.stream.as_ref().is_none_or(|name| *name == stream.name);
    let mut matching = Vec::new();
    let mut last_error = None;
    for (stream, id) in streams.iter().filter(is_candidate) {
        let body = BufReader::new(File::open(&arguments.file).map_err(|error| unreadable(&arguments.file, &error))?);
        match inspect(account.source.as_ref(), &stream.name, body) {
            Ok(surveyed) => matching.push((stream.clone(), id.clone(), surveyed)),
            Err(error) => last_error = Some(error),
        }
    }
    match (matching.len(), last_error) {
        (1, _) => matching.pop().ok_or_else(|| Failure::usage("no stream fits the file")),
        (0, Some(error)) => Err(failure_of(error)),
        (0, None) => {
            Err(Failure::usage(format!("--stream: no stream has this name; {} has {}", arguments.account, names())))
        }
        _ => Err(Failure::usage(format!("the file does not name its stream; write --stream with one of {}", names()))),
    }
}

/// The time of the days from `from` to `to`.
fn days_window(account: &Account, from: NaiveDate, to: NaiveDate) -> Result<Window, Failure> {
    let zone = account.source.zone();
    let end = to.succ_opt().map(|day| midnight(day, zone));
    end.and_then(|end| Window::new(midnight(from, zone), end))
        .ok_or_else(|| Failure::usage("--to: this day does not exist; write another"))
}

/// The SHA-256 of the file's content, in hexadecimal digits: the same under any name.
fn digest(file: &Path) -> Result<String, Failure> {
    let mut body = File::open(file).map_err(|error| unreadable(file, &error))?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        match body.read(&mut piece).map_err(|error| unreadable(file, &error))? {
            0 => break,
            count => hash.update(piece.get(..count).unwrap_or_default()),
        }
    }
    let mut digits = String::new();
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{}: {error}", file.display()))
}

fn failure_of(error: FileError) -> Failure {
    match error {
        FileError::Fault(Fault::Refused(why)) => Failure::usage(why),
        FileError::Fault(fault) => Failure::new(Code::Check, fault.to_string()),
        FileError::Io(error) => Failure::usage(error.to_string()),
        FileError::Commit(error) => Failure::new(Code::Down, error.to_string()),
    }
}
