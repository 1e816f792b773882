//! `convosync simulate`

mod certainly;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

use crate::arguments::{Simulate, Simulated};
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::signals;
use crate::talk::say;
use axum::Router;
use domain::clock::Clock;
use simulator::Sending;
use simulator::gateway::Faults;
use simulator::post::Shares;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A vendor, ready to be served.
struct Simulation {
    router: Router,
    /// The account as a user would write it, with `BASE` for the address.
    settings: String,
    /// How it posts webhooks to an address, where it has any.
    post: Option<Post>,
}

/// Posts webhooks to an address until it is told to stop.
type Post = Box<dyn FnOnce(&str, CancellationToken) -> io::Result<Sending>>;

/// Serves a simulated vendor until SIGTERM.
pub async fn run(asked: &Simulate) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let simulation = match asked.vendor {
        Simulated::Wolkvox => wolkvox::simulation(asked, clock),
        Simulated::Ultimate => ultimate::simulation(asked, clock),
        Simulated::Certainly => certainly::simulation(asked, clock)?,
        Simulated::Truora => truora::simulation(asked, clock),
        Simulated::Treble => treble::simulation(asked, clock)?,
    };
    let title = asked.vendor.title();
    let posting = match (&asked.webhooks, simulation.post) {
        (Some(_), None) => {
            return Err(Failure::usage(format!("--webhooks: a simulated {title} posts none; leave it out")));
        }
        (Some(url), Some(post)) => Some((url, post)),
        (None, _) => None,
    };
    let listener = TcpListener::bind(asked.bind).await.map_err(|error| {
        Failure::new(Code::Settings, format!("cannot listen on {}: {error}; write another --bind", asked.bind))
    })?;
    let stop = CancellationToken::new();
    signals::listen(&TaskTracker::new(), stop.clone())?;
    let sending = match posting {
        Some((url, post)) => {
            let sending = post(url, stop.clone());
            Some((url, sending.map_err(|error| Failure::usage(format!("--webhooks: {error}")))?))
        }
        None => None,
    };
    let serving = simulator::serve(listener, simulation.router, &stop)?;
    let base = serving.base();
    say(&format!("a simulated {title} answers at {base}; put into convosync.toml:"));
    say(&format!("[accounts.simulated]\n{}", simulation.settings.replace("BASE", &base)));
    if let Some((url, _)) = &sending {
        say(&format!("one more begins every {} s; what happens is posted to {url}", LIVE.as_secs()));
    }
    say(&format!("what it saw: {base}/simulator/summary"));
    serving.stopped().await;
    if let Some((_, sending)) = sending {
        sending.stopped().await;
    }
    Ok(())
}

/// How often something begins where webhooks are posted.
const LIVE: Duration = Duration::from_secs(5);
/// How long that takes at most.
const LIFE: Duration = Duration::from_mins(1);
/// The secret of webhooks.
const SECRET: &str = "simulated-secret";

/// Chats a day, unless somebody says another number; and of what is asked for one by one.
const MANY: f64 = 400.0;
const FEW: f64 = 40.0;

/// What goes wrong with requests.
fn faults(asked: &Simulate) -> Faults {
    Faults { throttle_429: asked.faults, server_500: asked.faults, cut_body: asked.faults, ..Faults::default() }
}

/// What goes wrong with webhooks.
fn shares(asked: &Simulate) -> Shares {
    Shares { lost: asked.faults, duplicate: asked.faults, disorder: asked.faults, ..Shares::default() }
}
