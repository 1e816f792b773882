//! A simulated Wolkvox.

use super::{MANY, Simulation};
use crate::arguments::Simulate;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::wolkvox::{Config, Faults, Wolkvox};
use std::sync::Arc;

/// Holds chats.
pub fn simulation(asked: &Simulate, clock: Arc<dyn Clock>) -> Simulation {
    let faults =
        Faults { throttle_429: asked.faults, server_500: asked.faults, cut_body: asked.faults, ..Faults::default() };
    let config = Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        chats_per_day: asked.chats_per_day.unwrap_or(MANY),
        history_from: clock.now() - TimeDelta::days(asked.days),
        row_cap: asked.row_cap.unwrap_or(60_000),
        faults,
        ..Config::default()
    };
    let settings = format!("source = \"wolkvox\"\nbase_url = \"BASE\"\ntoken = \"{}\"", asked.token);
    Simulation { router: Wolkvox::new(config, clock).router(), settings, post: None }
}
