//! `convosync import`

use super::Opened;
use crate::arguments::{Import, Output};
use crate::failure::{Code, Failure};
use crate::output::{show, table};
use crate::quietly;
use crate::talk::say;
use chrono::{DateTime, NaiveDate, Utc};
use domain::fault::Fault;
use domain::source::Stream;
use domain::want::{Slice, Want};
use domain::window::{Window, midnight};
use entities::deliveries::{Answers, Delivery, exports};
use entities::ledger::{self, StreamId};
use entities::roster::Account;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use worker::file::{FileError, Survey, receive, survey};

/// What came of it.
#[derive(Serialize)]
struct Told {
    account: String,
    stream: String,
    state: &'static str,
    /// Rows, those that are only named or kept aside included.
    rows: u64,
    inserted: u64,
    updated: u64,
    unchanged: u64,
    rejects: usize,
    /// What the file only names.
    named: usize,
    /// How many of those are to be asked for now, each by itself.
    asked: usize,
    /// The days that the file proves, both included.
    covers: Option<[NaiveDate; 2]>,
    reason: Option<String>,
}

/// Stores a file's rows, and what they prove.
pub async fn run(opened: &Opened, output: Output, asked: &Import) -> Result<(), Failure> {
    let account = opened.account(&asked.account)?;
    let days = match (asked.from, asked.to) {
        (Some(from), Some(to)) if from <= to => Some((from, to)),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Failure::usage("--from lies after --to")),
        _ => return Err(Failure::usage("--from and --to go together: they say which days the file holds whole")),
    };
    let (stream, id, surveyed) = find(account, asked)?;
    let is_dated = surveyed.step.leads.iter().all(|lead| lead.of.is_some());
    if days.is_some() && !is_dated {
        return Err(Failure::usage(
            "the file names ids and no dates, so that no day can be whole by it; leave --from and --to out",
        ));
    }
    let answers = match days {
        Some((from, to)) => Answers::Window(whole(account, from, to)?, made_at(&asked.file)?),
        None => outstanding(opened, &id, &surveyed).await?.map_or(Answers::Nothing, |want| Answers::Want(want.id)),
    };
    let delivery = Delivery { place: "file".to_owned(), name: content(&asked.file)?, kind: "file" };
    let known = entities::deliveries::known(&opened.database, "file", vec![delivery.name.clone()]).await?;
    if !known.is_empty() && answers == Answers::Nothing {
        say("This very file was imported before; nothing new can come of it.");
        return Ok(());
    }
    let body = BufReader::new(File::open(&asked.file).map_err(|error| unreadable(&asked.file, &error))?);
    // The same file may prove something that it did not when it was first given.
    let name = if known.is_empty() { delivery.name.clone() } else { format!("{} {answers:?}", delivery.name) };
    let delivery = Delivery { name, ..delivery };
    let received = receive(&opened.database, account, (&stream, &id), (&delivery, answers), body).await;
    let received = received.map_err(failed)?;
    let zone = account.source.zone();
    let last = |window: &Window| (window.to() - chrono::TimeDelta::milliseconds(1)).with_timezone(&zone).date_naive();
    let told = Told {
        account: id.account.clone(),
        stream: id.stream.clone(),
        state: received.state.as_str(),
        rows: surveyed.step.rows,
        inserted: received.effect.inserted,
        updated: received.effect.updated,
        unchanged: received.effect.unchanged,
        rejects: surveyed.step.rejects.len(),
        named: surveyed.step.leads.len(),
        asked: received.asked,
        covers: received.window.map(|window| [window.from().with_timezone(&zone).date_naive(), last(&window)]),
        reason: received.reason,
    };
    show(output, &told, tabled)?;
    if told.state == "committed" {
        explain(&told, days.is_some(), is_dated);
    }
    match told.state {
        "committed" if told.rejects > 0 => {
            say(&format!("{} rows could not be read; they are in the table rejects.", told.rejects));
            Err(quietly(Code::Partly))
        }
        "committed" => Ok(()),
        _ => Err(quietly(Code::Check)),
    }
}

/// What follows from a file that was taken. Where days are `said` to be whole, rows that could not be read are why they
/// do not count.
fn explain(told: &Told, said: bool, is_dated: bool) {
    let Told { named, asked, stream, .. } = told;
    if *named > 0 {
        say(&format!(
            "The file only names {stream}: {named}, of which {asked} are to be asked for now, each by itself; `convosync run` \
             does that."
        ));
    } else {
        say("The rows are stored.");
    }
    match told.covers {
        Some(_) if *named > 0 => say("The days count as complete once each of them is answered."),
        Some(_) => {}
        None if said => say("No day counts as complete by it: not all of it could be read."),
        None if !is_dated => say("No day counts as complete by it: it does not say when they began."),
        None => say("No day counts as complete by it: say which days the file holds whole with --from and --to."),
    }
}

fn tabled(told: &Told) -> comfy_table::Table {
    let mut rows = table(["stream", "", "rows", "new", "changed", "equal", "named", "kept aside", "complete by it"]);
    let covers = told.covers.map_or("nothing".to_owned(), |[from, to]| format!("{from} to {to}"));
    rows.add_row([
        told.stream.clone(),
        told.reason.as_ref().map_or(told.state.to_owned(), |reason| format!("{}: {reason}", told.state)),
        (told.rows - u64::try_from(told.named).unwrap_or(0).min(told.rows)).to_string(),
        told.inserted.to_string(),
        told.updated.to_string(),
        told.unchanged.to_string(),
        told.named.to_string(),
        told.rejects.to_string(),
        covers,
    ]);
    rows
}

/// The stream whose rows the file holds.
fn find(account: &Account, asked: &Import) -> Result<(Stream, StreamId, Survey), Failure> {
    let streams: Vec<(Stream, StreamId)> = account.source.streams().into_iter().zip(account.streams()).collect();
    let names = || streams.iter().map(|(stream, _)| stream.name.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = |(stream, _): &&(Stream, StreamId)| asked.stream.as_ref().is_none_or(|name| *name == stream.name);
    let mut fitting = Vec::new();
    let mut why = None;
    for (stream, id) in streams.iter().filter(wanted) {
        let body = BufReader::new(File::open(&asked.file).map_err(|error| unreadable(&asked.file, &error))?);
        match survey(account.source.as_ref(), &stream.name, body) {
            Ok(surveyed) => fitting.push((stream.clone(), id.clone(), surveyed)),
            Err(error) => why = Some(error),
        }
    }
    match (fitting.len(), why) {
        (1, _) => fitting.pop().ok_or_else(|| Failure::usage("no stream")),
        (0, Some(error)) => Err(failed(error)),
        (0, None) => Err(Failure::usage(format!("there is no such stream; {} has {}", asked.account, names()))),
        _ => Err(Failure::usage(format!(
            "the file does not say whose rows it holds; write --stream with one of {}",
            names()
        ))),
    }
}

/// The export, or the window that waits for a person, that the file may answer: one that all its rows lie in.
async fn outstanding(opened: &Opened, id: &StreamId, surveyed: &Survey) -> Result<Option<Want>, Failure> {
    let Some((first, last)) = surveyed.span else { return Ok(None) };
    let holds = |want: &Want| want.slice.window().is_some_and(|window| window.contains(first) && window.contains(last));
    let ledger = ledger::load(opened.database.connection(), id).await?;
    let waiting = ledger.wants.into_iter().filter(|want| want.is_parked() && matches!(want.slice, Slice::Window(_)));
    let found = exports(&opened.database, id).await?.into_iter().chain(waiting).find(holds);
    Ok(found)
}

fn whole(account: &Account, from: NaiveDate, to: NaiveDate) -> Result<Window, Failure> {
    let zone = account.source.zone();
    let end = to.succ_opt().map(|day| midnight(day, zone));
    end.and_then(|end| Window::new(midnight(from, zone), end)).ok_or_else(|| Failure::usage("--to: no such day"))
}

/// When the file was made: what the vendor held then is what it can prove.
fn made_at(file: &Path) -> Result<DateTime<Utc>, Failure> {
    let made = std::fs::metadata(file).and_then(|about| about.modified()).map_err(|error| unreadable(file, &error))?;
    Ok(made.into())
}

/// What tells a file from others, whatever its name.
fn content(file: &Path) -> Result<String, Failure> {
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

fn failed(error: FileError) -> Failure {
    match error {
        FileError::Fault(Fault::Refused(why)) => Failure::usage(why),
        FileError::Fault(fault) => Failure::new(Code::Check, fault.to_string()),
        FileError::Io(error) => Failure::usage(error.to_string()),
        FileError::Commit(error) => Failure::new(Code::Down, error.to_string()),
    }
}
