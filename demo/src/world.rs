//! What takes part in the demo: the simulated vendors, the service with all its roles, and its database.

mod finish;

use crate::error::DemoError;
use crate::host::{DemoService, Host};
use crate::options::DemoOptions;
use crate::vendors::{DemoSetup, DemoVendor, VENDORS};
use chrono::{DateTime, TimeDelta, Utc};
use domain::backfill::Mode;
use domain::clock::Clock;
use domain::window::{Window, midnight};
use entities::deliveries;
use entities::requests::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use simulator::gateway::Faults;
use simulator::webhook_outbox::DeliveryPlan;
use simulator::{Serving, WebhookSender, WebhookVendor, make_maildir};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use storage::accounts::Account;
use storage::database::Database;
use storage::ledger::backfills;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Everything that takes part in the demo.
pub struct DemoWorld<'a> {
    /// The address of the dashboard.
    pub dashboard: SocketAddr,
    host: &'a dyn Host,
    vendors: Vec<RunningVendor>,
    service: DemoService,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    webhooks_stop: CancellationToken,
    webhooks: Vec<WebhookSender>,
    _mailbox: TempDir,
}

/// A vendor that answers requests.
struct RunningVendor {
    vendor: Box<dyn DemoVendor>,
    serving: Serving,
}

/// The number of webhooks so far, by their delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WebhookCounts {
    /// All of them.
    pub events: usize,
    /// Webhooks that were never sent.
    pub lost: usize,
    /// Webhooks that were sent twice.
    pub twice: usize,
    /// Webhooks that were sent after a later one.
    pub late: usize,
}

impl<'a> DemoWorld<'a> {
    /// Starts the vendors and, over an empty database, the service. `stop` ends both.
    pub async fn start(
        host: &'a dyn Host,
        options: &DemoOptions,
        stop: CancellationToken,
    ) -> Result<DemoWorld<'a>, DemoError> {
        let clock = host.clock();
        let mailbox = TempDir::new()?;
        make_maildir(mailbox.path())?;
        let setup = DemoSetup { seed: options.seed, clock: clock.clone(), mailbox: mailbox.path().to_owned() };
        let mut vendors = Vec::new();
        for start in VENDORS {
            let vendor = start(&setup);
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let serving = simulator::serve(listener, vendor.simulated().router(), &CancellationToken::new())?;
            vendors.push(RunningVendor { vendor, serving });
        }
        delete_database(&options.database)?;
        let settings = settings(options, &vendors)?;
        let listener = bind_dashboard(options.bind).await?;
        let (dashboard, webhooks_stop) = (listener.local_addr()?, stop.child_token());
        let service = host.start_service(&settings, listener, stop.clone()).await.map_err(DemoError::Host)?;
        let mut webhooks = Vec::new();
        for RunningVendor { vendor, .. } in &vendors {
            if let Some(sender) = vendor.simulated().webhooks() {
                let url = format!("http://{dashboard}{}", sender.webhook_path(&vendor.account()));
                webhooks.push(sender.send_webhooks(&url, webhooks_stop.clone())?);
            }
        }
        Ok(Self { dashboard, host, vendors, service, clock, stop, webhooks_stop, webhooks, _mailbox: mailbox })
    }

    /// The vendors' names, each with its address.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.vendors.iter().map(|running| (running.vendor.title(), running.serving.base()))
    }

    /// What is special about the vendors, one sentence each.
    pub fn remarks(&self) -> impl Iterator<Item = &'static str> {
        self.vendors.iter().filter_map(|running| running.vendor.remark())
    }

    /// The number of requests that all vendors have received.
    pub fn requests(&self) -> usize {
        self.vendors.iter().map(|running| running.vendor.simulated().requests().len()).sum()
    }

    /// Switches the vendors' faults on or off.
    pub fn set_faulty(&self, is_faulty: bool) {
        for running in &self.vendors {
            let faults = if is_faulty { running.vendor.faults() } else { Faults::default() };
            running.vendor.simulated().set_faults(faults);
        }
    }

    /// The webhooks of all vendors so far.
    pub fn webhook_counts(&self) -> WebhookCounts {
        let mut counts = WebhookCounts::default();
        for event in self.webhooks().flat_map(WebhookVendor::events) {
            counts.events += 1;
            match event.delivery {
                DeliveryPlan::OnTime => {}
                DeliveryPlan::Lost => counts.lost += 1,
                DeliveryPlan::Twice => counts.twice += 1,
                DeliveryPlan::Late => counts.late += 1,
            }
        }
        counts
    }

    /// Starts a backfill of everything that each vendor holds, and watches them. Returns the number of their rows.
    pub async fn backfill(&self) -> Result<u64, DemoError> {
        let mut backfills = Vec::new();
        for RunningVendor { vendor, .. } in &self.vendors {
            let name = vendor.account();
            let account = self.account(&name)?;
            let (zone, [first, last]) = (account.source.zone(), vendor.days());
            let streams: Vec<String> = account.streams().into_iter().map(|id| id.stream).collect();
            let end = midnight(last, zone) + TimeDelta::days(1);
            let Some(window) = Window::new(midnight(first, zone), end.min(self.clock.now())) else { continue };
            backfills.push(backfills::start(self.database(), &name, &streams, window, Mode::Missing).await?);
        }
        let mut rows = 0;
        for id in backfills {
            rows += self.host.watch_backfill(&self.service, id).await.map_err(DemoError::Host)?;
        }
        Ok(rows)
    }

    /// Reports, `times` over, what the time `every` has brought.
    pub async fn report(&self, interval: Duration, times: usize) -> Result<(), DemoError> {
        for _ in 0..times {
            let since = self.clock.now();
            tokio::time::sleep(interval).await;
            let requests = Entity::find().filter(Column::SentAt.gte(since)).all(self.database().connection()).await?;
            let (new, changed) = requests.iter().fold((0, 0), |sum, row| (sum.0 + row.inserted, sum.1 + row.updated));
            let mut faults: BTreeMap<&str, usize> = BTreeMap::new();
            for row in requests.iter().filter(|row| row.outcome != "answer") {
                *faults.entry(&row.outcome).or_default() += 1;
            }
            let faults: Vec<_> = faults.into_iter().map(|(outcome, times)| format!("{outcome} {times}x")).collect();
            let faults =
                if faults.is_empty() { String::new() } else { format!("; failed requests: {}", faults.join(", ")) };
            let (requests, webhooks) = (requests.len(), self.webhooks_since(since).await?);
            self.host.say(&format!(
                "{requests} requests and {webhooks} webhooks: {new} new rows, {changed} changed{faults}"
            ));
        }
        Ok(())
    }

    async fn webhooks_since(&self, since: DateTime<Utc>) -> Result<u64, DemoError> {
        let stored = deliveries::Entity::find()
            .filter(deliveries::Column::Kind.eq("webhook"))
            .filter(deliveries::Column::ReceivedAt.gte(since));
        Ok(stored.count(self.database().connection()).await?)
    }

    fn account(&self, name: &str) -> Result<&Account, DemoError> {
        let unknown = || DemoError::Usage(format!("the demo's settings have no account {name}"));
        self.service.accounts.account(name).ok_or_else(unknown)
    }

    /// The vendors that send webhooks.
    fn webhooks(&self) -> impl Iterator<Item = &dyn WebhookVendor> {
        self.vendors.iter().filter_map(|running| running.vendor.simulated().webhooks())
    }

    fn database(&self) -> &Database {
        &self.service.database
    }
}

/// The settings, as a user would write them.
fn settings(options: &DemoOptions, vendors: &[RunningVendor]) -> Result<String, DemoError> {
    let file = options.database.to_str();
    let file = file.ok_or_else(|| DemoError::Usage("--database: the name is not UTF-8; write another".to_owned()))?;
    let url = toml::Value::from(format!("sqlite://{file}"));
    let mut text = format!("[database]\nurl = {url}\n[server]\nbind = \"{}\"\n", options.bind);
    for RunningVendor { vendor, serving } in vendors {
        let account = vendor.simulated().account_settings(&serving.base());
        text.extend([format!("[accounts.{}]\n", vendor.account()), account, "\n".to_owned(), vendor.settings()]);
    }
    Ok(text)
}

/// Deletes the database of an earlier demo.
fn delete_database(file: &Path) -> Result<(), DemoError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Listens on `bind`, or on another port if that one is taken.
async fn bind_dashboard(bind: SocketAddr) -> Result<TcpListener, DemoError> {
    if let Ok(listener) = TcpListener::bind(bind).await {
        return Ok(listener);
    }
    Ok(TcpListener::bind(SocketAddr::new(bind.ip(), 0)).await?)
}
