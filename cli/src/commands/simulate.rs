//! `convosync simulate`

use crate::arguments::{Simulate, Simulated};
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::signals;
use crate::talk::say;
use axum::Router;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::{certainly, ultimate, wolkvox};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Serves a simulated vendor until SIGTERM.
pub async fn run(asked: &Simulate) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let (router, settings) = match asked.vendor {
        Simulated::Wolkvox => wolkvox(asked, clock),
        Simulated::Ultimate => ultimate(asked, clock),
        Simulated::Certainly => certainly(asked, clock)?,
    };
    let listener = TcpListener::bind(asked.bind).await.map_err(|error| {
        Failure::new(Code::Settings, format!("cannot listen on {}: {error}; write another --bind", asked.bind))
    })?;
    let stop = CancellationToken::new();
    signals::listen(&TaskTracker::new(), stop.clone())?;
    let serving = simulator::serve(listener, router, &stop)?;
    let base = serving.base();
    say(&format!("a simulated {} answers at {base}; put into convosync.toml:", asked.vendor.title()));
    say(&format!("[accounts.simulated]\n{}", settings.replace("BASE", &base)));
    say(&format!("what it saw: {base}/simulator/summary"));
    serving.stopped().await;
    Ok(())
}

fn wolkvox(asked: &Simulate, clock: Arc<dyn Clock>) -> (Router, String) {
    let faults = wolkvox::Faults {
        throttle_429: asked.faults,
        server_500: asked.faults,
        cut_body: asked.faults,
        ..wolkvox::Faults::default()
    };
    let config = wolkvox::Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        chats_per_day: asked.chats_per_day,
        history_from: clock.now() - TimeDelta::days(asked.days),
        row_cap: asked.row_cap.unwrap_or(60_000),
        faults,
        ..wolkvox::Config::default()
    };
    let settings = format!("source = \"wolkvox\"\nbase_url = \"BASE\"\ntoken = \"{}\"", asked.token);
    (wolkvox::Wolkvox::new(config, clock).router(), settings)
}

fn ultimate(asked: &Simulate, clock: Arc<dyn Clock>) -> (Router, String) {
    let faults = ultimate::Faults {
        throttle_429: asked.faults,
        server_500: asked.faults,
        cut_body: asked.faults,
        ..ultimate::Faults::default()
    };
    let config = ultimate::Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        conversations_per_day: asked.chats_per_day,
        history_from: (clock.now() - TimeDelta::days(asked.days)).date_naive(),
        shape: ultimate::Shape::mixed(),
        faults,
        ..ultimate::Config::default()
    };
    let settings = format!(
        "source = \"ultimate\"\nbase_url = \"BASE\"\ntoken = \"{}\"\norganization_id = \"{}\"\nbot_ids = {:?}",
        asked.token, config.organization, config.bots
    );
    (ultimate::Ultimate::new(config, clock).router(), settings)
}

fn certainly(asked: &Simulate, clock: Arc<dyn Clock>) -> Result<(Router, String), Failure> {
    let faults = certainly::Faults {
        throttle_429: asked.faults,
        server_500: asked.faults,
        cut_body: asked.faults,
        ..certainly::Faults::default()
    };
    let mail = match &asked.maildir {
        Some(folder) => certainly::Mail::Maildir(folder.clone()),
        None => certainly::Mail::Held,
    };
    let config = certainly::Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        messages_per_day: asked.chats_per_day,
        history_from: clock.now() - TimeDelta::days(asked.days),
        row_cap: asked.row_cap.unwrap_or(500),
        mail,
        faults,
        ..certainly::Config::default()
    };
    let mut settings = format!(
        "source = \"certainly\"\nbase_url = \"BASE/api\"\ntoken = \"{}\"\nbot_ids = {:?}",
        asked.token, config.bots
    );
    if let Some(folder) = &asked.maildir {
        let folder = std::path::absolute(folder)?;
        certainly::make_maildir(&folder)?;
        settings += "\nmailbox = \"maildir:";
        settings += &folder.display().to_string();
        settings.push('"');
    }
    Ok((certainly::Certainly::new(config, clock).router(), settings))
}
