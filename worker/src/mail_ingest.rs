//! Reads mailboxes: matches mails to outstanding exports, stores their rows and then marks them as done.
//!
//! Anyone may send a mail: an account reads only those that its settings let it believe. A mail does not name the export
//! that it answers. It is matched by the outstanding exports, by the time it was sent, and by the bot and the days of its
//! rows. A mail that is not believed, or that matches no export, stays in the mailbox and is recorded once.
//!
//! Map: `mailed_file` is a CSV of a mail and what it may answer.

mod error;
mod mailed_file;

pub use error::MailIngestError;

use crate::file::{FileError, ingest};
use crate::mail::{Credential, MailEntry, MailError, Mailbox, MailboxAddress, ParsedMail};
use crate::mail_reader::{MailReader, set_aside_reason};
use crate::worker::count_reopened_days;
use async_recursion::async_recursion as boxed;
use chrono::TimeDelta;
use domain::lost_attempts::MailTurn;
use domain::mail_trust::{Distrust, MailHeaders};
use mailed_file::{Candidate, MailedFile};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::deliveries::{Delivery, DeliveryProof, DeliveryState, exports, record_refusal, recorded_identities};
use storage::ledger::StreamId;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

/// Reads one mailbox.
pub struct MailIngest {
    /// The database with the ledgers.
    pub database: Database,
    /// The accounts whose mails arrive in the mailbox.
    pub accounts: Vec<Account>,
    address: MailboxAddress,
    interval: Duration,
    /// Parses mails: a long one would hold up the other work of a runtime's thread.
    parsers: TaskTracker,
}

/// The time-out of one command on the network.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The longest mail that is read. It is held in memory, and mail servers reject longer ones.
const LARGEST: u64 = 25 << 20;
/// How far back mails are read.
const LOOK_BACK: TimeDelta = TimeDelta::days(60);
/// The longest pause after a failure that may end by itself.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// The longest pause after a failure that an operator must resolve.
const OPERATOR_PAUSE: Duration = Duration::from_mins(10);

impl MailIngest {
    /// One ingest per mailbox in the accounts' settings; accounts may share a mailbox.
    ///
    /// # Errors
    /// The account whose mailbox setting is invalid, and why.
    pub fn from_accounts(database: &Database, accounts: &Accounts) -> Result<Vec<Self>, (String, String)> {
        let mut ingests: Vec<Self> = Vec::new();
        for account in accounts.all() {
            let Some(mailbox) = account.source.mailbox() else { continue };
            let invalid = |reason: String| (account.source.account().to_owned(), reason);
            let command = mailbox.token_command.clone().map(Credential::TokenCommand);
            let credential = command.or_else(|| mailbox.password.clone().map(Credential::Password));
            let mut address =
                MailboxAddress::parse_with(&mailbox.address, credential).map_err(|error| invalid(error.to_string()))?;
            if let Some(file) = &mailbox.ca_file {
                address = address.with_ca_file(Path::new(file)).map_err(|error| invalid(error.to_string()))?;
            }
            match ingests.iter_mut().find(|ingest| ingest.address.key() == address.key()) {
                Some(ingest) => {
                    ingest.accounts.push(account.clone());
                    ingest.interval = ingest.interval.min(mailbox.interval);
                }
                None => ingests.push(Self {
                    database: database.clone(),
                    accounts: vec![account.clone()],
                    address,
                    interval: mailbox.interval,
                    parsers: TaskTracker::new(),
                }),
            }
        }
        Ok(ingests)
    }

    /// Reads the mailbox again and again until the reader is stopped; the current mail is processed to its end.
    #[boxed]
    pub async fn run(self: Arc<Self>, reader: MailReader) {
        let mut failures = 0;
        while !reader.stop.is_cancelled() {
            reader.note_work();
            let pause = match self.watch(&reader, &mut failures).await {
                Ok(()) => return,
                Err(error) => {
                    let needs_operator = matches!(&error, MailIngestError::Mail(error) if error.needs_operator());
                    warn!(accounts = self.names(), %error, "cannot read the mailbox; the worker tries again later");
                    failures += 1;
                    let most = if needs_operator { OPERATOR_PAUSE } else { LONGEST_PAUSE };
                    self.interval.saturating_mul(1 << failures.min(10)).min(most)
                }
            };
            reader.note_wait(pause);
            tokio::select! {
                () = reader.stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Opens the mailbox without reading a mail; returns the number of mails that are not done.
    ///
    /// # Errors
    /// [`MailIngestError`] if the mailbox cannot be read.
    #[boxed]
    pub async fn check(&self) -> Result<usize, MailIngestError> {
        let mut mailbox = Mailbox::open(&self.address, TIMEOUT).await?;
        Ok(mailbox.list(self.since().await?).await?.len())
    }

    /// The names of the accounts whose mails arrive in the mailbox, separated by commas.
    #[must_use]
    pub fn names(&self) -> String {
        self.accounts.iter().map(|account| account.source.account()).collect::<Vec<_>>().join(", ")
    }

    /// The accounts that believe no mail of the mailbox, because anyone can mail it.
    #[must_use]
    pub fn distrusting_accounts(&self) -> Vec<&str> {
        let believes_nothing =
            |account: &&Account| account.source.mailbox().is_some_and(|mailbox| mailbox.policy.believes_nothing());
        self.accounts.iter().filter(believes_nothing).map(|account| account.source.account()).collect()
    }

    async fn watch(&self, reader: &MailReader, failures: &mut u32) -> Result<(), MailIngestError> {
        let mut mailbox = Mailbox::open(&self.address, TIMEOUT).await?;
        loop {
            self.read_mails(&mut mailbox, reader).await?;
            *failures = 0;
            reader.note_wait(self.interval);
            tokio::select! {
                () = reader.stop.cancelled() => return Ok(()),
                waited = mailbox.wait(self.interval) => waited?,
            }
        }
    }

    /// Processes each mail that is not done. A mail that fails stops no other; its error is returned at the end.
    async fn read_mails(&self, mailbox: &mut Mailbox, reader: &MailReader) -> Result<(), MailIngestError> {
        reader.note_work();
        let entries = mailbox.list(self.since().await?).await?;
        let ids = entries.iter().map(|entry| entry.id.to_string()).collect();
        let known = recorded_identities(&self.database, &self.address.key(), ids).await?;
        let mut result = Ok(());
        for entry in entries {
            if reader.stop.is_cancelled() {
                break;
            }
            reader.note_work();
            // A worker stored a known mail and crashed before it marked it. A mail that matched nothing stays unmarked.
            let is_known = known.contains(entry.id.as_str());
            let read = if is_known {
                self.mark_again(mailbox, &entry).await
            } else {
                self.read(mailbox, &entry, reader).await
            };
            match read {
                Err(MailIngestError::Mail(error)) if error.is_closed() => return Err(error.into()),
                Err(MailIngestError::Mail(error)) => debug!(%error, "skipped a mail that cannot be fetched"),
                Err(error) => {
                    warn!(accounts = self.names(), mail = entry.id.as_str(), %error, "a mail could not be stored; the worker tries again later");
                    metrics::counter!("convosync_deliveries_total", "kind" => "mail", "state" => "failed").increment(1);
                    result = result.and(Err(error));
                }
                Ok(()) => {}
            }
        }
        result
    }

    async fn mark_again(&self, mailbox: &mut Mailbox, entry: &MailEntry) -> Result<(), MailIngestError> {
        if storage::deliveries::is_ingested(&self.database, &self.address.key(), entry.id.as_str()).await? {
            mailbox.mark(&entry.id).await?;
        }
        Ok(())
    }

    /// Reads a mail after a note of the attempt. After three attempts that ended their process the mail is set aside.
    async fn read(&self, mailbox: &mut Mailbox, entry: &MailEntry, reader: &MailReader) -> Result<(), MailIngestError> {
        let delivery = Delivery { origin: self.address.key(), identity: entry.id.to_string(), kind: "mail" };
        match reader.begin(&self.database, &delivery).await? {
            MailTurn::Read => {}
            MailTurn::Wait => return Ok(()),
            MailTurn::SetAside => {
                return self.note(&delivery, None, DeliveryState::Unreadable, &set_aside_reason()).await;
            }
        }
        let done = self.process(mailbox, entry, &delivery).await;
        if done.is_err() {
            reader.survive(&self.database, &delivery).await;
        }
        done
    }

    async fn process(
        &self,
        mailbox: &mut Mailbox,
        entry: &MailEntry,
        delivery: &Delivery,
    ) -> Result<(), MailIngestError> {
        let raw = match mailbox.fetch(&entry.id, LARGEST).await {
            Err(error @ MailError::TooLarge { .. }) => {
                let reason = format!("{error}; save its attachment and run `convosync import`");
                return self.note(delivery, None, DeliveryState::Unreadable, &reason).await;
            }
            raw => raw?,
        };
        // A mail for which the parser panics must not be read again and again.
        let parsed = self.parsers.spawn_blocking(move || ParsedMail::parse(&raw)).await;
        let mail = match parsed {
            Ok(Ok(mail)) if mail.attachments.is_empty() => {
                return self.note(delivery, None, DeliveryState::Foreign, "the mail has no CSV attachment").await;
            }
            Ok(Ok(mail)) => mail,
            Ok(Err(error)) => {
                return self.note(delivery, None, DeliveryState::Unreadable, &error.to_string()).await;
            }
            Err(_) => {
                let reason = "the parser failed; save its attachment and run `convosync import`";
                return self.note(delivery, None, DeliveryState::Unreadable, reason).await;
            }
        };
        let believing = match self.believing_accounts(&mail) {
            Ok(accounts) => accounts,
            Err(distrust) => {
                return self.note(delivery, None, DeliveryState::Refused, &distrust.to_string()).await;
            }
        };
        let sent_at = mail.date.unwrap_or(entry.received_at).min(entry.received_at);
        let named = self.streams_named_in(&mail);
        let mut state = DeliveryState::Foreign;
        for attachment in mail.attachments {
            let file = MailedFile::new(&named, attachment.bytes, sent_at);
            state = self.store(delivery, &believing, &file).await?;
            if state == DeliveryState::Committed {
                break;
            }
        }
        if matches!(state, DeliveryState::Committed | DeliveryState::Duplicate) {
            mailbox.mark(&entry.id).await?;
        }
        Ok(())
    }

    /// The accounts that believe the mail.
    fn believing_accounts(&self, mail: &ParsedMail) -> Result<Vec<&Account>, Distrust> {
        let headers = MailHeaders { from: mail.from.as_deref(), authentication_results: &mail.authentication_results };
        let (mut believing, mut reason) = (Vec::new(), None);
        for account in &self.accounts {
            match account.source.mailbox().map(|mailbox| mailbox.policy.check(headers)) {
                Some(Err(distrust)) => reason = reason.or(Some(distrust)),
                _ => believing.push(account),
            }
        }
        match reason {
            Some(distrust) if believing.is_empty() => Err(distrust),
            _ => Ok(believing),
        }
    }

    /// Stores the rows of a CSV if it matches exactly one outstanding export.
    async fn store(
        &self,
        delivery: &Delivery,
        accounts: &[&Account],
        file: &MailedFile<'_>,
    ) -> Result<DeliveryState, MailIngestError> {
        let candidates = self.outstanding_exports(accounts).await?;
        let mut rejection = (DeliveryState::Foreign, "no export is outstanding".to_owned());
        let mut matching: Vec<&Candidate<'_>> = Vec::new();
        for candidate in &candidates {
            match file.check_match(candidate, &self.parsers).await {
                Ok(()) => matching.push(candidate),
                Err(reason) => rejection = reason,
            }
        }
        // An export that the vendor accepted goes before those that met a busy vendor.
        let accepted = matching.iter().filter(|candidate| candidate.job.is_accepted_export()).count();
        if accepted == 1 {
            matching.retain(|candidate| candidate.job.is_accepted_export());
        }
        let [candidate] = matching.as_slice() else {
            if !matching.is_empty() {
                rejection.1 =
                    format!("the mail matches {} exports; run `convosync import` with its attachment", matching.len());
            } else if let Some(id) = file.find_answered(&self.database, accounts, &self.parsers).await? {
                let reason = "the export that the mail answers was answered before";
                self.note(delivery, Some(&id), DeliveryState::Duplicate, reason).await?;
                return Ok(DeliveryState::Duplicate);
            }
            self.note(delivery, None, rejection.0, &rejection.1).await?;
            return Ok(rejection.0);
        };
        self.store_for(delivery, candidate, file.csv()).await
    }

    /// Stores the rows of a CSV as the answer to an export.
    async fn store_for(
        &self,
        delivery: &Delivery,
        candidate: &Candidate<'_>,
        csv: &[u8],
    ) -> Result<DeliveryState, MailIngestError> {
        let (stream, answers) = ((&candidate.stream, &candidate.id), DeliveryProof::Job(candidate.job.id));
        let received = match ingest(&self.database, candidate.account, stream, (delivery, answers), csv).await {
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
                "stored a mailed export"
            );
            count(DeliveryState::Committed);
            count_reopened_days(candidate.account, received.effect.reopened_days);
        } else {
            let reason = received.reason.unwrap_or_default();
            self.note(delivery, Some(&candidate.id), received.state, &reason).await?;
        }
        Ok(received.state)
    }

    /// The streams whose name the mail contains. A mail that names streams answers no other stream.
    fn streams_named_in(&self, mail: &ParsedMail) -> Vec<String> {
        let streams = self.accounts.iter().flat_map(Account::streams).map(|id| id.stream);
        streams.filter(|stream| mail.contains(stream)).collect()
    }

    /// The outstanding exports of these accounts.
    async fn outstanding_exports<'a>(&self, accounts: &[&'a Account]) -> Result<Vec<Candidate<'a>>, MailIngestError> {
        let mut found = Vec::new();
        for account in accounts.iter().copied() {
            for (stream, id) in account.source.streams().into_iter().zip(account.streams()) {
                let snapshot = self.database.snapshot().await?;
                for job in exports(&snapshot, &id).await? {
                    found.push(Candidate { account, stream: stream.clone(), id: id.clone(), job });
                }
            }
        }
        Ok(found)
    }

    /// Records and logs a mail that was not stored.
    async fn note(
        &self,
        delivery: &Delivery,
        stream: Option<&StreamId>,
        state: DeliveryState,
        reason: &str,
    ) -> Result<(), MailIngestError> {
        warn!(
            accounts = self.names(),
            state = state.as_str(),
            reason,
            "a mail was not stored; see `convosync deliveries list`"
        );
        count(state);
        Ok(record_refusal(&self.database, delivery, stream, state, reason).await?)
    }

    async fn since(&self) -> Result<chrono::NaiveDate, DbErr> {
        Ok((self.database.now(self.database.connection()).await? - LOOK_BACK).date_naive())
    }
}

fn count(state: DeliveryState) {
    metrics::counter!("convosync_deliveries_total", "kind" => "mail", "state" => state.as_str()).increment(1);
}
