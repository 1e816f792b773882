//! `convosync simulate`: one simulated vendor alone.

use crate::error::DemoError;
use crate::options::SimulateOptions;
use domain::clock::Clock;
use simulator::VendorOptions;
use simulator::gateway::Faults;
use simulator::webhook_outbox::WebhookFaults;
use std::path::absolute;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often a new item begins, when webhooks are sent.
const NEW_ITEM_EVERY: Duration = Duration::from_secs(5);
/// How long such an item lasts at most.
const ITEM_LASTS: Duration = Duration::from_mins(1);

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
    let title = options.vendor.title;
    if options.webhooks.is_some() && !options.vendor.posts_webhooks {
        return Err(DemoError::Usage(format!("--webhooks: a simulated {title} sends no webhooks; leave it out")));
    }
    let vendor = options.vendor.create(&vendor_options(options)?, clock).map_err(DemoError::Usage)?;
    let listen = |error| DemoError::Listen { address: options.bind, error };
    let listener = TcpListener::bind(options.bind).await.map_err(listen)?;
    let sending = match (&options.webhooks, vendor.webhooks()) {
        (Some(url), Some(webhooks)) => {
            let sending = webhooks.send_webhooks(url, stop.clone());
            Some((url, sending.map_err(|error| DemoError::Usage(format!("--webhooks: {error}")))?))
        }
        _ => None,
    };
    let serving = simulator::serve(listener, vendor.router(), &stop)?;
    let base = serving.base();
    say(&format!("A simulated {title} answers at {base}; write into convosync.toml:"));
    say(&format!("[accounts.simulated]\n{}", vendor.account_settings(&base)));
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

/// The options of the simulated vendor. Without webhooks nothing new begins.
fn vendor_options(options: &SimulateOptions) -> Result<VendorOptions, DemoError> {
    let share = options.faults;
    let has_webhooks = options.webhooks.is_some();
    Ok(VendorOptions {
        seed: options.seed,
        token: options.token.clone(),
        items_per_day: options.chats_per_day,
        history_days: options.days,
        live_every: has_webhooks.then_some(NEW_ITEM_EVERY),
        ends_after: has_webhooks.then_some(ITEM_LASTS),
        row_cap: options.row_cap,
        faults: Faults { throttle_429: share, server_500: share, cut_body: share, ..Faults::default() },
        webhook_faults: WebhookFaults { lost: share, duplicate: share, disorder: share, ..WebhookFaults::default() },
        maildir: options.maildir.as_deref().map(absolute).transpose()?,
        webhook_url: options.webhooks.clone(),
        ..VendorOptions::default()
    })
}
