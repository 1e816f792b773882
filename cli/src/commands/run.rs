//! `convosync run`

use crate::arguments::Role;
use crate::failure::{Code, Failure};
use crate::service::Service;
use crate::settings::Settings;
use crate::{logging, signals};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// Runs the service until SIGTERM.
pub async fn run(settings: &Settings, roles: &[Role]) -> Result<(), Failure> {
    logging::start(settings.log.format, &settings.log.level)?;
    check_queue(settings, roles)?;
    for warning in settings.warnings() {
        warn!("{warning}");
    }
    let stop = CancellationToken::new();
    signals::listen(&TaskTracker::new(), stop.clone())?;
    logging::log_panics();
    let service = tokio::select! {
        service = Service::open(settings) => service?,
        // A database that does not answer must not keep the process from stopping.
        () = stop.cancelled() => return Ok(()),
    };
    if service.accounts.all().is_empty() {
        return Err(Failure::settings(
            "there is no account to keep in sync; write a table [accounts.NAME] into the settings",
        ));
    }
    let listener = if roles.contains(&Role::Server) { Some(bind(settings).await?) } else { None };
    info!(accounts = service.accounts.all().len(), "the service runs");
    if let Some(listener) = &listener {
        info!("listening at http://{}", listener.local_addr()?);
    }
    service.run(settings, roles, listener, stop).await
}

/// Refuses a queue inside this process whose tickets no role of this process pushes, or none consumes.
fn check_queue(settings: &Settings, roles: &[Role]) -> Result<(), Failure> {
    let is_in_process = settings.queue.url.expose_secret() == "memory:";
    let missing = match (roles.contains(&Role::Scheduler), roles.contains(&Role::Worker)) {
        (true, false) => "worker",
        (false, true) => "scheduler",
        (true, true) | (false, false) => return Ok(()),
    };
    if !is_in_process {
        return Ok(());
    }
    Err(Failure::settings(format!(
        "queue.url: memory: is a queue inside this process, which does not run the role {missing}, so that no request would be \
         sent; add the role {missing} to --role, or write url = \"redis://host:6379/0\" for many processes"
    )))
}

async fn bind(settings: &Settings) -> Result<TcpListener, Failure> {
    let bind = settings.server.bind;
    TcpListener::bind(bind).await.map_err(|error| {
        Failure::new(Code::Settings, format!("server.bind: cannot listen on {bind}: {error}; write another port"))
    })
}
