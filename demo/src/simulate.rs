//! `convosync simulate`: one simulated vendor alone.

use crate::error::DemoError;
use crate::options::SimulateOptions;
use crate::vendors::NEW_ITEM_EVERY;
use domain::clock::Clock;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves the vendor that `options` names until `stop`. `say` gets lines for the operator, among them the settings of
/// an account at this vendor.
///
/// # Errors
/// Options that do not fit the vendor, or an address that is taken.
pub async fn run(
    options: &SimulateOptions,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    say: impl Fn(&str),
) -> Result<(), DemoError> {
    let title = options.vendor.title();
    let simulation = options.vendor.simulate(options, clock)?;
    let webhooks = match (&options.webhooks, simulation.webhooks) {
        (Some(_), None) => {
            let message = format!("--webhooks: a simulated {title} sends no webhooks; leave it out");
            return Err(DemoError::Usage(message));
        }
        (Some(url), Some(send)) => Some((url, send)),
        (None, _) => None,
    };
    let listen = |error| DemoError::Listen { address: options.bind, error };
    let listener = TcpListener::bind(options.bind).await.map_err(listen)?;
    let sending = match webhooks {
        Some((url, send)) => {
            let sending = send(url, stop.clone());
            Some((url, sending.map_err(|error| DemoError::Usage(format!("--webhooks: {error}")))?))
        }
        None => None,
    };
    let serving = simulator::serve(listener, simulation.router, &stop)?;
    let base = serving.base();
    say(&format!("A simulated {title} answers at {base}; write into convosync.toml:"));
    say(&format!("[accounts.simulated]\n{}", simulation.settings.replace("BASE", &base)));
    if let Some((url, _)) = &sending {
        let every = NEW_ITEM_EVERY.as_secs();
        say(&format!("A new item begins every {every} s; webhooks about it go to {url}."));
    }
    say(&format!("The requests that it has received are at {base}/simulator/summary."));
    serving.stopped().await;
    if let Some((_, sending)) = sending {
        sending.stopped().await;
    }
    Ok(())
}
