//! The settings: built-in defaults, under a file, under the environment. The only place that reads the environment.

mod environment;
mod merge;
mod secret;

use crate::failure::{Code, Failure};
use entities::roster::{Account, Roster};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// All settings in force.
#[derive(Debug)]
pub struct Settings {
    /// `[database]`
    pub database: Storage,
    /// `[queue]`
    pub queue: Queue,
    /// `[server]`
    pub server: Server,
    /// `[scheduler]`
    pub scheduler: Scheduler,
    /// `[worker]`
    pub worker: Worker,
    /// `[log]`
    pub log: Log,
    accounts: Map<String, Value>,
}

/// `[database]`
#[derive(Debug, Deserialize)]
pub struct Storage {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub url: SecretString,
}

/// `[queue]`
#[derive(Debug, Deserialize)]
pub struct Queue {
    /// `memory:` or `redis://…`; may hold a password.
    pub url: SecretString,
    /// The prefix of its keys.
    pub name: String,
}

/// `[server]`
#[derive(Debug, Deserialize)]
pub struct Server {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Empty for none.
    pub operator_token: SecretString,
}

/// `[scheduler]`
#[derive(Debug, Deserialize)]
pub struct Scheduler {
    /// How often it looks.
    #[serde(deserialize_with = "duration")]
    pub tick: Duration,
}

/// `[worker]`
#[derive(Debug, Deserialize)]
pub struct Worker {
    /// Tickets at once.
    pub concurrency: usize,
    /// How long SIGTERM waits.
    #[serde(deserialize_with = "duration")]
    pub drain: Duration,
}

/// `[log]`
#[derive(Debug, Deserialize)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines there are.
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Every setting with its default and a sentence: the manual.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The file that is read where none is named.
const FILE: &str = "convosync.toml";

impl Settings {
    /// From `file`, or `convosync.toml` where there is one, and the environment.
    ///
    /// # Errors
    /// What cannot be read or is not known, and what to write instead.
    pub fn load(file: Option<&Path>) -> Result<Self, Failure> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| wrong(format!("cannot read {}: {error}", file.display())))?,
            None if Path::new(FILE).exists() => {
                std::fs::read_to_string(FILE).map_err(|error| wrong(format!("cannot read {FILE}: {error}")))?
            }
            None => String::new(),
        };
        Self::from_text(&text, environment::variables())
    }

    /// From a file's text and the variables `CONVOSYNC__…`, given without that prefix.
    ///
    /// # Errors
    /// What is not known or makes no sense, and what to write instead.
    pub fn from_text(text: &str, variables: Vec<(String, String)>) -> Result<Self, Failure> {
        let defaults = merge::parse(DEFAULTS, "the built-in defaults")?;
        let file = merge::parse(text, FILE)?;
        let mut all = merge::over(&defaults, file)?;
        environment::apply(&mut all, &defaults, variables)?;
        secret::resolve(&mut all)?;
        let accounts = match all.remove("accounts") {
            Some(Value::Object(accounts)) => accounts,
            _ => Map::new(),
        };
        let settings = Self {
            database: section(&mut all, "database")?,
            queue: section(&mut all, "queue")?,
            server: section(&mut all, "server")?,
            scheduler: section(&mut all, "scheduler")?,
            worker: section(&mut all, "worker")?,
            log: section(&mut all, "log")?,
            accounts,
        };
        settings.check()?;
        Ok(settings)
    }

    /// The accounts, opened.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn roster(&self) -> Result<Roster, Failure> {
        let mut accounts = Vec::new();
        let mut problems = Vec::new();
        for (name, table) in &self.accounts {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
            let Value::Object(table) = table else {
                problems.push(format!("accounts.{name}: not a table; write [accounts.{name}]"));
                continue;
            };
            if name.is_empty() || !name.chars().all(is_plain) {
                problems
                    .push(format!("accounts.{name}: a name is made of a-z, 0-9, _ and -; write [accounts.shop_bot]"));
                continue;
            }
            match sources::open(name, table) {
                Ok(opened) => accounts.push(Account { source: opened.source, since: opened.since }),
                Err(found) => problems.extend(found.iter().map(ToString::to_string)),
            }
        }
        if problems.is_empty() { Ok(Roster::new(accounts)) } else { Err(wrong(problems.join("\n"))) }
    }

    /// Refuses combinations that would break a promise.
    fn check(&self) -> Result<(), Failure> {
        let token = self.server.operator_token.expose_secret();
        if !self.server.bind.ip().is_loopback() && token.is_empty() {
            return Err(wrong(format!(
                "server.bind: {} can be reached from elsewhere, and anyone could read the dashboard; set \
                 server.operator_token (or operator_token_file), or write bind = \"127.0.0.1:{}\"",
                self.server.bind,
                self.server.bind.port()
            )));
        }
        let database = self.database.url.expose_secret();
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|start| database.starts_with(start)) {
            return Err(wrong(
                "database.url: not a database that is known; write sqlite://convosync.db or \
                 postgres://user:password@host/name",
            ));
        }
        let queue = self.queue.url.expose_secret();
        if queue != "memory:" && !queue.starts_with("redis://") && !queue.starts_with("rediss://") {
            return Err(wrong("queue.url: not a queue that is known; write memory: or redis://host:6379/0"));
        }
        if self.worker.concurrency == 0 {
            return Err(wrong("worker.concurrency: nothing would ever be asked; write 16"));
        }
        if self.scheduler.tick.is_zero() || self.scheduler.tick > Duration::from_secs(5) {
            return Err(wrong("scheduler.tick: work of a dead worker must be found within 5 s; write \"1s\""));
        }
        Ok(())
    }
}

/// A failure for settings that make no sense.
pub(crate) fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(Code::Settings, message)
}

fn section<T: serde::de::DeserializeOwned>(all: &mut Map<String, Value>, name: &str) -> Result<T, Failure> {
    let value = all.remove(name).unwrap_or_else(|| Value::Object(Map::new()));
    serde_json::from_value(value).map_err(|error| wrong(format!("[{name}]: {error}")))
}

fn duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("{text:?} is no duration; write \"5s\", \"5m\" or \"48h\"")))
}
