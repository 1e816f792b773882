//! The settings: built-in defaults, under a file, under the environment. The only place that reads the environment.

mod document;
mod error;
mod known_keys;
mod layers;
mod origin;
mod retention;
mod tokens;
mod variables;

pub use error::SettingsError;

use domain::retention::Retention;
use layers::Layers;
use origin::Origins;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use server::Limits;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::transport::{Transport, transport_of};
use worker::queue::sends_plain_text;

/// All settings in force.
#[derive(Debug)]
pub struct Settings {
    /// `[database]`
    pub database: DatabaseSettings,
    /// `[queue]`
    pub queue: QueueSettings,
    /// `[server]`
    pub server: ServerSettings,
    /// `[scheduler]`
    pub scheduler: SchedulerSettings,
    /// `[worker]`
    pub worker: WorkerSettings,
    /// `[retention]`
    pub retention: Retention,
    /// `[log]`
    pub log: LogSettings,
    accounts: AccountTables,
    origins: Origins,
}

/// The tables `[accounts.NAME]`. Their values may be secret, so that `Debug` shows none.
struct AccountTables(Map<String, Value>);

impl std::fmt::Debug for AccountTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// `[database]`
#[derive(Debug)]
pub struct DatabaseSettings {
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub url: SecretString,
    /// The longest that a statement, or the wait for a connection, may take.
    pub timeout: Duration,
}

/// `[queue]`
#[derive(Debug)]
pub struct QueueSettings {
    /// `memory:`, `redis://…` or `rediss://…`; may hold a password.
    pub url: SecretString,
    /// The prefix of the queue's keys in Redis.
    pub name: String,
}

/// `[server]`
#[derive(Debug)]
pub struct ServerSettings {
    /// The address that the server listens on.
    pub bind: SocketAddr,
    /// The operator's password; empty for none.
    pub operator_token: SecretString,
    /// The password that only reads; empty for none.
    pub read_token: SecretString,
    /// The password for the metrics; empty for none.
    pub metrics_token: SecretString,
    /// The most connections that are open at once.
    pub max_connections: NonZeroUsize,
    /// How many requests and webhooks the server takes before it answers 429.
    pub limits: Limits,
}

/// `[scheduler]`
#[derive(Debug)]
pub struct SchedulerSettings {
    /// The shortest time between two ticks.
    pub tick: Duration,
}

/// `[worker]`
#[derive(Debug)]
pub struct WorkerSettings {
    /// The number of tickets that one process works on at once.
    pub concurrency: usize,
    /// The time that a stopping process waits for requests in flight.
    pub drain: Duration,
}

/// `[log]`
#[derive(Debug)]
pub struct LogSettings {
    /// The format of log lines.
    pub format: LogFormat,
    /// The least level that is logged, or filters by module.
    pub level: String,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The file of all settings with their defaults, also shown by `convosync config`.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The secrets outside the accounts. Each may also be given as `<key>_file`.
const SECRETS: [&str; 5] =
    ["database.url", "queue.url", "server.operator_token", "server.read_token", "server.metrics_token"];
/// The settings file in the working directory, read when the command line names none.
const FILE: &str = "convosync.toml";
const DURATION: &str = "a duration in quotes, such as \"5s\", \"5m\" or \"48h\"";

impl Settings {
    /// Reads `file`, or `convosync.toml` if it exists, and the environment.
    ///
    /// # Errors
    /// Neither a file nor a variable, a file that cannot be read, an unknown setting, or a value that cannot be used.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let default = Path::new(FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        let variables = variables::from_environment()?;
        if file.is_none() && variables.is_empty() {
            return Err(SettingsError::NoSettings);
        }
        let name = file.unwrap_or(default).display().to_string();
        let text = match file.map(std::fs::read_to_string) {
            None => String::new(),
            Some(Ok(text)) => text,
            Some(Err(error)) => {
                return Err(SettingsError::UnreadableFile { file: name, reason: error.to_string() });
            }
        };
        Self::from_layers(Layers::merge(&name, &text, &variables)?)
    }

    /// Reads a file's text and environment variables, which are given by their full names.
    ///
    /// # Errors
    /// An unknown setting, or a value that cannot be used.
    pub fn from_text(text: &str, environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        Self::from_layers(Layers::merge(FILE, text, environment)?)
    }

    fn from_layers(layers: Layers) -> Result<Self, SettingsError> {
        let duration = |text: &str| humantime::parse_duration(text).ok();
        let settings = Self {
            database: DatabaseSettings {
                url: layers.secret("database.url")?,
                timeout: layers.read("database.timeout", DURATION, duration)?,
            },
            queue: QueueSettings { url: layers.secret("queue.url")?, name: layers.text("queue.name")? },
            server: ServerSettings {
                bind: layers.parse("server.bind", "a socket address in quotes, such as \"127.0.0.1:8080\"")?,
                operator_token: layers.secret("server.operator_token")?,
                read_token: layers.secret("server.read_token")?,
                metrics_token: layers.secret("server.metrics_token")?,
                max_connections: layers
                    .parse("server.max_connections", "a whole number from 1, such as 512, the default")?,
                limits: limits(&layers)?,
            },
            scheduler: SchedulerSettings { tick: layers.read("scheduler.tick", DURATION, duration)? },
            worker: WorkerSettings {
                concurrency: layers.parse("worker.concurrency", "a whole number above 0, such as 16")?,
                drain: layers.read("worker.drain", DURATION, duration)?,
            },
            retention: retention::read(&layers)?,
            log: LogSettings {
                format: layers.read("log.format", "\"text\" or \"json\"", |text| match text {
                    "text" => Some(LogFormat::Text),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                })?,
                level: layers.text("log.level")?,
            },
            accounts: AccountTables(layers.accounts()?),
            origins: layers.into_origins(),
        };
        settings.check()?;
        Ok(settings)
    }

    /// The accounts, each opened by its source.
    ///
    /// # Errors
    /// All problems of all accounts.
    pub fn accounts(&self) -> Result<Accounts, SettingsError> {
        let mut accounts = Vec::new();
        let mut problems = Vec::new();
        for (name, table) in &self.accounts.0 {
            let key = format!("accounts.{name}");
            let Value::Object(table) = table else { continue };
            if !variables::is_name(name) {
                let expected = "named with a-z, 0-9, _ and - only; write [accounts.shop_bot]".to_owned();
                problems.push(SettingsError::Invalid { origin: self.origins.of(&key), key, expected });
                continue;
            }
            match sources::open(name, table) {
                Ok(opened) => accounts.push(Account::new(opened.source, opened.since)),
                Err(found) => problems.extend(found.into_iter().map(|problem| SettingsError::Account {
                    origin: self.origins.of(&format!("{key}.{}", problem.key)),
                    problem: Box::new(problem),
                })),
            }
        }
        if problems.is_empty() { Ok(Accounts::new(accounts)) } else { Err(SettingsError::Several(problems)) }
    }

    /// What an operator should know of settings that work: data that others on its way can read.
    #[must_use]
    pub fn warnings(&self) -> Vec<&'static str> {
        let database = transport_of(self.database.url.expose_secret()) == Some(Transport::Plain);
        let database = database.then_some(
            "database.url says sslmode=disable: anyone on the way to the database can read and change all rows; write \
             sslmode=verify-full unless the network is private",
        );
        let queue = sends_plain_text(self.queue.url.expose_secret()).then_some(
            "queue.url has no TLS: anyone on the way to Redis can read its password and hold up the work; write rediss:// \
             unless the network is private",
        );
        database.into_iter().chain(queue).collect()
    }

    /// Refuses values that would break a promise, alone or together.
    fn check(&self) -> Result<(), SettingsError> {
        let conflict = |key: &'static str, reason: String| {
            Err(SettingsError::Conflict { origin: self.origins.of(key), key, reason })
        };
        let token = self.server.operator_token.expose_secret();
        if !self.server.bind.ip().is_loopback() && token.is_empty() {
            let port = self.server.bind.port();
            let reason = format!(
                "other hosts can reach this address, and without server.operator_token anyone could read the dashboard; \
                 set operator_token (or operator_token_file), or write bind = \"127.0.0.1:{port}\""
            );
            return conflict("server.bind", reason);
        }
        if let Some((key, reason)) = tokens::refusal(&self.server) {
            return conflict(key, reason);
        }
        let database = self.database.url.expose_secret();
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database.starts_with(scheme)) {
            let reason = "not the address of a database; write \"sqlite://convosync.db\" or \
                          \"postgres://user:password@host/name\"";
            return conflict("database.url", reason.to_owned());
        }
        if transport_of(database) == Some(Transport::Unverified) {
            let reason = "the database is on another host, and without a proof of its identity anyone on the way can pose as it \
                          and read the password and all rows; add ?sslmode=verify-full to the address (with an own authority \
                          also &sslrootcert=FILE), or ?sslmode=disable if the network is private";
            return conflict("database.url", reason.to_owned());
        }
        if self.database.timeout < Duration::from_secs(1) {
            return conflict("database.timeout", "must be at least 1 s; write \"60s\"".to_owned());
        }
        let queue = self.queue.url.expose_secret();
        if queue != "memory:" && !queue.starts_with("redis://") && !queue.starts_with("rediss://") {
            let reason = "not the address of a queue; write \"memory:\", \"redis://host:6379/0\" or \
                          \"rediss://host:6379/0\"";
            return conflict("queue.url", reason.to_owned());
        }
        if self.worker.concurrency == 0 {
            return conflict("worker.concurrency", "with 0, the worker would work on no ticket; write 16".to_owned());
        }
        if self.scheduler.tick.is_zero() || self.scheduler.tick > Duration::from_secs(5) {
            let reason = "must be above 0 and at most 5 s, so that the scheduler finds a dead worker's job in time; \
                          write \"1s\"";
            return conflict("scheduler.tick", reason.to_owned());
        }
        Ok(())
    }
}

/// The limits on inbound requests. Each is at least 1: with 0, the server would answer no request at all.
fn limits(layers: &Layers) -> Result<Limits, SettingsError> {
    let defaults = Limits::default();
    let limit = |key: &str, default: NonZeroU32| {
        layers.parse(key, &format!("a whole number from 1 to {}, such as {default}, the default", u32::MAX))
    };
    Ok(Limits {
        requests_per_second_per_client: limit(
            "server.requests_per_second_per_client",
            defaults.requests_per_second_per_client,
        )?,
        request_burst_per_client: limit("server.request_burst_per_client", defaults.request_burst_per_client)?,
        webhooks_per_second_per_account: limit(
            "server.webhooks_per_second_per_account",
            defaults.webhooks_per_second_per_account,
        )?,
        webhook_burst_per_account: limit("server.webhook_burst_per_account", defaults.webhook_burst_per_account)?,
        wrong_tokens_per_minute_per_client: limit(
            "server.wrong_tokens_per_minute_per_client",
            defaults.wrong_tokens_per_minute_per_client,
        )?,
    })
}
