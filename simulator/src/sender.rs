//! The only place of the simulator that sends: it posts a vendor's webhooks, to loopback only.

use crate::webhook_outbox::{Delivery, EventSource, WebhookReply, WebhookVendor};
use futures::StreamExt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Posts the webhooks of a vendor until it is stopped.
#[derive(Debug)]
pub struct WebhookSender {
    tasks: TaskTracker,
}

/// Posts deliveries to one address.
struct Poster {
    client: reqwest::Client,
    url: reqwest::Url,
}

/// How often it looks for deliveries that are due.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Deliveries in flight at once.
const MAX_IN_FLIGHT: usize = 4;

impl WebhookSender {
    /// Waits until it has stopped.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

/// Posts what `vendor` has due to `url` until `stopping`.
///
/// # Errors
/// Where `url` is not an address on loopback: simulated webhooks must not reach other machines.
pub(crate) fn start_sender(
    vendor: impl EventSource,
    url: &str,
    stopping: CancellationToken,
) -> io::Result<WebhookSender> {
    let poster = Poster::new(url)?;
    let tasks = TaskTracker::new();
    tasks.spawn(poster.run(vendor, stopping));
    tasks.close();
    Ok(WebhookSender { tasks })
}

impl Poster {
    fn new(url: &str) -> io::Result<Self> {
        let refused = |why: String| io::Error::new(io::ErrorKind::PermissionDenied, why);
        let url = reqwest::Url::parse(url)
            .map_err(|error| refused(format!("the address for webhooks is not a URL: {error}")))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            return Err(refused(format!("a simulator sends webhooks to loopback only, not to {host}")));
        }
        // Another part of the process may have installed a provider; either works.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self { client: client.map_err(io::Error::other)?, url })
    }

    async fn run(self, vendor: impl EventSource, stopping: CancellationToken) {
        let (poster, vendor, stopping) = (&self, &vendor, &stopping);
        while !stopping.is_cancelled() {
            let due = futures::stream::iter(vendor.deliveries_due(vendor.gateway().now()));
            due.for_each_concurrent(MAX_IN_FLIGHT, |delivery| async move {
                let reply = tokio::select! {
                    // Returned without a reply, so that another sender can try it again.
                    () = stopping.cancelled() => WebhookReply::default(),
                    reply = poster.post(vendor, &delivery) => reply,
                };
                vendor.record_reply(&delivery, &reply);
            })
            .await;
            let _ = stopping.run_until_cancelled(tokio::time::sleep(POLL_INTERVAL)).await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the simulated vendor sends its own webhooks")]
    async fn post(&self, vendor: &impl EventSource, delivery: &Delivery) -> WebhookReply {
        let clock = vendor.gateway().clock();
        let began = clock.elapsed();
        let mut request = self.client.post(delivery.address(self.url.as_str())).timeout(vendor.reply_timeout());
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        let response = request.body(delivery.body.clone()).send().await;
        let (status, body) = match response {
            Ok(response) => {
                let status = response.status().as_u16();
                (Some(status), response.bytes().await.map(|body| body.to_vec()))
            }
            Err(error) => (None, Err(error)),
        };
        let duration = clock.elapsed().saturating_sub(began);
        // A body that broke off is no reply.
        body.map_or(WebhookReply { duration, ..WebhookReply::default() }, |body| WebhookReply {
            status,
            body,
            duration,
        })
    }
}
