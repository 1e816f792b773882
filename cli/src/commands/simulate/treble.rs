//! A simulated Treble.

use super::{FEW, LIFE, LIVE, SECRET, Simulation, faults, shares};
use crate::arguments::Simulate;
use crate::failure::Failure;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::treble::{Config, Treble};
use std::sync::Arc;

/// Holds polls and sessions. Where it posts webhooks, sessions begin and end while one looks.
pub fn simulation(asked: &Simulate, clock: Arc<dyn Clock>) -> Result<Simulation, Failure> {
    let config = Config::default();
    let polls = f64::from(u32::try_from(config.polls).unwrap_or(1));
    let config = Config {
        seed: asked.seed,
        keys: vec![asked.token.clone()],
        sessions_per_day: asked.chats_per_day.unwrap_or(FEW / polls),
        history_from: clock.now() - TimeDelta::days(asked.days),
        live_every: asked.webhooks.as_ref().map(|_| LIVE),
        talks_for: asked.webhooks.as_ref().map(|_| LIFE),
        faults: faults(asked),
        shares: shares(asked),
        ..config
    };
    let secret = asked.webhooks.as_deref().map_or(Ok(SECRET), secret)?;
    let settings =
        format!("source = \"treble\"\nbase_url = \"BASE\"\ntoken = \"{}\"\nwebhook_secret = \"{secret}\"", asked.token);
    let treble = Treble::new(config, clock);
    let router = treble.router();
    Ok(Simulation { router, settings, post: Some(Box::new(move |url, stop| treble.send_webhooks(url, stop))) })
}

/// The secret that the address of an account's webhooks ends in: `…/hooks/treble/{account}/{secret}`.
fn secret(url: &str) -> Result<&str, Failure> {
    let parts = url.split_once("/hooks/treble/").and_then(|(_, rest)| rest.split_once('/'));
    parts.map(|(_, secret)| secret).filter(|secret| !secret.is_empty() && !secret.contains(['/', '?', '#'])).ok_or_else(
        || {
            Failure::usage(format!(
                "--webhooks: Treble's address ends in the account's webhook_secret; write \
                 http://127.0.0.1:8080/hooks/treble/simulated/{SECRET}"
            ))
        },
    )
}
