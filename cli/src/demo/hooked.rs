//! The simulated vendors of the demo that name what there is in lists, and tell by webhooks what happens.

use super::vendors::{DAYS, TOKEN, serving};
use crate::compare::{Comparison, treble, treble_events, truora};
use crate::failure::Failure;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use entities::DbErr;
use entities::database::Database;
use simulator::gateway::{Faults, Limits};
use simulator::post::{Event, Fate, Shares};
use simulator::treble::Treble;
use simulator::truora::Truora;
use simulator::{Sending, Serving, treble as trebles, truora as truoras};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Both, on loopback.
pub struct Hooked {
    truora: (Truora, Serving),
    treble: (Treble, Serving),
    first: NaiveDate,
}

/// What became of their webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How much has happened.
    pub events: usize,
    /// Of which nobody was told.
    pub lost: usize,
    /// Of which one was told twice.
    pub twice: usize,
    /// Of which one was told after what happened later.
    pub late: usize,
}

/// The account at Truora.
pub const TRUORA: &str = "truora_demo";
/// The account at Treble.
pub const TREBLE: &str = "treble_demo";
/// What webhooks are signed with, and what their address ends in.
const SECRET: &str = "simulated-secret";
/// What these simulated vendors let one ask a second: more than the real ones, for who watches does not want to wait.
const RATE: f64 = 25.0;
/// How often somebody begins to talk, at each.
const LIVE: Duration = Duration::from_secs(3);
/// How long that goes on.
const TALK: Duration = Duration::from_secs(10);

impl Hooked {
    /// Starts them.
    pub async fn start(seed: u64, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        let first = (clock.now() - TimeDelta::days(DAYS)).date_naive();
        let truora = Truora::new(truora_config(seed, first), clock.clone());
        let treble = Treble::new(treble_config(seed, first), clock.clone());
        Ok(Self {
            truora: (truora.clone(), serving(truora.router()).await?),
            treble: (treble.clone(), serving(treble.router()).await?),
            first,
        })
    }

    /// The first day that both hold.
    pub fn first(&self) -> NaiveDate {
        self.first
    }

    /// The accounts as a user would write them.
    pub fn settings(&self) -> String {
        let soon = format!(
            "token = \"{TOKEN}\"\nwebhook_secret = \"{SECRET}\"\ninterval = \"5s\"\nrefresh = \"10s\"\nsettle = \"24h\"\n\
             timeout = \"20s\"\nspacing = \"20ms\"\nrequests_per_second = {RATE}\nretry_min = \"1s\"\n"
        );
        format!(
            "[accounts.{TRUORA}]\nsource = \"truora\"\nbase_url = \"{}\"\npending_interval = \"2s\"\n{soon}\
             [accounts.{TREBLE}]\nsource = \"treble\"\nbase_url = \"{}\"\n{soon}",
            self.truora.1.base(),
            self.treble.1.base()
        )
    }

    /// Where each answers, for people.
    pub fn addresses(&self) -> [(&'static str, String); 2] {
        [("Truora", self.truora.1.base()), ("Treble", self.treble.1.base())]
    }

    /// How many requests they have seen.
    pub fn requests(&self) -> usize {
        self.truora.0.requests().len() + self.treble.0.requests().len()
    }

    /// Posts webhooks to `server` until `stopping`.
    pub fn post(&self, server: SocketAddr, stopping: &CancellationToken) -> Result<[Sending; 2], Failure> {
        let url = |path: String| format!("http://{server}/hooks/{path}");
        Ok([
            self.truora.0.send_webhooks(&url(format!("truora/{TRUORA}")), stopping.clone())?,
            self.treble.0.send_webhooks(&url(format!("treble/{TREBLE}/{SECRET}")), stopping.clone())?,
        ])
    }

    /// How many webhooks are still on their way.
    pub fn unsent(&self) -> usize {
        self.truora.0.unsent() + self.treble.0.unsent()
    }

    /// What became of the webhooks so far.
    pub fn told(&self) -> Told {
        let mut told = Told::default();
        for Event { fate, .. } in self.truora.0.events().into_iter().chain(self.treble.0.events()) {
            told.events += 1;
            match fate {
                Fate::Told => {}
                Fate::Lost => told.lost += 1,
                Fate::Twice => told.twice += 1,
                Fate::Late => told.late += 1,
            }
        }
        told
    }

    /// Whether they throttle, break off and show web pages from now on.
    pub fn stumble(&self, does: bool) {
        let share = |share: f64| if does { share } else { 0.0 };
        let faults = Faults {
            throttle_429: share(0.2),
            retry_after: Duration::from_secs(2),
            server_500: share(0.2),
            html_200: share(0.1),
            ..Faults::default()
        };
        self.truora.0.set_faults(faults.clone());
        self.treble.0.set_faults(faults);
    }

    /// Stops their truths.
    pub fn freeze(&self) {
        self.truora.0.freeze();
        self.treble.0.freeze();
    }

    /// Their tables against their truths.
    pub async fn compare(&self, db: &Database, now: DateTime<Utc>) -> Result<Vec<(&'static str, Comparison)>, DbErr> {
        let Some(window) = Window::new(midnight(self.first, chrono_tz::UTC), now) else { return Ok(Vec::new()) };
        let mut found = vec![("truora_processes", truora(db, TRUORA, &self.truora.0, window).await?)];
        found.extend(treble(db, TREBLE, &self.treble.0, window).await?);
        found.push(("treble_events", treble_events(db, TREBLE, &self.treble.0).await?));
        Ok(found)
    }
}

fn limits() -> Limits {
    Limits { requests_per_second: RATE, latency: Duration::from_millis(20), ..Limits::default() }
}

fn shares() -> Shares {
    Shares { lost: 0.15, duplicate: 0.1, disorder: 0.1, ..Shares::default() }
}

/// Results now and then are turned over by somebody afterwards.
fn truora_config(seed: u64, first: NaiveDate) -> truoras::Config {
    truoras::Config {
        seed,
        keys: vec![TOKEN.to_owned()],
        history_from: midnight(first, chrono_tz::UTC),
        processes_per_day: 4.0,
        live_every: Some(LIVE),
        pending_for: Some(TALK),
        overridden: 0.1,
        override_after: TALK,
        webhook_secret: SECRET.to_owned(),
        limits: limits(),
        shares: shares(),
        ..truoras::Config::default()
    }
}

/// Three polls, which together have as many sessions.
fn treble_config(seed: u64, first: NaiveDate) -> trebles::Config {
    trebles::Config {
        seed,
        keys: vec![TOKEN.to_owned()],
        polls: 3,
        history_from: midnight(first, chrono_tz::UTC),
        sessions_per_day: 1.0,
        live_every: Some(LIVE),
        talks_for: Some(TALK),
        limits: limits(),
        shares: shares(),
        ..trebles::Config::default()
    }
}
