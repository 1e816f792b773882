//! The post: mails that answer an export are matched, stored and only then marked.
//!
//! A mail names no question. It is matched by what is outstanding, by when it was sent, and by the bot and the days that
//! its rows tell; what fits nothing stays in the mailbox, and is noted once.

use crate::file::{FileError, receive, survey};
use crate::mail::{Address, Entry, Letter, MailError, Mailbox};
use chrono::{DateTime, TimeDelta, Utc};
use domain::source::Stream;
use domain::want::Want;
use entities::DbErr;
use entities::commit::CommitError;
use entities::database::Database;
use entities::deliveries::{Answers, Delivery, State, exports, is_answered, known, note};
use entities::ledger::StreamId;
use entities::roster::{Account, Roster};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// Looks after one mailbox.
pub struct Post {
    /// Where the ledgers are.
    pub database: Database,
    /// The accounts whose mails arrive there.
    pub accounts: Vec<Account>,
    address: Address,
    interval: Duration,
}

/// Why a round was not finished.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
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

/// How long one step on the network may take.
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
    want: Want,
}

impl Post {
    /// One for each mailbox that the accounts name; accounts may share one.
    ///
    /// # Errors
    /// The account whose mailbox cannot be one, and why.
    pub fn of(database: &Database, roster: &Roster) -> Result<Vec<Self>, (String, String)> {
        let mut posts: Vec<Self> = Vec::new();
        for account in roster.accounts() {
            let Some(mailbox) = account.source.mailbox() else { continue };
            let wrong = |why: String| (account.source.account().to_owned(), why);
            let mut address =
                Address::parse(&mailbox.address, mailbox.password.clone()).map_err(|error| wrong(error.to_string()))?;
            if let Some(file) = &mailbox.ca_file {
                address = address.trusting(Path::new(file)).map_err(|error| wrong(error.to_string()))?;
            }
            match posts.iter_mut().find(|post| post.address.key() == address.key()) {
                Some(post) => {
                    post.accounts.push(account.clone());
                    post.interval = post.interval.min(mailbox.interval);
                }
                None => posts.push(Self {
                    database: database.clone(),
                    accounts: vec![account.clone()],
                    address,
                    interval: mailbox.interval,
                }),
            }
        }
        Ok(posts)
    }

    /// Looks again and again until `stop`. The mail in hand is finished first.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let pause = match self.watch(&stop, &mut failures).await {
                Ok(()) => return,
                Err(error) => {
                    let needs_a_person = matches!(&error, PostError::Mail(error) if error.needs_a_person());
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
    pub async fn check(&self) -> Result<usize, PostError> {
        let mut mailbox = Mailbox::open(&self.address, TIMEOUT).await?;
        Ok(mailbox.list(self.since().await?).await?.len())
    }

    /// The accounts whose mails arrive there.
    #[must_use]
    pub fn names(&self) -> String {
        self.accounts.iter().map(|account| account.source.account()).collect::<Vec<_>>().join(", ")
    }

    async fn watch(&self, stop: &CancellationToken, failures: &mut u32) -> Result<(), PostError> {
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
    async fn round(&self, mailbox: &mut Mailbox, stop: &CancellationToken) -> Result<(), PostError> {
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
                Err(PostError::Mail(error)) if !error.is_closed() => debug!(%error, "a mail was passed over"),
                done => done?,
            }
        }
        Ok(())
    }

    async fn mark_again(&self, mailbox: &mut Mailbox, entry: &Entry) -> Result<(), PostError> {
        if entities::deliveries::is_ours(&self.database, &self.address.key(), entry.id.as_str()).await? {
            mailbox.mark(&entry.id).await?;
        }
        Ok(())
    }

    async fn work(&self, mailbox: &mut Mailbox, entry: &Entry) -> Result<(), PostError> {
        let delivery = Delivery { place: self.address.key(), name: entry.id.to_string(), kind: "mail" };
        let raw = match mailbox.fetch(&entry.id, LARGEST).await {
            Err(error @ MailError::TooLarge { .. }) => {
                let reason = format!("{error}; save its attachment and use `convosync import`");
                return self.note(&delivery, None, State::Unreadable, &reason).await;
            }
            raw => raw?,
        };
        let letter = match Letter::read(&raw) {
            Ok(letter) if letter.attachments.is_empty() => {
                return self.note(&delivery, None, State::Foreign, "a mail without a CSV").await;
            }
            Ok(letter) => letter,
            Err(error) => return self.note(&delivery, None, State::Unreadable, &error.to_string()).await,
        };
        drop(raw);
        let sent = letter.date.unwrap_or(entry.received).min(entry.received);
        let mut state = State::Foreign;
        for attachment in &letter.attachments {
            state = self.store(&delivery, (&letter, &attachment.bytes), sent).await?;
            if state == State::Committed {
                break;
            }
        }
        if matches!(state, State::Committed | State::Duplicate) {
            mailbox.mark(&entry.id).await?;
        }
        Ok(())
    }

    /// Stores a CSV, where it answers exactly one of the exports that are out.
    async fn store(
        &self,
        delivery: &Delivery,
        (letter, csv): (&Letter, &[u8]),
        sent: DateTime<Utc>,
    ) -> Result<State, PostError> {
        let candidates = self.candidates().await?;
        let named = self.named(letter);
        let mut why = (State::Foreign, "no export is outstanding".to_owned());
        let mut fitting: Vec<&Candidate<'_>> = Vec::new();
        for candidate in &candidates {
            match fits(candidate, &named, csv, sent) {
                Ok(()) => fitting.push(candidate),
                Err(reason) => why = reason,
            }
        }
        // The one whose question was taken goes before those that met a busy vendor.
        let taken = fitting.iter().filter(|candidate| candidate.want.is_taken()).count();
        if taken == 1 {
            fitting.retain(|candidate| candidate.want.is_taken());
        }
        let [candidate] = fitting.as_slice() else {
            if !fitting.is_empty() {
                why.1 = format!("it fits {} exports; use `convosync import`", fitting.len());
            } else if let Some(id) = self.answered(&named, csv).await? {
                self.note(delivery, Some(&id), State::Duplicate, "what it answers was answered before").await?;
                return Ok(State::Duplicate);
            }
            self.note(delivery, None, why.0, &why.1).await?;
            return Ok(why.0);
        };
        let (of, answers) = ((&candidate.stream, &candidate.id), Answers::Want(candidate.want.id));
        let received = match receive(&self.database, candidate.account, of, (delivery, answers), csv).await {
            Ok(received) => received,
            Err(FileError::Commit(error)) => return Err(error.into()),
            Err(error) => {
                self.note(delivery, Some(&candidate.id), State::Unreadable, &error.to_string()).await?;
                return Ok(State::Unreadable);
            }
        };
        if received.state == State::Committed {
            info!(
                account = candidate.id.account,
                stream = candidate.id.stream,
                inserted = received.effect.inserted,
                "a mailed export was stored"
            );
            count(State::Committed);
        } else {
            let reason = received.reason.unwrap_or_default();
            self.note(delivery, Some(&candidate.id), received.state, &reason).await?;
        }
        Ok(received.state)
    }

    /// The streams that a mail names, where it names any: then it is about no other.
    fn named(&self, letter: &Letter) -> Vec<String> {
        let streams = self.accounts.iter().flat_map(Account::streams).map(|id| id.stream);
        streams.filter(|stream| letter.names(stream)).collect()
    }

    /// The stream whose mail this is once more: of an export that was stored, with as many rows of the same days.
    async fn answered(&self, named: &[String], csv: &[u8]) -> Result<Option<StreamId>, PostError> {
        for account in &self.accounts {
            for (stream, id) in account.source.streams().into_iter().zip(account.streams()) {
                if !named.is_empty() && !named.contains(&stream.name) {
                    continue;
                }
                let Ok(survey) = survey(account.source.as_ref(), &stream.name, csv) else { continue };
                let Some(span) = survey.span else { continue };
                if is_answered(&self.database, &id, span, survey.step.rows).await? {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    }

    /// The exports that are out, over all accounts of the mailbox.
    async fn candidates(&self) -> Result<Vec<Candidate<'_>>, PostError> {
        let mut found = Vec::new();
        for account in &self.accounts {
            for (stream, id) in account.source.streams().into_iter().zip(account.streams()) {
                for want in exports(&self.database, &id).await? {
                    found.push(Candidate { account, stream: stream.clone(), id: id.clone(), want });
                }
            }
        }
        Ok(found)
    }

    async fn note(
        &self,
        delivery: &Delivery,
        of: Option<&StreamId>,
        state: State,
        reason: &str,
    ) -> Result<(), PostError> {
        warn!(accounts = self.names(), state = state.as_str(), reason, "a mail was not stored");
        count(state);
        Ok(note(&self.database, delivery, of, state, reason).await?)
    }

    async fn since(&self) -> Result<chrono::NaiveDate, DbErr> {
        Ok((self.database.now(self.database.connection()).await? - BACK).date_naive())
    }
}

fn count(state: State) {
    metrics::counter!("convosync_deliveries_total", "kind" => "mail", "state" => state.as_str()).increment(1);
}

/// Whether a CSV that was sent then may be what the candidate waits for, and if not, what it is and why.
fn fits(candidate: &Candidate<'_>, named: &[String], csv: &[u8], sent: DateTime<Utc>) -> Result<(), (State, String)> {
    let foreign = |why: &str| Err((State::Foreign, why.to_owned()));
    let Some(window) = candidate.want.slice.window() else { return foreign("no window is outstanding") };
    if !named.is_empty() && !named.contains(&candidate.stream.name) {
        return foreign("it is about something else that is not outstanding");
    }
    if candidate.want.asked.is_some_and(|asked| sent + SKEW < asked) {
        return foreign("it was sent before it was asked for");
    }
    let survey = survey(candidate.account.source.as_ref(), &candidate.stream.name, csv);
    match survey.map_err(|error| (State::Unreadable, error.to_string()))?.span {
        Some((first, last)) if !window.contains(first) || !window.contains(last) => {
            foreign(&format!("its rows go from {} to {}", first.date_naive(), last.date_naive()))
        }
        // Nothing in it tells what it answers; and a window is exported because it holds much.
        None => foreign("it holds no rows"),
        Some(_) => Ok(()),
    }
}
