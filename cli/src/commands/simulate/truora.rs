//! A simulated Truora.

use super::{FEW, LIFE, LIVE, SECRET, Simulation, faults, shares};
use crate::arguments::Simulate;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::truora::{Config, Truora};
use std::sync::Arc;

/// Holds processes. Where it posts webhooks, they begin and end while one looks.
pub fn simulation(asked: &Simulate, clock: Arc<dyn Clock>) -> Simulation {
    let config = Config {
        seed: asked.seed,
        keys: vec![asked.token.clone()],
        processes_per_day: asked.chats_per_day.unwrap_or(FEW),
        history_from: clock.now() - TimeDelta::days(asked.days),
        live_every: asked.webhooks.as_ref().map(|_| LIVE),
        pending_for: asked.webhooks.as_ref().map(|_| LIFE),
        faults: faults(asked),
        shares: shares(asked),
        webhook_secret: SECRET.to_owned(),
        ..Config::default()
    };
    let settings =
        format!("source = \"truora\"\nbase_url = \"BASE\"\ntoken = \"{}\"\nwebhook_secret = \"{SECRET}\"", asked.token);
    let truora = Truora::new(config, clock);
    let router = truora.router();
    Simulation { router, settings, post: Some(Box::new(move |url, stop| truora.send_webhooks(url, stop))) }
}
