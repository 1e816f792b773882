//! A simulated Ultimate.

use super::{MANY, Simulation};
use crate::arguments::Simulate;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::ultimate::{Config, Faults, Shape, Ultimate};
use std::sync::Arc;

/// Holds day files.
pub fn simulation(asked: &Simulate, clock: Arc<dyn Clock>) -> Simulation {
    let faults =
        Faults { throttle_429: asked.faults, server_500: asked.faults, cut_body: asked.faults, ..Faults::default() };
    let config = Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        conversations_per_day: asked.chats_per_day.unwrap_or(MANY),
        history_from: (clock.now() - TimeDelta::days(asked.days)).date_naive(),
        shape: Shape::mixed(),
        faults,
        ..Config::default()
    };
    let settings = format!(
        "source = \"ultimate\"\nbase_url = \"BASE\"\ntoken = \"{}\"\norganization_id = \"{}\"\nbot_ids = {:?}",
        asked.token, config.organization, config.bots
    );
    Simulation { router: Ultimate::new(config, clock).router(), settings, post: None }
}
