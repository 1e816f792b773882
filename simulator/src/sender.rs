//! The only place of the simulator that sends: a vendor's own webhooks, to loopback only.

use crate::post::{Delivery, Reply};
use domain::clock::Clock;
use futures::StreamExt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A vendor with webhooks to send.
pub(crate) trait Hooked: Send + Sync + 'static {
    /// What is due now; each delivery is handed out once.
    fn due(&self) -> Vec<Delivery>;
    /// `delivery` was answered, or was not.
    fn answered(&self, delivery: &Delivery, reply: &Reply);
    /// How long it waits for an answer.
    fn patience(&self) -> Duration;
    /// Its clock.
    fn clock(&self) -> &Arc<dyn Clock>;
}

/// A vendor that sends its webhooks.
#[derive(Debug)]
pub struct Sending {
    tasks: TaskTracker,
}

/// Posts deliveries to one address.
pub(crate) struct Sender {
    client: reqwest::Client,
    url: reqwest::Url,
}

/// How often it looks for what is due.
const LOOK: Duration = Duration::from_millis(20);
/// Deliveries on their way at once.
const WIDTH: usize = 4;

impl Sending {
    /// Waits until it has been told to stop, and has.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

impl Sender {
    /// One that posts to `url`.
    ///
    /// # Errors
    /// Where `url` is no address on loopback: what is simulated must not reach anybody else.
    pub(crate) fn new(url: &str) -> io::Result<Self> {
        let refused = |why: String| io::Error::new(io::ErrorKind::PermissionDenied, why);
        let url = reqwest::Url::parse(url).map_err(|error| refused(format!("no address for webhooks: {error}")))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            return Err(refused(format!("a simulator sends to loopback only, not to {host}")));
        }
        // Somebody else in the process may have chosen a provider already; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Ok(Self { client: client.map_err(io::Error::other)?, url })
    }

    /// Sends what comes due until `stopping`.
    pub(crate) fn start(self, vendor: impl Hooked, stopping: CancellationToken) -> Sending {
        let tasks = TaskTracker::new();
        tasks.spawn(self.run(vendor, stopping));
        tasks.close();
        Sending { tasks }
    }

    async fn run(self, vendor: impl Hooked, stopping: CancellationToken) {
        let (sender, vendor, stopping) = (&self, &vendor, &stopping);
        while !stopping.is_cancelled() {
            let due = futures::stream::iter(vendor.due());
            due.for_each_concurrent(WIDTH, |delivery| async move {
                let reply = tokio::select! {
                    // Given back as one that nobody took, so that another sender can try it again.
                    () = stopping.cancelled() => Reply::default(),
                    reply = sender.post(vendor, &delivery) => reply,
                };
                vendor.answered(&delivery, &reply);
            })
            .await;
            let _ = stopping.run_until_cancelled(tokio::time::sleep(LOOK)).await;
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the simulated vendor sends its own webhooks")]
    async fn post(&self, vendor: &impl Hooked, delivery: &Delivery) -> Reply {
        let began = vendor.clock().elapsed();
        let mut request = self.client.post(delivery.address(self.url.as_str())).timeout(vendor.patience());
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
        let took = vendor.clock().elapsed().saturating_sub(began);
        // Where the body broke off there was no answer.
        body.map_or(Reply { took, ..Reply::default() }, |body| Reply { status, body, took })
    }
}
