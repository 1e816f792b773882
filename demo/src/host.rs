//! What the demo needs of the program that runs it.

use async_trait::async_trait;
use domain::clock::Clock;
use std::error::Error;
use std::sync::Arc;
use storage::accounts::Accounts;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// An error of the host, in its own type.
pub type HostError = Box<dyn Error + Send + Sync>;

/// The program that runs the demo. It owns the clock, the terminal, and the wiring of the service.
#[async_trait]
pub trait Host: Send + Sync {
    /// This host's clock.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Writes one line for the person who watches.
    fn say(&self, line: &str);

    /// Starts the service with all roles. `settings` are the text of a settings file; the dashboard is served on
    /// `dashboard`. The service runs until `stop`, and cancels `stop` if it fails.
    ///
    /// # Errors
    /// Settings that cannot be used, or a database that cannot be opened.
    async fn start_service(
        &self,
        settings: &str,
        dashboard: TcpListener,
        stop: CancellationToken,
    ) -> Result<DemoService, HostError>;

    /// Shows a backfill's progress until it ends. Returns the number of rows that it brought.
    ///
    /// # Errors
    /// A backfill that needs a person.
    async fn watch_backfill(&self, service: &DemoService, id: i64) -> Result<u64, HostError>;
}

/// The service that the demo watches.
pub struct DemoService {
    /// Its database.
    pub database: Database,
    /// Its accounts, one per simulated vendor.
    pub accounts: Arc<Accounts>,
    /// Its task, closed; it ends after the service has stopped.
    pub running: TaskTracker,
}
