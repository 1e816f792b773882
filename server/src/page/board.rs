//! Everything the page shows, as the database has it at one moment.

use super::calendar::Calendar;
use crate::Server;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entities::progress::{Progress, progress};
use entities::report::{Health, Status, status};
use entities::{DbErr, backfills, ledger};

/// What there is to show.
#[derive(Debug)]
pub(crate) struct Board {
    /// When it was read.
    pub(crate) now: DateTime<Utc>,
    /// How everything stands.
    pub(crate) status: Status,
    /// One for each account of the status, in the same order.
    pub(crate) calendars: Vec<Calendar>,
    /// Those that have not ended, newest first.
    pub(crate) backfills: Vec<Progress>,
    /// The service's version.
    pub(crate) version: &'static str,
}

impl Board {
    /// Reads it.
    pub(crate) async fn load(server: &Server) -> Result<Self, DbErr> {
        let (db, on) = (&server.database, server.database.connection());
        let now = db.now(on).await?;
        let mut calendars = Vec::new();
        for account in server.roster.accounts() {
            let mut calendar = Calendar::new(account.source.zone(), now);
            let streams = account.streams();
            for id in &streams {
                let ledger = ledger::load(on, id).await?;
                let name = (streams.len() > 1).then_some(id.stream.as_str());
                calendar.add(name, account.view(&ledger, now), account.since(&ledger, now));
            }
            calendars.push(calendar);
        }
        let mut open = Vec::new();
        for order in backfills::list(on).await? {
            if matches!(order.state.as_str(), "running" | "paused") {
                open.extend(progress(db, server.roster.account(&order.account), order.id).await?);
            }
        }
        let status = status(db, &server.roster).await?;
        Ok(Self { now, status, calendars, backfills: open, version: server.version })
    }

    /// The clocks of an account; those of Greenwich where it is no longer in the settings.
    pub(crate) fn zone(&self, account: &str) -> Tz {
        let at = self.status.accounts.iter().position(|known| known.name == account);
        at.and_then(|at| self.calendars.get(at)).map_or(Tz::UTC, |calendar| calendar.zone)
    }

    /// The worst state of any account.
    pub(crate) fn worst(&self) -> Health {
        self.status.accounts.iter().map(|account| account.state).min().unwrap_or(Health::Ok)
    }

    /// The day in one sentence.
    pub(crate) fn headline(&self) -> String {
        let all = self.status.accounts.len();
        let ill = self.status.accounts.iter().filter(|account| account.state != Health::Ok).count();
        match (all, ill) {
            (0, _) => "No accounts yet".to_owned(),
            (1, 0) => "The account is on time".to_owned(),
            (1, _) => "The account needs attention".to_owned(),
            (_, 0) => format!("All {all} accounts are on time"),
            (_, 1) => format!("1 of {all} accounts needs attention"),
            _ => format!("{ill} of {all} accounts need attention"),
        }
    }
}
