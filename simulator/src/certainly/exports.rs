//! Exports: one at a time per token, from their acceptance to their mail.

use super::Certainly;
use super::config::{Config, Mail};
use super::faults::MailFault;
use super::letter::Letter;
use super::maildir;
use super::rules::Question;
use super::sheet::Sheet;
use super::style::Style;
use super::truth::generator;
use chrono::{DateTime, Days, NaiveDate, Utc};
use rand::Rng;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An export that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The how-manieth it was, from 1.
    pub ordinal: u64,
    /// The request that asked for it: [`super::Seen::ordinal`].
    pub request: u64,
    /// Which of the good tokens, by its place.
    pub token: usize,
    /// Its bot.
    pub bot: String,
    /// Its first day.
    pub from: NaiveDate,
    /// `toDate` as it was asked for.
    pub to: NaiveDate,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// When its mail was made, or would have been. `None` while under way.
    pub made_at: Option<DateTime<Utc>>,
    /// Rows in its CSV, before anything was cut off.
    pub rows: usize,
    /// How far it is.
    pub state: State,
    /// What goes wrong with its mail, if anything.
    pub fault: Option<&'static str>,
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Under way: its token can start no other.
    UnderWay,
    /// Its mail is made and not yet delivered.
    Made,
    /// Its mail is delivered, as often as it will be.
    Mailed,
    /// Its mail never comes.
    Lost,
}

/// Every export there was, and the mail that nobody has taken yet.
#[derive(Debug, Default)]
pub(super) struct Exports {
    all: Mutex<Vec<Export>>,
    held: Mutex<Vec<Vec<u8>>>,
}

/// An export to be carried out.
#[derive(Clone, Debug)]
pub(super) struct Job {
    place: usize,
    ordinal: u64,
    question: Question,
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

    /// Accepts an export; `None` while another of its token is under way: "if another previous request was
    /// requested".
    pub(super) fn accept(
        &self,
        (request, at): (u64, DateTime<Utc>),
        token: usize,
        (bot, question): (&str, Question),
        config: &Config,
    ) -> Option<Job> {
        let mut all = self.list();
        if all.iter().any(|export| export.token == token && export.state == State::UnderWay) {
            return None;
        }
        let place = all.len();
        let ordinal = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
        let fault = config.faults.draw_mail(config.seed, ordinal);
        all.push(Export {
            ordinal,
            request,
            token,
            bot: bot.to_owned(),
            from: question.from,
            to: question.to,
            accepted_at: at,
            made_at: None,
            rows: 0,
            state: State::UnderWay,
            fault: fault.map(MailFault::name),
        });
        drop(all);
        Some(Job { place, ordinal, question, config: config.clone(), fault })
    }

    async fn deliver(&self, to: &Mail, letter: &Letter, now: DateTime<Utc>) {
        let mail = letter.bytes();
        match to {
            Mail::Held => self.held.lock().unwrap_or_else(PoisonError::into_inner).push(mail),
            Mail::Maildir(path) => {
                if let Err(error) = maildir::deliver(path, &mail, now).await {
                    tracing::error!(%error, "a simulated mail could not be delivered");
                }
            }
        }
    }

    fn edit(&self, place: usize, change: impl FnOnce(&mut Export)) {
        if let Some(export) = self.list().get_mut(place) {
            change(export);
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Export>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    /// Makes the report and mails it. What it says is the truth when it is made, not when it was asked for.
    pub(super) async fn run(self, vendor: Certainly) {
        let exports = &vendor.inside.exports;
        tokio::time::sleep(self.config.export_takes).await;
        let now = vendor.inside.clock.now();
        let (letter, rows) = self.letter(&vendor, now);
        let state = if self.fault == Some(MailFault::Lost) { State::Lost } else { State::Made };
        exports.edit(self.place, |export| {
            export.made_at = Some(now);
            export.rows = rows;
            export.state = state;
        });
        let mail = &self.config.mail;
        match self.fault {
            Some(MailFault::Lost) => return,
            Some(MailFault::Late) => tokio::time::sleep(self.config.faults.late_by).await,
            Some(MailFault::Foreign) => exports.deliver(mail, &self.foreign(&vendor, now), now).await,
            Some(MailFault::Duplicated) => {
                let other_id: bool = generator(self.seed(), 2).random();
                if other_id {
                    exports.deliver(mail, &letter.again(), now).await;
                } else {
                    exports.deliver(mail, &letter, now).await;
                }
            }
            Some(MailFault::Cut) | None => {}
        }
        exports.deliver(mail, &letter, now).await;
        exports.edit(self.place, |export| export.state = State::Mailed);
    }

    /// Decides how this export's mail and file are written.
    fn seed(&self) -> u64 {
        generator(self.config.seed ^ SALT_STYLE, self.ordinal).random()
    }

    fn letter(&self, vendor: &Certainly, now: DateTime<Utc>) -> (Letter, usize) {
        let (sheet, rows) = self.sheet(vendor, self.question, self.seed());
        let csv = match self.fault {
            Some(MailFault::Cut) => sheet.cut(generator(self.seed(), 1).random()),
            _ => sheet.whole(),
        };
        (self.report(vendor, self.question, (now, self.seed()), csv), rows)
    }

    /// A mail that is not ours: a newsletter, another bot's report, or that of other days.
    fn foreign(&self, vendor: &Certainly, now: DateTime<Utc>) -> Letter {
        let mut random = generator(self.seed(), 3);
        let seed = random.random();
        let Question { bot, from, to } = self.question;
        let earlier = |day: NaiveDate| day.checked_sub_days(Days::new(40)).unwrap_or(day);
        let bots = vendor.inside.truth.bots();
        let other = match random.random_range(0..3u8) {
            0 => return Letter::newsletter(&self.config.mail_to, now, seed),
            1 if bots > 1 => Question { bot: (bot + 1) % bots, from, to },
            _ => Question { bot, from: earlier(from), to: earlier(to) },
        };
        let (sheet, _) = self.sheet(vendor, other, seed);
        self.report(vendor, other, (now, seed), sheet.whole())
    }

    fn sheet(&self, vendor: &Certainly, question: Question, style: u64) -> (Sheet, usize) {
        let messages = question.window(&self.config).map(|window| vendor.shown(question.bot, window));
        let messages = messages.unwrap_or_default();
        (Sheet::new(&messages, &Style::drawn(style), self.config.ragged), messages.len())
    }

    fn report(&self, vendor: &Certainly, asked: Question, when: (DateTime<Utc>, u64), csv: Vec<u8>) -> Letter {
        let about = (vendor.inside.truth.uuid(asked.bot), asked.from, asked.to);
        let about = self.config.mail_names_bot.then_some(about);
        Letter::report((&self.config.mail_from, &self.config.mail_to), about, when, csv)
    }
}
