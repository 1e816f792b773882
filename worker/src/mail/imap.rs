//! The IMAP backend: one folder on a server.

use super::address::Server;
use super::connection::{Capabilities, Transport, connect, mail_error};
use super::error::MailError;
use super::folder::{encode, quote};
use super::mail_entry::{MailEntry, MailId};
use async_imap::error::Error;
use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};
use async_imap::types::{Flag, UnsolicitedResponse};
use async_imap::{Connection, Session};
use chrono::{DateTime, NaiveDate, Utc};
use std::time::Duration;
use tokio::time::timeout;

/// The keyword that marks a mail as done. `\Seen` alone is also set by a person who opens the mail.
const DONE_KEYWORD: &str = "$convosync";

/// The number of mails per command: "clients SHOULD limit the length of the command lines they generate to
/// approximately 8192 octets" (RFC 7162, 4).
const MAILS_PER_COMMAND: usize = 500;

/// "clients using IDLE are advised to terminate the IDLE and re-issue it at least every 29 minutes" (RFC 2177, 3).
const LONGEST_IDLE: Duration = Duration::from_mins(25);

/// The least transfer rate of a mail, in bytes per second; its time comes on top of a command's time-out.
const LEAST_RATE: u64 = 128 << 10;

/// An open folder. The session is dropped at the first error after which the server's next answer cannot be assigned.
pub(super) struct Imap {
    session: Option<Session<Transport>>,
    timeout: Duration,
    validity: u32,
    /// Whether the folder keeps the keyword. If not, `\Seen` marks done mails.
    keeps_keyword: bool,
    can_idle: bool,
    done_folder: Option<String>,
    /// Whether the server announced new mail since the last `list`.
    has_new_mail: bool,
}

impl Imap {
    pub(super) async fn open(server: &Server, limit: Duration) -> Result<Self, MailError> {
        timeout(limit, Self::open_untimed(server, limit)).await.map_err(|_| timed_out())?
    }

    async fn open_untimed(server: &Server, limit: Duration) -> Result<Self, MailError> {
        let session = Some(connect(server).await?);
        let done_folder = server.done_folder.clone();
        let mut imap = Self {
            session,
            timeout: limit,
            validity: 0,
            keeps_keyword: false,
            can_idle: false,
            done_folder,
            has_new_mail: false,
        };
        let offers = Capabilities::parse(&imap.run("CAPABILITY", limit).await?);
        imap.can_idle = offers.contains("IDLE");
        if let Some(folder) = imap.done_folder.clone() {
            if !offers.contains("MOVE") {
                return Err(MailError::Protocol(
                    "it cannot move mails (no MOVE); remove the setting of the folder for done mails".to_owned(),
                ));
            }
            let status = imap.try_run(&format!("STATUS {} (UIDVALIDITY)", quote(&folder)), "STATUS", limit).await?;
            status.ok_or(MailError::NoSuchFolder("the folder for done mails"))?;
        }
        imap.select(&server.folder).await?;
        Ok(imap)
    }

    async fn select(&mut self, folder: &str) -> Result<(), MailError> {
        let session = self.session.as_mut().ok_or_else(closed)?;
        let folder = session.select(encode(folder)).await.map_err(|error| match error {
            Error::No(_) => MailError::NoSuchFolder("the folder to read"),
            error => mail_error(&error, "SELECT"),
        })?;
        self.validity = folder.uid_validity.ok_or_else(|| MailError::Protocol("it sends no UIDVALIDITY".to_owned()))?;
        self.keeps_keyword = folder.permanent_flags.iter().any(|flag| match flag {
            Flag::MayCreate => true,
            Flag::Custom(name) => name.eq_ignore_ascii_case(DONE_KEYWORD),
            _ => false,
        });
        Ok(())
    }

    pub(super) async fn list(&mut self, since: NaiveDate) -> Result<Vec<MailEntry>, MailError> {
        // The search below finds the mails that were announced so far.
        self.drain_announcements();
        self.has_new_mail = false;
        // A server may search only mails that it has announced; NOOP makes it announce new ones.
        self.run("NOOP", self.timeout).await?;
        let not_done = if self.keeps_keyword { format!("UNKEYWORD {DONE_KEYWORD}") } else { "UNSEEN".to_owned() };
        // No mail is older than 1970, and earlier dates may not have the four digits that servers expect.
        let since = since.max(NaiveDate::default()).format("%-d-%b-%Y");
        let results = self.run(&format!("UID SEARCH {not_done} UNDELETED SINCE {since}"), self.timeout).await?;
        let mut uids: Vec<u32> = results.iter().flat_map(search_results).collect();
        uids.sort_unstable();

        let mut entries = Vec::new();
        for uids in uids.chunks(MAILS_PER_COMMAND) {
            let set = uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let answers = self.run(&format!("UID FETCH {set} (UID RFC822.SIZE INTERNALDATE)"), self.timeout).await?;
            entries.extend(
                answers.iter().filter_map(fetched).filter_map(|attributes| mail_entry(attributes, self.validity)),
            );
        }
        Ok(entries)
    }

    pub(super) async fn fetch(&mut self, id: &MailId, limit: u64) -> Result<Vec<u8>, MailError> {
        let uid = self.uid(id)?;
        self.run("NOOP", self.timeout).await?;
        let answers = self.run(&format!("UID FETCH {uid} (UID RFC822.SIZE)"), self.timeout).await?;
        let bytes = of_uid(&answers, uid).find_map(size).ok_or(MailError::Gone)?;
        if bytes > limit {
            return Err(MailError::TooLarge { bytes, limit });
        }
        // PEEK: "An alternate form of BODY[<section>] that does not implicitly set the \Seen flag."
        let limit_time = self.timeout + Duration::from_secs(bytes / LEAST_RATE);
        let answers = self.run(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), limit_time).await?;
        let body = of_uid(&answers, uid).find_map(body).ok_or(MailError::Gone)?;
        let bytes = body.len() as u64;
        if bytes > limit { Err(MailError::TooLarge { bytes, limit }) } else { Ok(body.to_vec()) }
    }

    pub(super) async fn mark(&mut self, id: &MailId) -> Result<(), MailError> {
        let uid = self.uid(id)?;
        self.run("NOOP", self.timeout).await?;
        let flags = if self.keeps_keyword { format!("{DONE_KEYWORD} \\Seen") } else { "\\Seen".to_owned() };
        self.run(&format!("UID STORE {uid} +FLAGS.SILENT ({flags})"), self.timeout).await?;
        // A server may answer OK and store nothing: if the mail is gone, or the folder is read-only.
        let answers = self.run(&format!("UID FETCH {uid} (UID FLAGS)"), self.timeout).await?;
        let mark = if self.keeps_keyword { DONE_KEYWORD } else { "\\Seen" };
        let is_kept = of_uid(&answers, uid).find_map(|attributes| has_flag(attributes, mark)).ok_or(MailError::Gone)?;
        if !is_kept {
            return Err(MailError::Protocol("it does not keep the mark; the folder may be read-only".to_owned()));
        }
        if let Some(folder) = self.done_folder.clone() {
            let moved = self.try_run(&format!("UID MOVE {uid} {}", quote(&folder)), "UID MOVE", self.timeout).await?;
            moved.ok_or(MailError::NoSuchFolder("the folder for done mails"))?;
        }
        Ok(())
    }

    pub(super) async fn wait(&mut self, at_most: Duration) -> Result<(), MailError> {
        self.drain_announcements();
        if self.has_new_mail {
            return Ok(());
        }
        if !self.can_idle {
            tokio::time::sleep(at_most).await;
            return Ok(());
        }
        let session = self.session.take().ok_or_else(closed)?;
        // Announcements that arrive before the server confirms IDLE are queued here.
        let early = session.unsolicited_responses.clone();
        let mut idle = session.idle();
        timeout(self.timeout, idle.init())
            .await
            .map_err(|_| timed_out())?
            .map_err(|error| mail_error(&error, "IDLE"))?;
        if !std::iter::from_fn(|| early.try_recv().ok()).any(|answer| announces_mail(&answer)) {
            let (announcement, _source) = idle.wait();
            // Not the library's own time-out, which every keep-alive of the server restarts.
            if let Ok(Err(error)) = timeout(at_most.min(LONGEST_IDLE), announcement).await {
                return Err(mail_error(&error, "IDLE"));
            }
        }
        let session = timeout(self.timeout, idle.done()).await.map_err(|_| timed_out())?;
        self.session = Some(session.map_err(|error| mail_error(&error, "DONE"))?);
        Ok(())
    }

    /// Runs a command and returns the server's answers. NO is an error.
    async fn run(&mut self, command: &str, limit: Duration) -> Result<Vec<UnsolicitedResponse>, MailError> {
        let name = command.split_inclusive(' ').take(2).collect::<String>();
        let name = if command.starts_with("UID ") { name.trim_end() } else { command.split(' ').next().unwrap_or("") };
        let refused = || MailError::Protocol(format!("it refused {name}"));
        self.try_run(command, name, limit).await?.ok_or_else(refused)
    }

    /// Like `run`, but NO is `None`.
    async fn try_run(
        &mut self,
        command: &str,
        name: &str,
        limit: Duration,
    ) -> Result<Option<Vec<UnsolicitedResponse>>, MailError> {
        let (into, from) = async_channel::unbounded();
        // Taken out while the command runs: after an error, or if this future is dropped, the next answer could belong
        // to this command.
        let mut session = self.session.take().ok_or_else(closed)?;
        // The session's own method keeps at most a hundred answers, and only unsolicited ones.
        let connection: &mut Connection<Transport> = &mut session;
        let done = timeout(limit, connection.run_command_and_check_ok(command, Some(into))).await;
        let answers: Vec<_> = std::iter::from_fn(|| from.try_recv().ok()).collect();
        self.has_new_mail |= answers.iter().any(announces_mail);
        match done.map_err(|_| timed_out())? {
            Ok(()) => {
                self.session = Some(session);
                Ok(Some(answers))
            }
            Err(Error::No(_)) => {
                self.session = Some(session);
                Ok(None)
            }
            Err(error) => Err(mail_error(&error, name)),
        }
    }

    /// Processes the announcements that the server sent meanwhile.
    fn drain_announcements(&mut self) {
        let Some(session) = &self.session else { return };
        while let Ok(answer) = session.unsolicited_responses.try_recv() {
            self.has_new_mail |= announces_mail(&answer);
        }
    }

    /// The UID of a mail. "If the UIDVALIDITY changes, all UIDs are different", so an id with another value is gone.
    fn uid(&self, id: &MailId) -> Result<u32, MailError> {
        let (validity, uid) = id.as_str().split_once('/').ok_or(MailError::Gone)?;
        if validity != self.validity.to_string() {
            return Err(MailError::Gone);
        }
        uid.parse().ok().filter(|uid| *uid > 0).ok_or(MailError::Gone)
    }
}

fn timed_out() -> MailError {
    MailError::Unreachable("no answer within the time-out".to_owned())
}

fn closed() -> MailError {
    MailError::Unreachable("the connection is closed".to_owned())
}

fn announces_mail(answer: &UnsolicitedResponse) -> bool {
    matches!(answer, UnsolicitedResponse::Exists(_))
}

fn search_results(answer: &UnsolicitedResponse) -> Vec<u32> {
    match answer {
        UnsolicitedResponse::Other(data) => match data.parsed() {
            Response::MailboxData(MailboxDatum::Search(uids)) => uids.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn fetched(answer: &UnsolicitedResponse) -> Option<&[AttributeValue<'_>]> {
    match answer {
        UnsolicitedResponse::Other(data) => match data.parsed() {
            Response::Fetch(_, attributes) => Some(attributes),
            _ => None,
        },
        _ => None,
    }
}

/// The attributes of one mail; the server may also send those of other mails.
fn of_uid(answers: &[UnsolicitedResponse], uid: u32) -> impl Iterator<Item = &[AttributeValue<'_>]> {
    answers.iter().filter_map(fetched).filter(move |attributes| attributes.contains(&AttributeValue::Uid(uid)))
}

fn mail_entry(attributes: &[AttributeValue<'_>], validity: u32) -> Option<MailEntry> {
    let uid =
        attributes.iter().find_map(|value| if let AttributeValue::Uid(uid) = value { Some(*uid) } else { None })?;
    let received_at = attributes.iter().find_map(|value| match value {
        AttributeValue::InternalDate(date) => DateTime::parse_from_str(date.trim(), "%e-%b-%Y %H:%M:%S %z").ok(),
        _ => None,
    });
    let id = MailId(format!("{validity}/{uid}"));
    Some(MailEntry { id, bytes: size(attributes)?, received_at: received_at?.with_timezone(&Utc) })
}

fn size(attributes: &[AttributeValue<'_>]) -> Option<u64> {
    attributes
        .iter()
        .find_map(|value| if let AttributeValue::Rfc822Size(size) = value { Some(u64::from(*size)) } else { None })
}

fn body<'a>(attributes: &'a [AttributeValue<'_>]) -> Option<&'a [u8]> {
    attributes.iter().find_map(|value| match value {
        AttributeValue::BodySection { section: None, data: Some(data), .. } => Some(data.as_ref()),
        _ => None,
    })
}

fn has_flag(attributes: &[AttributeValue<'_>], mark: &str) -> Option<bool> {
    attributes.iter().find_map(|value| match value {
        AttributeValue::Flags(flags) => Some(flags.iter().any(|flag| flag.eq_ignore_ascii_case(mark))),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
