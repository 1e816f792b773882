//! A folder on an IMAP server.

use super::address::Server;
use super::connection::{Capabilities, Wire, connect, of};
use super::folder::{encoded, quoted};
use super::{Entry, MailError, MailId};
use async_imap::error::Error;
use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};
use async_imap::types::{Flag, UnsolicitedResponse};
use async_imap::{Connection, Session};
use chrono::{DateTime, NaiveDate, Utc};
use std::time::Duration;
use tokio::time::timeout;

/// The keyword that marks a mail as done. `\Seen` alone would also be set by a person who looks into the mailbox.
const DONE: &str = "$convosync";

/// How many mails are asked about at once: "clients SHOULD limit the length of the command lines they generate to
/// approximately 8192 octets" (RFC 7162, 4).
const AT_ONCE: usize = 500;

/// "clients using IDLE are advised to terminate the IDLE and re-issue it at least every 29 minutes" (RFC 2177, 3).
const LONGEST_IDLE: Duration = Duration::from_mins(25);

/// The slowest line that a mail is waited for on, in bytes per second, beyond the time-out of a summary.
const SLOWEST: u64 = 128 << 10;

/// An open folder. The session is taken away at the first error that leaves it unclear what the server will say next.
pub(super) struct Imap {
    session: Option<Session<Wire>>,
    timeout: Duration,
    validity: u32,
    /// Whether the folder keeps the keyword. Otherwise done is what was seen.
    keeps_keyword: bool,
    can_idle: bool,
    done_folder: Option<String>,
    /// Whether the server told of new mail while it was asked for something else.
    news: bool,
}

impl Imap {
    pub(super) async fn open(server: &Server, patience: Duration) -> Result<Self, MailError> {
        timeout(patience, Self::open_patiently(server, patience)).await.map_err(|_| late())?
    }

    async fn open_patiently(server: &Server, patience: Duration) -> Result<Self, MailError> {
        let session = Some(connect(server).await?);
        let done_folder = server.done_folder.clone();
        let mut imap = Self {
            session,
            timeout: patience,
            validity: 0,
            keeps_keyword: false,
            can_idle: false,
            done_folder,
            news: false,
        };
        let offers = Capabilities::of(&imap.ask("CAPABILITY", patience).await?);
        imap.can_idle = offers.contains("IDLE");
        if let Some(folder) = imap.done_folder.clone() {
            if !offers.contains("MOVE") {
                return Err(MailError::Protocol(
                    "it cannot move mails; set no folder for mails that are done".to_owned(),
                ));
            }
            let there = imap.ask_or(&format!("STATUS {} (UIDVALIDITY)", quoted(&folder)), "STATUS", patience).await?;
            there.ok_or(MailError::NoSuchFolder("the one for mails that are done"))?;
        }
        imap.select(&server.folder).await?;
        Ok(imap)
    }

    async fn select(&mut self, folder: &str) -> Result<(), MailError> {
        let session = self.session.as_mut().ok_or_else(closed)?;
        let folder = session.select(encoded(folder)).await.map_err(|error| match error {
            Error::No(_) => MailError::NoSuchFolder("the one to read"),
            error => of(&error, "SELECT"),
        })?;
        self.validity = folder.uid_validity.ok_or_else(|| MailError::Protocol("no UIDVALIDITY".to_owned()))?;
        self.keeps_keyword = folder.permanent_flags.iter().any(|flag| match flag {
            Flag::MayCreate => true,
            Flag::Custom(name) => name.eq_ignore_ascii_case(DONE),
            _ => false,
        });
        Ok(())
    }

    pub(super) async fn list(&mut self, since: NaiveDate) -> Result<Vec<Entry>, MailError> {
        // From here on the search will know of what was told.
        self.told();
        self.news = false;
        // A server may search in what it last told of; NOOP makes it look for new mail.
        self.ask("NOOP", self.timeout).await?;
        let undone = if self.keeps_keyword { format!("UNKEYWORD {DONE}") } else { "UNSEEN".to_owned() };
        // No mail is older than the format for dates that servers read.
        let since = since.max(NaiveDate::default()).format("%-d-%b-%Y");
        let found = self.ask(&format!("UID SEARCH {undone} UNDELETED SINCE {since}"), self.timeout).await?;
        let mut uids: Vec<u32> = found.iter().flat_map(searched).collect();
        uids.sort_unstable();

        let mut entries = Vec::new();
        for uids in uids.chunks(AT_ONCE) {
            let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let answers = self.ask(&format!("UID FETCH {set} (UID RFC822.SIZE INTERNALDATE)"), self.timeout).await?;
            entries.extend(answers.iter().filter_map(attributes).filter_map(|about| entry(about, self.validity)));
        }
        Ok(entries)
    }

    pub(super) async fn fetch(&mut self, id: &MailId, limit: u64) -> Result<Vec<u8>, MailError> {
        let uid = self.uid(id)?;
        self.ask("NOOP", self.timeout).await?;
        let answers = self.ask(&format!("UID FETCH {uid} (UID RFC822.SIZE)"), self.timeout).await?;
        let bytes = of_uid(&answers, uid).find_map(size).ok_or(MailError::Gone)?;
        if bytes > limit {
            return Err(MailError::TooLarge { bytes, limit });
        }
        // PEEK: "An alternate form of BODY[<section>] that does not implicitly set the \Seen flag."
        let patience = self.timeout + Duration::from_secs(bytes / SLOWEST);
        let answers = self.ask(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), patience).await?;
        let body = of_uid(&answers, uid).find_map(body).ok_or(MailError::Gone)?;
        let bytes = body.len() as u64;
        if bytes > limit { Err(MailError::TooLarge { bytes, limit }) } else { Ok(body.to_vec()) }
    }

    pub(super) async fn mark(&mut self, id: &MailId) -> Result<(), MailError> {
        let uid = self.uid(id)?;
        self.ask("NOOP", self.timeout).await?;
        let flags = if self.keeps_keyword { format!("{DONE} \\Seen") } else { "\\Seen".to_owned() };
        self.ask(&format!("UID STORE {uid} +FLAGS.SILENT ({flags})"), self.timeout).await?;
        // A server may say OK and keep nothing: when the mail is gone, or the folder read-only.
        let answers = self.ask(&format!("UID FETCH {uid} (UID FLAGS)"), self.timeout).await?;
        let mark = if self.keeps_keyword { DONE } else { "\\Seen" };
        let is_kept = of_uid(&answers, uid).find_map(|about| flagged(about, mark)).ok_or(MailError::Gone)?;
        if !is_kept {
            return Err(MailError::Protocol("it does not keep the mark; the folder may be read-only".to_owned()));
        }
        if let Some(folder) = self.done_folder.clone() {
            let moved = self.ask_or(&format!("UID MOVE {uid} {}", quoted(&folder)), "UID MOVE", self.timeout).await?;
            moved.ok_or(MailError::NoSuchFolder("the one for mails that are done"))?;
        }
        Ok(())
    }

    pub(super) async fn wait(&mut self, at_most: Duration) -> Result<(), MailError> {
        self.told();
        if self.news {
            return Ok(());
        }
        if !self.can_idle {
            tokio::time::sleep(at_most).await;
            return Ok(());
        }
        let session = self.session.take().ok_or_else(closed)?;
        // What comes before the server says that it idles is put aside there.
        let early = session.unsolicited_responses.clone();
        let mut idle = session.idle();
        timeout(self.timeout, idle.init()).await.map_err(|_| late())?.map_err(|error| of(&error, "IDLE"))?;
        if !std::iter::from_fn(|| early.try_recv().ok()).any(|answer| is_news(&answer)) {
            let (news, _source) = idle.wait();
            // Not the library's own time-out: each sign of life would start it again.
            if let Ok(Err(error)) = timeout(at_most.min(LONGEST_IDLE), news).await {
                return Err(of(&error, "IDLE"));
            }
        }
        let session = timeout(self.timeout, idle.done()).await.map_err(|_| late())?;
        self.session = Some(session.map_err(|error| of(&error, "DONE"))?);
        Ok(())
    }

    /// Sends a command and takes all that the server says until it is done. No as an answer is an error.
    async fn ask(&mut self, command: &str, patience: Duration) -> Result<Vec<UnsolicitedResponse>, MailError> {
        let name = command.split_inclusive(' ').take(2).collect::<String>();
        let name = if command.starts_with("UID ") { name.trim_end() } else { command.split(' ').next().unwrap_or("") };
        let refused = || MailError::Protocol(format!("it refused {name}"));
        self.ask_or(command, name, patience).await?.ok_or_else(refused)
    }

    /// As `ask`, but no as an answer is `None`.
    async fn ask_or(
        &mut self,
        command: &str,
        name: &str,
        patience: Duration,
    ) -> Result<Option<Vec<UnsolicitedResponse>>, MailError> {
        let (into, from) = async_channel::unbounded();
        // Away while it works: if it fails, or is dropped midway, the next answer would belong to nobody knows what.
        let mut session = self.session.take().ok_or_else(closed)?;
        // The session's own way would keep at most a hundred answers, and only those to other questions.
        let connection: &mut Connection<Wire> = &mut session;
        let done = timeout(patience, connection.run_command_and_check_ok(command, Some(into))).await;
        let answers: Vec<_> = std::iter::from_fn(|| from.try_recv().ok()).collect();
        self.news |= answers.iter().any(is_news);
        match done.map_err(|_| late())? {
            Ok(()) => {
                self.session = Some(session);
                Ok(Some(answers))
            }
            Err(Error::No(_)) => {
                self.session = Some(session);
                Ok(None)
            }
            Err(error) => Err(of(&error, name)),
        }
    }

    /// Takes what the server told meanwhile.
    fn told(&mut self) {
        let Some(session) = &self.session else { return };
        while let Ok(answer) = session.unsolicited_responses.try_recv() {
            self.news |= is_news(&answer);
        }
    }

    /// A mail's number; "if the UIDVALIDITY changes, all UIDs are different", so what it named is gone.
    fn uid(&self, id: &MailId) -> Result<u32, MailError> {
        let (validity, uid) = id.as_str().split_once('/').ok_or(MailError::Gone)?;
        if validity != self.validity.to_string() {
            return Err(MailError::Gone);
        }
        uid.parse().ok().filter(|uid| *uid > 0).ok_or(MailError::Gone)
    }
}

fn late() -> MailError {
    MailError::Unreachable("no answer within the time-out".to_owned())
}

fn closed() -> MailError {
    MailError::Unreachable("the connection is closed".to_owned())
}

fn is_news(answer: &UnsolicitedResponse) -> bool {
    matches!(answer, UnsolicitedResponse::Exists(_))
}

fn searched(answer: &UnsolicitedResponse) -> Vec<u32> {
    match answer {
        UnsolicitedResponse::Other(data) => match data.parsed() {
            Response::MailboxData(MailboxDatum::Search(uids)) => uids.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn attributes(answer: &UnsolicitedResponse) -> Option<&[AttributeValue<'_>]> {
    match answer {
        UnsolicitedResponse::Other(data) => match data.parsed() {
            Response::Fetch(_, about) => Some(about),
            _ => None,
        },
        _ => None,
    }
}

/// What was said of one mail; the server may speak of others unasked.
fn of_uid(answers: &[UnsolicitedResponse], uid: u32) -> impl Iterator<Item = &[AttributeValue<'_>]> {
    answers.iter().filter_map(attributes).filter(move |about| about.contains(&AttributeValue::Uid(uid)))
}

fn entry(about: &[AttributeValue<'_>], validity: u32) -> Option<Entry> {
    let uid = about.iter().find_map(|value| if let AttributeValue::Uid(uid) = value { Some(*uid) } else { None })?;
    let received = about.iter().find_map(|value| match value {
        AttributeValue::InternalDate(date) => DateTime::parse_from_str(date.trim(), "%e-%b-%Y %H:%M:%S %z").ok(),
        _ => None,
    });
    let id = MailId(format!("{validity}/{uid}"));
    Some(Entry { id, bytes: size(about)?, received: received?.with_timezone(&Utc) })
}

fn size(about: &[AttributeValue<'_>]) -> Option<u64> {
    about
        .iter()
        .find_map(|value| if let AttributeValue::Rfc822Size(size) = value { Some(u64::from(*size)) } else { None })
}

fn body<'a>(about: &'a [AttributeValue<'_>]) -> Option<&'a [u8]> {
    about.iter().find_map(|value| match value {
        AttributeValue::BodySection { section: None, data: Some(data), .. } => Some(data.as_ref()),
        _ => None,
    })
}

fn flagged(about: &[AttributeValue<'_>], mark: &str) -> Option<bool> {
    about.iter().find_map(|value| match value {
        AttributeValue::Flags(flags) => Some(flags.iter().any(|flag| flag.eq_ignore_ascii_case(mark))),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
