//! The data of the dashboard, read from the database at one instant.

use super::calendar::Calendar;
use crate::Server;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use storage::DbErr;
use storage::ledger;
use storage::ledger::backfills;
use storage::ledger::progress::{Progress, progress};
use storage::reports::status::{Status, status};

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
        let status = status(snapshot, &server.accounts).await?;
        let mut calendars = Vec::new();
        for account in server.accounts.all() {
            let mut calendar = Calendar::new(account.source.zone(), now);
            let streams = account.streams();
            for id in &streams {
                let ledger = ledger::load(snapshot, id).await?;
                let label = (streams.len() > 1).then_some(id.stream.as_str());
                calendar.add_stream(label, account.view(&ledger, now), account.since(&ledger, now));
            }
            let lane =
                status.lanes.iter().find(|lane| lane.accounts.iter().any(|name| name == account.source.account()));
            let closed = lane.filter(|lane| lane.closed_until.is_none()).and_then(|lane| lane.closed_because.as_ref());
            if let Some(reason) = closed {
                calendar.close_lane(reason);
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
        Ok(Self { now, status, calendars, backfills: open_backfills, version: server.version })
    }

    /// The time zone of an account; UTC where the settings no longer have it.
    pub(crate) fn zone(&self, account: &str) -> Tz {
        let index = self.status.accounts.iter().position(|status| status.name == account);
        index.and_then(|index| self.calendars.get(index)).map_or(Tz::UTC, |calendar| calendar.zone)
    }
}
