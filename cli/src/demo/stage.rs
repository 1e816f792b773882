//! What the demo plays on: a simulated vendor, an embedded database, and the service with all its roles.

use crate::arguments::{Demo, Role};
use crate::clock::SystemClock;
use crate::commands::{Opened, log, watch};
use crate::compare::Comparison;
use crate::demo::hooked::TREBLE;
use crate::demo::vendors::{CERTAINLY, Vendors, WOLKVOX};
use crate::failure::{Code, Failure};
use crate::service::Service;
use crate::settings::{LogFormat, Settings};
use crate::talk::say;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::clock::Clock;
use domain::window::{Window, midnight};
use entities::database::Database;
use entities::tables::deliveries;
use entities::tables::requests::{Column, Entity};
use entities::{backfills, jobs};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use simulator::Sending;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything that plays.
pub struct Stage {
    /// The vendors.
    pub vendors: Vendors,
    /// Where the dashboard is.
    pub dashboard_at: SocketAddr,
    opened: Opened,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    service: TaskTracker,
    posting: CancellationToken,
    sending: [Sending; 2],
    _mailbox: TempDir,
}

/// How long the last poll may take to be answered.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often to look for what a list has still to bring, twice a second.
const CHECKS: u32 = 100;

impl Stage {
    /// Sets everything up and starts the service.
    pub async fn set(asked: &Demo, stop: CancellationToken) -> Result<Self, Failure> {
        log(LogFormat::Text, "warn")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let mailbox = TempDir::new()?;
        let vendors = Vendors::start(asked.seed, clock.clone(), mailbox.path()).await?;
        forget(&asked.database)?;
        let settings = Settings::from_text(&written(asked, &vendors)?, Vec::new())?;
        let service = Service::open(&settings).await?;
        let opened = Opened { database: service.database.clone(), roster: (*service.roster).clone() };
        let listener = dashboard(asked.bind).await?;
        let (dashboard_at, posting) = (listener.local_addr()?, stop.child_token());
        let stage = Self {
            sending: vendors.hooked.post(dashboard_at, &posting)?,
            vendors,
            dashboard_at,
            opened,
            clock,
            stop: stop.clone(),
            service: TaskTracker::new(),
            posting,
            _mailbox: mailbox,
        };
        stage.service.spawn(async move {
            let roles = [Role::Scheduler, Role::Worker, Role::Server];
            if let Err(failure) = service.run(&settings, &roles, Some(listener), stop.clone()).await {
                say(&format!("the service ended: {failure}"));
                stop.cancel();
            }
        });
        stage.service.close();
        Ok(stage)
    }

    /// Orders backfills of everything the vendors hold, and watches them.
    pub async fn backfill(&self) -> Result<u64, Failure> {
        let mut ordered = Vec::new();
        for (name, first, last) in self.vendors.days {
            let account = self.opened.account(name)?;
            let zone = account.source.zone();
            let streams: Vec<String> = account.streams().into_iter().map(|id| id.stream).collect();
            let end = midnight(last, zone) + TimeDelta::days(1);
            let Some(window) = Window::new(midnight(first, zone), end.min(self.clock.now())) else { continue };
            ordered.push(backfills::start(self.database(), name, &streams, window, Mode::Missing).await?);
        }
        let mut rows = 0;
        for id in ordered {
            rows += u64::try_from(watch(&self.opened, id).await?.rows).unwrap_or(0);
        }
        Ok(rows)
    }

    /// Tells, `times` over, what the last while brought.
    pub async fn news(&self, every: Duration, times: usize) -> Result<(), Failure> {
        for _ in 0..times {
            let since = self.clock.now();
            tokio::time::sleep(every).await;
            let seen = Entity::find().filter(Column::AskedAt.gte(since)).all(self.database().connection()).await?;
            let (new, changed) = seen.iter().fold((0, 0), |sum, row| (sum.0 + row.inserted, sum.1 + row.updated));
            let mut said: BTreeMap<&str, usize> = BTreeMap::new();
            for row in seen.iter().filter(|row| row.outcome != "answer") {
                *said.entry(&row.outcome).or_default() += 1;
            }
            let said: Vec<_> = said.into_iter().map(|(word, times)| format!("{word} {times}x")).collect();
            let said = if said.is_empty() { String::new() } else { format!("; vendors said: {}", said.join(", ")) };
            let (requests, hooks) = (seen.len(), self.hooks_since(since).await?);
            say(&format!("{requests} requests and {hooks} webhooks: {new} new rows, {changed} changed{said}"));
        }
        Ok(())
    }

    async fn hooks_since(&self, since: DateTime<Utc>) -> Result<u64, Failure> {
        let taken = deliveries::Entity::find()
            .filter(deliveries::Column::Kind.eq("webhook"))
            .filter(deliveries::Column::SeenAt.gte(since));
        Ok(taken.count(self.database().connection()).await?)
    }

    /// Stops the vendors' truths, waits until the last polls have been stored, ends the service, and compares.
    pub async fn curtain(&self) -> Result<Vec<(&'static str, Comparison)>, Failure> {
        self.vendors.stumble(false);
        self.vendors.freeze();
        let frozen = self.clock.now();
        let all = async {
            self.caught_up(frozen).await?;
            self.told_all().await?;
            self.found(frozen).await
        };
        let caught_up = tokio::select! {
            caught_up = tokio::time::timeout(PATIENCE, all) => caught_up,
            () = self.stop.cancelled() => Ok(Ok(())),
        };
        self.stop.cancel();
        self.service.wait().await;
        caught_up.map_err(|_| Failure::new(Code::Check, "the last poll was not answered in time"))??;
        Ok(self.vendors.compare(self.database(), frozen).await?)
    }

    /// Waits until everything that could still change has been read once more after `frozen`.
    async fn caught_up(&self, frozen: DateTime<Utc>) -> Result<(), Failure> {
        for (account, back) in [(WOLKVOX, TimeDelta::hours(24)), (CERTAINLY, TimeDelta::hours(1))] {
            loop {
                let read = Entity::find()
                    .filter(Column::Account.eq(account))
                    .filter(Column::Verdict.eq("commit"))
                    .filter(Column::AskedAt.gt(frozen + TimeDelta::seconds(1)))
                    .filter(Column::FromAt.lt(frozen - back))
                    .filter(Column::ToAt.gte(frozen))
                    .all(self.database().connection())
                    .await?;
                let streams: BTreeSet<&str> = read.iter().map(|row| row.stream.as_str()).collect();
                if streams.len() == self.opened.account(account)?.streams().len() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Waits until every webhook of what has happened was sent.
    async fn told_all(&self) -> Result<(), Failure> {
        loop {
            // What has happened is noted when somebody looks for what is due.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.vendors.hooked.unsent() == 0 {
                break;
            }
        }
        self.posting.cancel();
        for sending in &self.sending {
            sending.stopped().await;
        }
        // What goes on for good is looked at now and then only; it stands still from now on.
        for job in jobs::list(self.database().connection()).await? {
            if job.account == TREBLE && job.purpose == "lead" && job.from_at.is_some() {
                jobs::retry(self.database(), job.id).await?;
            }
        }
        Ok(())
    }

    /// Waits until the lists have brought what nobody told. What is not there by then is shown as missing.
    async fn found(&self, frozen: DateTime<Utc>) -> Result<(), Failure> {
        for _ in 0..CHECKS {
            let compared = self.vendors.hooked.compare(self.database(), frozen).await?;
            if compared.iter().all(|(_, compared)| compared.is_equal()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    fn database(&self) -> &Database {
        &self.opened.database
    }
}

/// The settings as a user would write them.
fn written(asked: &Demo, vendors: &Vendors) -> Result<String, Failure> {
    let file = asked.database.to_str().ok_or_else(|| Failure::usage("--database: not a name in UTF-8"))?;
    let url = toml::Value::from(format!("sqlite://{file}"));
    Ok(format!("[database]\nurl = {url}\n[server]\nbind = \"{}\"\n{}", asked.bind, vendors.settings()))
}

/// A demo begins with an empty database.
fn forget(file: &Path) -> Result<(), Failure> {
    for end in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Another port will do where the usual one is taken.
async fn dashboard(bind: SocketAddr) -> Result<TcpListener, Failure> {
    if let Ok(listener) = TcpListener::bind(bind).await {
        return Ok(listener);
    }
    Ok(TcpListener::bind(SocketAddr::new(bind.ip(), 0)).await?)
}
