//! `convosync demo` and `convosync simulate`: the crate `demo`, with this program as its host.

use super::CommandContext;
use super::backfill::watch;
use crate::arguments::Role;
use crate::clock::SystemClock;
use crate::console::{print, say};
use crate::failure::{Code, Failure};
use crate::output::table;
use crate::service::Service;
use crate::settings::{LogFormat, Settings};
use crate::{logging, signals};
use async_trait::async_trait;
use comfy_table::Table;
use demo::compare::Comparison;
use demo::host::{DemoService, Host, HostError};
use demo::scenario::{self, WebhookCounts};
use demo::{DemoError, DemoOptions, SimulateOptions};
use domain::clock::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs the demo, and prints the comparison of its tables with the vendors.
pub async fn run(options: DemoOptions) -> Result<(), Failure> {
    logging::start(LogFormat::Text, "warn")?;
    let interrupted = CancellationToken::new();
    signals::listen(&TaskTracker::new(), interrupted.clone())?;
    let outcome = scenario::run(&ThisProgram, &options, interrupted).await?;
    if outcome.stopped_early {
        say(&stopped_sentence(outcome.missing_rows()));
        // A script that asked for the whole comparison must not take an early end for one.
        return if options.once { Err(Failure::printed(Code::Partly)) } else { Ok(()) };
    }
    say(&webhooks_sentence(outcome.webhooks));
    print(&comparison_table(&outcome.tables).to_string())?;
    if outcome.tables.iter().all(|(_, compared)| compared.is_equal()) {
        say("The tables equal what the vendors hold.");
        return Ok(());
    }
    for (table, compared) in &outcome.tables {
        for (difference, rows) in [("missing", &compared.missing), ("not the vendor's", &compared.surplus)] {
            for row in rows.iter().take(5) {
                say(&format!("{table}: {difference}: {row}"));
            }
        }
    }
    Err(Failure::new(Code::Check, "a table differs from what its vendor holds; the rows above show where"))
}

/// Serves one simulated vendor until a signal.
pub async fn simulate(options: SimulateOptions) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    signals::listen(&TaskTracker::new(), stop.clone())?;
    Ok(demo::simulate::run(&options, Arc::new(SystemClock::start()), stop, say).await?)
}

/// This program as the demo's host.
struct ThisProgram;

#[async_trait]
impl Host for ThisProgram {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock::start())
    }

    fn say(&self, line: &str) {
        say(line);
    }

    async fn start_service(
        &self,
        settings: &str,
        dashboard: TcpListener,
        stop: CancellationToken,
    ) -> Result<DemoService, HostError> {
        let settings = Settings::from_text(settings, &BTreeMap::new()).map_err(Failure::from)?;
        let service = Service::open(&settings).await?;
        let (database, accounts) = (service.database.clone(), service.accounts.clone());
        let running = TaskTracker::new();
        let roles = [Role::Scheduler, Role::Worker, Role::Server];
        // The demo watches its backfills at once: without the report they would seem to have no worker.
        service.register(&roles).await?;
        running.spawn(async move {
            if let Err(failure) = service.run(&settings, &roles, Some(dashboard), stop.clone()).await {
                say(&format!("the service stopped: {failure}"));
                stop.cancel();
            }
        });
        running.close();
        Ok(DemoService { database, accounts, running })
    }

    async fn watch_backfill(&self, service: &DemoService, id: i64) -> Result<u64, HostError> {
        let context = CommandContext { database: service.database.clone(), accounts: service.accounts.clone() };
        Ok(u64::try_from(watch(&context, id).await?.rows).unwrap_or(0))
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Usage(message) => Self::usage(message),
            DemoError::Host(error) => match error.downcast::<Failure>() {
                Ok(failure) => *failure,
                Err(error) => Self::new(Code::Unexpected, error.to_string()),
            },
            DemoError::Database(error) => error.into(),
            DemoError::Io(error) => error.into(),
            DemoError::Listen { .. } => Self::settings(error.to_string()),
            DemoError::ServiceStopped => Self::new(Code::Unexpected, error.to_string()),
            DemoError::NotCaughtUp => Self::new(Code::Check, error.to_string()),
        }
    }
}

fn stopped_sentence(missing: usize) -> String {
    match missing {
        1 => "Stopped early: 1 row was not fetched yet.".to_owned(),
        _ => format!("Stopped early: {missing} rows were not fetched yet."),
    }
}

fn webhooks_sentence(counts: WebhookCounts) -> String {
    let WebhookCounts { events, lost, twice, late } = counts;
    let lost = match lost {
        0 => "None was lost".to_owned(),
        1 => "One was lost, and a list brought its news".to_owned(),
        _ => format!("{lost} were lost, and the lists brought their news"),
    };
    format!("{events} webhooks were due. {lost}; {twice} came twice and count once, {late} came late.")
}

fn comparison_table(compared: &[(&'static str, Comparison)]) -> Table {
    let mut rows = table(["table", "rows at vendor", "rows in table", "equal", "missing", "surplus"]);
    for (name, compared) in compared {
        rows.add_row([
            (*name).to_owned(),
            compared.vendor.to_string(),
            compared.table.to_string(),
            compared.equal.to_string(),
            compared.missing.len().to_string(),
            compared.surplus.len().to_string(),
        ]);
    }
    rows
}
