//! The data of the dashboard, read from the database at one instant.

use super::calendar::Calendar;
use crate::Server;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use storage::DbErr;
use storage::ledger;
use storage::ledger::backfills;
use storage::ledger::progress::{Progress, progress};
use storage::reports::status::Health;
use storage::reports::status::Status;
use storage::reports::status::status;

/// Everything that the dashboard shows.
#[derive(Debug)]
pub(crate) struct PageData {
    /// When the database was read, by its clock.
    pub(crate) now: DateTime<Utc>,
    /// Accounts, lanes and queue.
    pub(crate) status: Status,
    /// One calendar per account, in the order of `status.accounts`.
    pub(crate) calendars: Vec<Calendar>,
    /// Backfills that run or are paused, newest first.
    pub(crate) backfills: Vec<Progress>,
    /// The version of the service.
    pub(crate) version: &'static str,
}

impl PageData {
    /// Reads the snapshot.
    ///
    /// # Errors
    /// The database's error.
    pub(crate) async fn load(server: &Server) -> Result<Self, DbErr> {
        let snapshot = &server.database.report_snapshot().await?;
        let now = snapshot.now();
        let mut calendars = Vec::new();
        for account in server.accounts.all() {
            let mut calendar = Calendar::new(account.source.zone(), now);
            let streams = account.streams();
            for id in &streams {
                let ledger = ledger::load(snapshot, id).await?;
                let label = (streams.len() > 1).then_some(id.stream.as_str());
                calendar.add_stream(label, account.view(&ledger, now), account.since(&ledger, now));
            }
            calendars.push(calendar);
        }
        let mut open_backfills = Vec::new();
        for backfill in backfills::list(snapshot).await? {
            if matches!(backfill.state.as_str(), "running" | "paused") {
                let account = server.accounts.account(&backfill.account);
                open_backfills.extend(progress(snapshot, account, backfill.id).await?);
            }
        }
        let status = status(snapshot, &server.accounts).await?;
        Ok(Self { now, status, calendars, backfills: open_backfills, version: server.version })
    }

    /// The time zone of an account; UTC where the settings no longer have it.
    pub(crate) fn zone(&self, account: &str) -> Tz {
        let index = self.status.accounts.iter().position(|status| status.name == account);
        index.and_then(|index| self.calendars.get(index)).map_or(Tz::UTC, |calendar| calendar.zone)
    }

    /// The worst health of any account.
    pub(crate) fn worst_health(&self) -> Health {
        self.status.accounts.iter().map(|account| account.state).min().unwrap_or(Health::Ok)
    }

    /// One sentence that says how many accounts need attention.
    pub(crate) fn headline(&self) -> String {
        let total = self.status.accounts.len();
        let unhealthy = self.status.accounts.iter().filter(|account| account.state != Health::Ok).count();
        match (total, unhealthy) {
            (0, _) => "No accounts yet".to_owned(),
            (1, 0) => "The account is on time".to_owned(),
            (1, _) => "The account needs attention".to_owned(),
            (_, 0) => format!("All {total} accounts are on time"),
            (_, 1) => format!("1 of {total} accounts needs attention"),
            _ => format!("{unhealthy} of {total} accounts need attention"),
        }
    }
}
