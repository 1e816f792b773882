//! What the demo plays on: a simulated vendor, an embedded database, and the service with all its roles.

use crate::arguments::{Demo, Role};
use crate::clock::SystemClock;
use crate::commands::{Opened, log, watch};
use crate::compare::{Comparison, wolkvox};
use crate::failure::{Code, Failure};
use crate::service::Service;
use crate::settings::{LogFormat, Settings};
use crate::talk::say;
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::clock::Clock;
use domain::window::{Window, midnight};
use entities::backfills;
use entities::database::Database;
use entities::progress::Progress;
use entities::tables::requests::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use simulator::wolkvox::{Config, Faults, Wolkvox};
use simulator::{Serving, serve};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything that plays.
pub struct Stage {
    /// Where the vendor answers.
    pub vendor_at: String,
    /// Where the dashboard is.
    pub dashboard_at: SocketAddr,
    vendor: Wolkvox,
    opened: Opened,
    clock: Arc<dyn Clock>,
    span: Window,
    stop: CancellationToken,
    service: TaskTracker,
    _serving: Serving,
}

/// How many days the vendor holds.
const DAYS: i64 = 30;
/// The account's name.
const ACCOUNT: &str = "demo";
/// How long the last poll may take to be answered.
const PATIENCE: Duration = Duration::from_mins(2);

impl Stage {
    /// Sets everything up and starts the service.
    pub async fn set(asked: &Demo, stop: CancellationToken) -> Result<Self, Failure> {
        log(LogFormat::Text, "warn")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let config = Config { seed: asked.seed, ..Config::default() };
        let today = clock.now().with_timezone(&config.zone).date_naive();
        let from = midnight(today - TimeDelta::days(DAYS), config.zone);
        let config = Config {
            history_from: from,
            chats_per_day: 400.0,
            live_every: Some(Duration::from_secs(3)),
            blank_ids: 0.01,
            duplicates: 0.01,
            odd_columns: true,
            latency: Duration::from_millis(150),
            ..config
        };
        let vendor = Wolkvox::new(config, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let serving = serve(listener, vendor.router(), &CancellationToken::new())?;
        forget(&asked.database)?;
        let settings = Settings::from_text(&written(asked, &serving.base())?, Vec::new())?;
        let service = Service::open(&settings).await?;
        let opened = Opened { database: service.database.clone(), roster: (*service.roster).clone() };
        let listener = dashboard(asked.bind).await?;
        let stage = Self {
            vendor_at: serving.base(),
            dashboard_at: listener.local_addr()?,
            vendor,
            opened,
            span: Window::new(from, clock.now()).ok_or_else(|| Failure::new(Code::Unexpected, "no days to show"))?,
            clock,
            stop: stop.clone(),
            service: TaskTracker::new(),
            _serving: serving,
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

    /// Orders a backfill of everything the vendor holds, and watches it.
    pub async fn backfill(&self) -> Result<Progress, Failure> {
        let streams: Vec<String> = self.opened.account(ACCOUNT)?.streams().into_iter().map(|id| id.stream).collect();
        let id = backfills::start(self.database(), ACCOUNT, &streams, self.span, Mode::Missing).await?;
        watch(&self.opened, id).await
    }

    /// How many requests the vendor has seen.
    pub fn requests(&self) -> usize {
        self.vendor.requests().len()
    }

    /// Changes what goes wrong at the vendor.
    pub fn stumble(&self, faults: Faults) {
        self.vendor.set_faults(faults);
    }

    /// Tells, `times` over, what the last while brought.
    pub async fn news(&self, every: Duration, times: usize) -> Result<(), Failure> {
        for _ in 0..times {
            let since = self.clock.now();
            tokio::time::sleep(every).await;
            let seen = Entity::find().filter(Column::AskedAt.gte(since)).all(self.database().connection()).await?;
            let (new, changed) = seen.iter().fold((0, 0), |sum, row| (sum.0 + row.inserted, sum.1 + row.updated));
            let failed: Vec<_> =
                seen.iter().filter(|row| row.outcome != "answer").map(|row| row.outcome.as_str()).collect();
            let failed =
                if failed.is_empty() { String::new() } else { format!("; the vendor said {}", failed.join(", ")) };
            say(&format!("{} polls: {new} new rows, {changed} changed{failed}", seen.len()));
        }
        Ok(())
    }

    /// Stops the vendor's truth, waits until the last poll has been stored, ends the service, and compares.
    pub async fn curtain(&self) -> Result<Comparison, Failure> {
        self.vendor.set_faults(Faults::default());
        self.vendor.freeze();
        let frozen = self.clock.now();
        let all = Window::new(self.span.from(), frozen).unwrap_or(self.span);
        let caught_up = tokio::select! {
            caught_up = tokio::time::timeout(PATIENCE, self.caught_up(frozen)) => caught_up,
            () = self.stop.cancelled() => Ok(Ok(())),
        };
        self.stop.cancel();
        self.service.wait().await;
        caught_up.map_err(|_| Failure::new(Code::Check, "the last poll was not answered in time"))??;
        Ok(wolkvox(self.database(), ACCOUNT, &self.vendor, all).await?)
    }

    /// Waits until everything that could still change has been read once more after `frozen`.
    async fn caught_up(&self, frozen: DateTime<Utc>) -> Result<(), Failure> {
        let open_since = frozen - TimeDelta::hours(24);
        loop {
            let read = Entity::find()
                .filter(Column::Verdict.eq("commit"))
                .filter(Column::AskedAt.gt(frozen + TimeDelta::seconds(1)))
                .filter(Column::FromAt.lt(open_since))
                .filter(Column::ToAt.gte(frozen))
                .count(self.database().connection())
                .await?;
            if read > 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn database(&self) -> &Database {
        &self.opened.database
    }
}

/// The settings as a user would write them.
fn written(asked: &Demo, vendor: &str) -> Result<String, Failure> {
    let file = asked.database.to_str().ok_or_else(|| Failure::usage("--database: not a name in UTF-8"))?;
    let url = toml::Value::from(format!("sqlite://{file}"));
    Ok(format!(
        "[database]\nurl = {url}\n[server]\nbind = \"{}\"\n[accounts.{ACCOUNT}]\nsource = \"wolkvox\"\nbase_url = \"{vendor}\"\n\
         token = \"simulated-token\"\ninterval = \"3s\"\nrefresh = \"6s\"\nspacing = \"200ms\"\nretry_min = \"1s\"\n\
         maintenance_pause = \"3s\"\ntimeout = \"20s\"\n",
        asked.bind
    ))
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
