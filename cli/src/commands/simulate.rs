//! `convosync simulate`

use crate::arguments::{Simulate, Simulated};
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::signals;
use crate::talk::say;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::wolkvox::{Config, Faults, Wolkvox};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves a simulated vendor until SIGTERM.
pub async fn run(asked: &Simulate) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let Simulated::Wolkvox = asked.vendor;
    let config = Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        chats_per_day: asked.chats_per_day,
        history_from: clock.now() - TimeDelta::days(asked.days),
        row_cap: asked.row_cap,
        faults: Faults {
            throttle_429: asked.faults,
            server_500: asked.faults,
            cut_body: asked.faults,
            ..Faults::default()
        },
        ..Config::default()
    };
    let vendor = Wolkvox::new(config, clock);
    let listener = TcpListener::bind(asked.bind).await.map_err(|error| {
        Failure::new(Code::Settings, format!("cannot listen on {}: {error}; write another --bind", asked.bind))
    })?;
    let stop = CancellationToken::new();
    signals::listen(&TaskTracker::new(), stop.clone())?;
    let serving = simulator::serve(listener, vendor.router(), &stop)?;
    say(&format!("a simulated Wolkvox answers at {}; put into convosync.toml:", serving.base()));
    say(&format!(
        "[accounts.simulated]\nsource = \"wolkvox\"\nbase_url = \"{}\"\ntoken = \"{}\"",
        serving.base(),
        asked.token
    ));
    say(&format!("what it saw: {}/simulator/summary", serving.base()));
    serving.stopped().await;
    Ok(())
}
