//! A simulated Certainly.

use super::{MANY, Simulation};
use crate::arguments::Simulate;
use crate::failure::Failure;
use chrono::TimeDelta;
use domain::clock::Clock;
use simulator::certainly::{Certainly, Config, Faults, Mail, make_maildir};
use std::sync::Arc;

/// Holds messages, and mails reports.
pub fn simulation(asked: &Simulate, clock: Arc<dyn Clock>) -> Result<Simulation, Failure> {
    let faults =
        Faults { throttle_429: asked.faults, server_500: asked.faults, cut_body: asked.faults, ..Faults::default() };
    let mail = match &asked.maildir {
        Some(folder) => Mail::Maildir(folder.clone()),
        None => Mail::Held,
    };
    let config = Config {
        seed: asked.seed,
        tokens: vec![asked.token.clone()],
        messages_per_day: asked.chats_per_day.unwrap_or(MANY),
        history_from: clock.now() - TimeDelta::days(asked.days),
        row_cap: asked.row_cap.unwrap_or(500),
        mail,
        faults,
        ..Config::default()
    };
    let mut settings = format!(
        "source = \"certainly\"\nbase_url = \"BASE/api\"\ntoken = \"{}\"\nbot_ids = {:?}",
        asked.token, config.bots
    );
    if let Some(folder) = &asked.maildir {
        let folder = std::path::absolute(folder)?;
        make_maildir(&folder)?;
        settings += "\nmailbox = \"maildir:";
        settings += &folder.display().to_string();
        settings.push('"');
    }
    Ok(Simulation { router: Certainly::new(config, clock).router(), settings, post: None })
}
