//! A CSV that came by mail, and the exports that it may answer.

use crate::file::{FileError, FileSummary, inspect};
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::job::Job;
use domain::source::Stream;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use storage::DbErr;
use storage::accounts::Account;
use storage::database::Database;
use storage::deliveries::{DeliveryState, is_answered};
use storage::ledger::StreamId;
use tokio_util::task::TaskTracker;

/// The most that this host's clock and the mail's sender may differ.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// A stream with an outstanding export.
pub(super) struct Candidate<'a> {
    pub account: &'a Account,
    pub stream: Stream,
    pub id: StreamId,
    pub job: Job,
}

/// A CSV and what its mail says about it.
pub(super) struct MailedFile<'a> {
    /// The streams that the mail names. It answers no other stream, unless it names none.
    named: &'a [String],
    csv: Arc<[u8]>,
    sent_at: DateTime<Utc>,
}

impl<'a> MailedFile<'a> {
    pub(super) fn new(named: &'a [String], csv: Vec<u8>, sent_at: DateTime<Utc>) -> Self {
        Self { named, csv: csv.into(), sent_at }
    }

    pub(super) fn csv(&self) -> &[u8] {
        &self.csv
    }

    /// Checks whether the file may answer the candidate's export; if not, returns the mail's state and the reason.
    pub(super) async fn check_match(
        &self,
        candidate: &Candidate<'_>,
        parsers: &TaskTracker,
    ) -> Result<(), (DeliveryState, String)> {
        let foreign = |reason: &str| Err((DeliveryState::Foreign, reason.to_owned()));
        let Some(window) = candidate.job.slice.window() else { return foreign("the outstanding job has no window") };
        if !self.may_be_of(&candidate.stream.name) {
            return foreign("the mail names a stream that has no outstanding export");
        }
        if candidate.job.requested_at.is_some_and(|requested_at| self.sent_at + SKEW < requested_at) {
            return foreign("the mail was sent before the export was requested");
        }
        let span = match self.inspect(candidate.account, &candidate.stream.name, parsers).await {
            Ok(file) => file.span,
            Err(FileError::Fault(Fault::Refused(reason))) => {
                return self.refusal(candidate.account, reason, parsers).await;
            }
            Err(error) => return Err((DeliveryState::Unreadable, error.to_string())),
        };
        match span {
            Some((first, last)) if !window.contains(first) || !window.contains(last) => foreign(&format!(
                "its rows lie outside the requested days: they go from {} to {}",
                first.date_naive(),
                last.date_naive()
            )),
            // Without rows nothing shows which export it answers; and a window is exported because it holds many rows.
            None => foreign("the CSV has no rows"),
            Some(_) => Ok(()),
        }
    }

    /// The stream of which this CSV repeats a stored export: the same days and the same number of rows.
    pub(super) async fn find_answered(
        &self,
        database: &Database,
        accounts: &[&Account],
        parsers: &TaskTracker,
    ) -> Result<Option<StreamId>, DbErr> {
        for account in accounts {
            for id in account.streams() {
                if !self.may_be_of(&id.stream) {
                    continue;
                }
                let Ok(file) = self.inspect(account, &id.stream, parsers).await else { continue };
                let Some(span) = file.span else { continue };
                if is_answered(database, &id, span, file.summary.rows).await? {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// What a file is that names another stream than the candidate's: one of the account's others, or a stranger's.
    async fn refusal(
        &self,
        account: &Account,
        reason: String,
        parsers: &TaskTracker,
    ) -> Result<(), (DeliveryState, String)> {
        for id in account.streams() {
            if self.inspect(account, &id.stream, parsers).await.is_ok() {
                let reason = format!("its rows are of {}, which has no such outstanding export", id.stream);
                return Err((DeliveryState::Foreign, reason));
            }
        }
        Err((DeliveryState::Refused, format!("{reason}, which the settings of the account do not name")))
    }

    fn may_be_of(&self, stream: &str) -> bool {
        self.named.is_empty() || self.named.iter().any(|named| named == stream)
    }

    /// Parses the file as rows of the stream, on a thread for such work.
    async fn inspect(&self, account: &Account, stream: &str, parsers: &TaskTracker) -> Result<FileSummary, FileError> {
        let (source, stream, csv) = (Arc::clone(&account.source), stream.to_owned(), Arc::clone(&self.csv));
        let parsed = parsers.spawn_blocking(move || inspect(source.as_ref(), &stream, &*csv)).await;
        parsed.unwrap_or_else(|_| Err(Error::new(ErrorKind::InvalidData, "the parser failed").into()))
    }
}
