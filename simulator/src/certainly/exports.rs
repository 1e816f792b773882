//! Exports: one at a time per token, from the acceptance to the mail.

use super::Certainly;
use super::config::{Config, Mail, MailFault};
use super::csv_report::CsvReport;
use super::csv_style::CsvStyle;
use super::email::Email;
use super::maildir;
use super::rules::ReportQuery;
use crate::random::generator;
use chrono::{DateTime, Days, NaiveDate, Utc};
use rand::Rng;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An export that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// Its number, from 1.
    pub ordinal: u64,
    /// Its request: [`crate::gateway::RequestRecord::ordinal`].
    pub request: u64,
    /// The token, by its place.
    pub token: usize,
    /// The bot.
    pub bot: String,
    /// The first day.
    pub from: NaiveDate,
    /// `toDate` of the request.
    pub to: NaiveDate,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// When its mail was written, or would have been. `None` while it is running.
    pub ready_at: Option<DateTime<Utc>>,
    /// Rows in its CSV, before a cut.
    pub rows: usize,
    /// Its progress.
    pub state: ExportState,
    /// The fault of its mail, if any.
    pub fault: Option<&'static str>,
}

/// The progress of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    /// It is running; its token can start no other.
    Running,
    /// Its mail is written and not yet delivered.
    Ready,
    /// All copies of its mail are delivered.
    Mailed,
    /// Its mail never comes.
    Lost,
}

/// All exports, and the mails in memory.
#[derive(Debug, Default)]
pub(super) struct Exports {
    all: Mutex<Vec<Export>>,
    held: Mutex<Vec<Vec<u8>>>,
}

/// An accepted export, to be carried out.
#[derive(Clone, Debug)]
pub(super) struct ExportRun {
    index: usize,
    ordinal: u64,
    query: ReportQuery,
    config: Config,
    fault: Option<MailFault>,
}

const SALT_STYLE: u64 = 0x57E1;

impl Exports {
    pub(super) fn all(&self) -> Vec<Export> {
        self.list().clone()
    }

    pub(super) fn take_mail(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Accepts an export; `None` while another of its token is running: "if another previous request was requested".
    pub(super) fn accept(
        &self,
        (request, at): (u64, DateTime<Utc>),
        token: usize,
        (bot, query): (&str, ReportQuery),
        config: &Config,
    ) -> Option<ExportRun> {
        let mut all = self.list();
        if all.iter().any(|export| export.token == token && export.state == ExportState::Running) {
            return None;
        }
        let index = all.len();
        let ordinal = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        let fault = config.mail_faults.draw(config.seed, ordinal);
        all.push(Export {
            ordinal,
            request,
            token,
            bot: bot.to_owned(),
            from: query.from,
            to: query.to,
            accepted_at: at,
            ready_at: None,
            rows: 0,
            state: ExportState::Running,
            fault: fault.map(MailFault::name),
        });
        drop(all);
        Some(ExportRun { index, ordinal, query, config: config.clone(), fault })
    }

    async fn deliver(&self, to: &Mail, email: &Email, now: DateTime<Utc>) {
        let mail = email.bytes();
        match to {
            Mail::Held => self.held.lock().unwrap_or_else(PoisonError::into_inner).push(mail),
            Mail::Maildir(path) => {
                if let Err(error) = maildir::deliver(path, &mail, now).await {
                    tracing::error!(%error, "cannot deliver a simulated mail to the Maildir; its export waits for ever");
                }
            }
        }
    }

    fn edit(&self, index: usize, change: impl FnOnce(&mut Export)) {
        if let Some(export) = self.list().get_mut(index) {
            change(export);
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Export>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ExportRun {
    /// Writes the report and mails it. The report shows the dataset as of its completion, not of the request.
    pub(super) async fn run(self, vendor: Certainly) {
        let exports = &vendor.inner.exports;
        tokio::time::sleep(self.config.export_takes).await;
        let now = vendor.inner.gateway.now();
        let (email, rows) = self.email(&vendor, now);
        let state = if self.fault == Some(MailFault::Lost) { ExportState::Lost } else { ExportState::Ready };
        exports.edit(self.index, |export| {
            export.ready_at = Some(now);
            export.rows = rows;
            export.state = state;
        });
        let mail = &self.config.mail;
        match self.fault {
            Some(MailFault::Lost) => return,
            Some(MailFault::Late) => tokio::time::sleep(self.config.mail_faults.late_by).await,
            Some(MailFault::Foreign) => exports.deliver(mail, &self.foreign(&vendor, now), now).await,
            Some(MailFault::Duplicated) => {
                let other_id: bool = generator(self.seed(), 2).random();
                if other_id {
                    exports.deliver(mail, &email.again(), now).await;
                } else {
                    exports.deliver(mail, &email, now).await;
                }
            }
            Some(MailFault::Cut) | None => {}
        }
        exports.deliver(mail, &email, now).await;
        exports.edit(self.index, |export| export.state = ExportState::Mailed);
    }

    /// The seed of the notation of mail and file.
    fn seed(&self) -> u64 {
        generator(self.config.seed ^ SALT_STYLE, self.ordinal).random()
    }

    fn email(&self, vendor: &Certainly, now: DateTime<Utc>) -> (Email, usize) {
        let (report, rows) = self.csv(vendor, self.query, self.seed());
        let csv = match self.fault {
            Some(MailFault::Cut) => report.cut(generator(self.seed(), 1).random()),
            _ => report.complete(),
        };
        (self.report_email(vendor, self.query, (now, self.seed()), csv), rows)
    }

    /// A foreign mail: a newsletter, the report of another bot, or the report of other days.
    fn foreign(&self, vendor: &Certainly, now: DateTime<Utc>) -> Email {
        let mut random = generator(self.seed(), 3);
        let seed = random.random();
        let ReportQuery { bot, from, to } = self.query;
        let earlier = |day: NaiveDate| day.checked_sub_days(Days::new(40)).unwrap_or(day);
        let bots = vendor.inner.dataset.bots();
        let other = match random.random_range(0..3u8) {
            0 => return Email::newsletter(&self.config.mail_to, now, seed),
            1 if bots > 1 => ReportQuery { bot: (bot + 1) % bots, from, to },
            _ => ReportQuery { bot, from: earlier(from), to: earlier(to) },
        };
        let (report, _) = self.csv(vendor, other, seed);
        self.report_email(vendor, other, (now, seed), report.complete())
    }

    fn csv(&self, vendor: &Certainly, query: ReportQuery, style: u64) -> (CsvReport, usize) {
        let messages = query.window(&self.config).map(|window| vendor.visible_messages(query.bot, window));
        let messages = messages.unwrap_or_default();
        (CsvReport::new(&messages, &CsvStyle::draw(style), self.config.ragged), messages.len())
    }

    fn report_email(&self, vendor: &Certainly, query: ReportQuery, when: (DateTime<Utc>, u64), csv: Vec<u8>) -> Email {
        let about = (vendor.inner.dataset.uuid(query.bot), query.from, query.to);
        let about = self.config.mail_names_bot.then_some(about);
        Email::report((&self.config.mail_from, &self.config.mail_to), about, when, csv)
    }
}
