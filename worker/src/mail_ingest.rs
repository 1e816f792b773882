//! The ingest: mails that answer an export are matched, stored and only then marked.
//!
//! A mail names no question. It is matched by what is outstanding, by when it was sent, and by the bot and the days that
//! its rows tell; what fits nothing stays in the mailbox, and is noted once.

use crate::file::{FileError, receive, survey};
use crate::mail::{Address, Entry, MailError, Mailbox, ParsedMail};
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::Job;
use domain::source::Stream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::deliveries::{Answers, Delivery, DeliveryState, exports, is_answered, known, note};
use storage::ledger::CommitError;
use storage::ledger::StreamId;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Looks after one mailbox.
pub struct MailIngest {
    /// Where the ledgers are.
    pub database: Database,
    /// The accounts whose mails arrive there.
    pub accounts: Vec<Account>,
    address: Address,
    interval: Duration,
}

/// Why a round was not finished.
#[derive(Debug, thiserror::Error)]
pub enum MailIngestError {
    /// The mailbox.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// The database.
    #[error("the database refused: {0}")]
    Database(#[from] DbErr),
    /// The database, or a ledger that was changed meanwhile.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

/// How long one summary on the network may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The longest mail that is read: it is held in memory, and no mail server passes on a longer one.
const LARGEST: u64 = 64 << 20;
/// How far back mails are looked at.
const BACK: TimeDelta = TimeDelta::days(60);
/// How long after a failure the mailbox is left alone at most, and until a person may have changed something.
const PAUSES: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(10));
/// By how much clocks may differ, here and where mails are sent.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// A stream whose export is out.
struct Candidate<'a> {
    account: &'a Account,
    stream: Stream,
    id: StreamId,
    job: Job,
}

impl MailIngest {
    /// One for each mailbox that the accounts name; accounts may share one.
    ///
    /// # Errors
    /// The account whose mailbox cannot be one, and why.
    pub fn of(database: &Database, accounts: &Accounts) -> Result<Vec<Self>, (String, String)> {
        let mut found: Vec<Self> = Vec::new();
        for account in accounts.all() {
            let Some(mailbox) = account.source.mailbox() else { continue };
            let wrong = |why: String| (account.source.account().to_owned(), why);
            let mut address =
                Address::parse(&mailbox.address, mailbox.password.clone()).map_err(|error| wrong(error.to_string()))?;
            if let Some(file) = &mailbox.ca_file {
                address = address.trusting(Path::new(file)).map_err(|error| wrong(error.to_string()))?;
            }
            match found.iter_mut().find(|ingest| ingest.address.key() == address.key()) {
                Some(ingest) => {
                    ingest.accounts.push(account.clone());
                    ingest.interval = ingest.interval.min(mailbox.interval);
                }
                None => found.push(Self {
                    database: database.clone(),
                    accounts: vec![account.clone()],
                    address,
                    interval: mailbox.interval,
                }),
            }
        }
        Ok(found)
    }

    /// Looks again and again until `stop`. The mail in hand is finished first.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let pause = match self.watch(&stop, &mut failures).await {
                Ok(()) => return,
                Err(error) => {
                    let needs_a_person = matches!(&error, MailIngestError::Mail(error) if error.needs_a_person());
                    warn!(accounts = self.names(), %error, "the mailbox was not read; looked at again later");
                    failures += 1;
                    let most = if needs_a_person { PAUSES.1 } else { PAUSES.0 };
                    self.interval.saturating_mul(1 << failures.min(10)).min(most)
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Opens the mailbox once, without reading any mail.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn check(&self) -> Result<usize, MailIngestError> {
        let mut mailbox = Mailbox::open(&self.address, TIMEOUT).await?;
        Ok(mailbox.list(self.since().await?).await?.len())
    }

    /// The accounts whose mails arrive there.
    #[must_use]
    pub fn names(&self) -> String {
        self.accounts.iter().map(|account| account.source.account()).collect::<Vec<_>>().join(", ")
    }

    async fn watch(&self, stop: &CancellationToken, failures: &mut u32) -> Result<(), MailIngestError> {
        let mut mailbox = Mailbox::open(&self.address, TIMEOUT).await?;
        loop {
            self.round(&mut mailbox, stop).await?;
            *failures = 0;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                waited = mailbox.wait(self.interval) => waited?,
            }
        }
    }

    /// Works on each mail that is there.
    async fn round(&self, mailbox: &mut Mailbox, stop: &CancellationToken) -> Result<(), MailIngestError> {
        let entries = mailbox.list(self.since().await?).await?;
        let names = entries.iter().map(|entry| entry.id.to_string()).collect();
        let known = known(&self.database, &self.address.key(), names).await?;
        for entry in entries {
            if stop.is_cancelled() {
                return Ok(());
            }
            if known.contains(entry.id.as_str()) {
                // Stored by a process that died before it could mark it; what is not ours stays as it is.
                self.mark_again(mailbox, &entry).await?;
                continue;
            }
            match self.work(mailbox, &entry).await {
                Err(MailIngestError::Mail(error)) if !error.is_closed() => debug!(%error, "a mail was passed over"),
                done => done?,
            }
        }
        Ok(())
    }

    async fn mark_again(&self, mailbox: &mut Mailbox, entry: &Entry) -> Result<(), MailIngestError> {
        if storage::deliveries::is_ours(&self.database, &self.address.key(), entry.id.as_str()).await? {
            mailbox.mark(&entry.id).await?;
        }
        Ok(())
    }

    async fn work(&self, mailbox: &mut Mailbox, entry: &Entry) -> Result<(), MailIngestError> {
        let delivery = Delivery { origin: self.address.key(), identity: entry.id.to_string(), kind: "mail" };
        let raw = match mailbox.fetch(&entry.id, LARGEST).await {
            Err(error @ MailError::TooLarge { .. }) => {
                let reason = format!("{error}; save its attachment and use `convosync import`");
                return self.note(&delivery, None, DeliveryState::Unreadable, &reason).await;
            }
            raw => raw?,
        };
        let mail = match ParsedMail::read(&raw) {
            Ok(mail) if mail.attachments.is_empty() => {
                return self.note(&delivery, None, DeliveryState::Foreign, "a mail without a CSV").await;
            }
            Ok(mail) => mail,
            Err(error) => return self.note(&delivery, None, DeliveryState::Unreadable, &error.to_string()).await,
        };
        drop(raw);
        let sent = mail.date.unwrap_or(entry.received).min(entry.received);
        let mut state = DeliveryState::Foreign;
        for attachment in &mail.attachments {
            state = self.store(&delivery, (&mail, &attachment.bytes), sent).await?;
            if state == DeliveryState::Committed {
                break;
            }
        }
        if matches!(state, DeliveryState::Committed | DeliveryState::Duplicate) {
            mailbox.mark(&entry.id).await?;
        }
        Ok(())
    }

    /// Stores a CSV, where it answers exactly one of the exports that are out.
    async fn store(
        &self,
        delivery: &Delivery,
        (mail, csv): (&ParsedMail, &[u8]),
        sent: DateTime<Utc>,
    ) -> Result<DeliveryState, MailIngestError> {
        let candidates = self.candidates().await?;
        let named = self.named(mail);
        let mut why = (DeliveryState::Foreign, "no export is outstanding".to_owned());
        let mut fitting: Vec<&Candidate<'_>> = Vec::new();
        for candidate in &candidates {
            match fits(candidate, &named, csv, sent) {
                Ok(()) => fitting.push(candidate),
                Err(reason) => why = reason,
            }
        }
        // The one whose question was taken goes before those that met a busy vendor.
        let taken = fitting.iter().filter(|candidate| candidate.job.is_taken()).count();
        if taken == 1 {
            fitting.retain(|candidate| candidate.job.is_taken());
        }
        let [candidate] = fitting.as_slice() else {
            if !fitting.is_empty() {
                why.1 = format!("it fits {} exports; use `convosync import`", fitting.len());
            } else if let Some(id) = self.answered(&named, csv).await? {
                self.note(delivery, Some(&id), DeliveryState::Duplicate, "what it answers was answered before").await?;
                return Ok(DeliveryState::Duplicate);
            }
            self.note(delivery, None, why.0, &why.1).await?;
            return Ok(why.0);
        };
        let (of, answers) = ((&candidate.stream, &candidate.id), Answers::Job(candidate.job.id));
        let received = match receive(&self.database, candidate.account, of, (delivery, answers), csv).await {
            Ok(received) => received,
            Err(FileError::Commit(error)) => return Err(error.into()),
            Err(error) => {
                self.note(delivery, Some(&candidate.id), DeliveryState::Unreadable, &error.to_string()).await?;
                return Ok(DeliveryState::Unreadable);
            }
        };
        if received.state == DeliveryState::Committed {
            info!(
                account = candidate.id.account,
                stream = candidate.id.stream,
                inserted = received.effect.inserted,
                "a mailed export was stored"
            );
            count(DeliveryState::Committed);
        } else {
            let reason = received.reason.unwrap_or_default();
            self.note(delivery, Some(&candidate.id), received.state, &reason).await?;
        }
        Ok(received.state)
    }

    /// The streams that a mail names, where it names any: then it is about no other.
    fn named(&self, mail: &ParsedMail) -> Vec<String> {
        let streams = self.accounts.iter().flat_map(Account::streams).map(|id| id.stream);
        streams.filter(|stream| mail.names(stream)).collect()
    }

    /// The stream whose mail this is once more: of an export that was stored, with as many rows of the same days.
    async fn answered(&self, named: &[String], csv: &[u8]) -> Result<Option<StreamId>, MailIngestError> {
        for account in &self.accounts {
            for (stream, id) in account.source.streams().into_iter().zip(account.streams()) {
                if !named.is_empty() && !named.contains(&stream.name) {
                    continue;
                }
                let Ok(survey) = survey(account.source.as_ref(), &stream.name, csv) else { continue };
                let Some(span) = survey.span else { continue };
                if is_answered(&self.database, &id, span, survey.summary.rows).await? {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// The exports that are out, over all accounts of the mailbox.
    async fn candidates(&self) -> Result<Vec<Candidate<'_>>, MailIngestError> {
        let mut found = Vec::new();
        for account in &self.accounts {
            for (stream, id) in account.source.streams().into_iter().zip(account.streams()) {
                let snapshot = self.database.snapshot().await?;
                for job in exports(&snapshot, &id).await? {
                    found.push(Candidate { account, stream: stream.clone(), id: id.clone(), job });
                }
            }
        }
        Ok(found)
    }

    async fn note(
        &self,
        delivery: &Delivery,
        of: Option<&StreamId>,
        state: DeliveryState,
        reason: &str,
    ) -> Result<(), MailIngestError> {
        warn!(accounts = self.names(), state = state.as_str(), reason, "a mail was not stored");
        count(state);
        Ok(note(&self.database, delivery, of, state, reason).await?)
    }

    async fn since(&self) -> Result<chrono::NaiveDate, DbErr> {
        Ok((self.database.now(self.database.connection()).await? - BACK).date_naive())
    }
}

fn count(state: DeliveryState) {
    metrics::counter!("convosync_deliveries_total", "kind" => "mail", "state" => state.as_str()).increment(1);
}

/// Whether a CSV that was sent then may be what the candidate waits for, and if not, what it is and why.
fn fits(
    candidate: &Candidate<'_>,
    named: &[String],
    csv: &[u8],
    sent: DateTime<Utc>,
) -> Result<(), (DeliveryState, String)> {
    let foreign = |why: &str| Err((DeliveryState::Foreign, why.to_owned()));
    let Some(window) = candidate.job.slice.window() else { return foreign("no window is outstanding") };
    if !named.is_empty() && !named.contains(&candidate.stream.name) {
        return foreign("it is about something else that is not outstanding");
    }
    if candidate.job.requested_at.is_some_and(|asked| sent + SKEW < asked) {
        return foreign("it was sent before it was asked for");
    }
    let survey = survey(candidate.account.source.as_ref(), &candidate.stream.name, csv);
    match survey.map_err(|error| (DeliveryState::Unreadable, error.to_string()))?.span {
        Some((first, last)) if !window.contains(first) || !window.contains(last) => {
            foreign(&format!("its rows go from {} to {}", first.date_naive(), last.date_naive()))
        }
        // Nothing in it tells what it answers; and a window is exported because it holds much.
        None => foreign("it holds no rows"),
        Some(_) => Ok(()),
    }
}
