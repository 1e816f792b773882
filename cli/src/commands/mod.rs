//! The commands, one file each.

mod absence_notice;
mod backfill;
mod check;
mod coverage;
mod deliveries;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod import;
mod jobs;
mod lanes;
mod migrate;
mod run;
mod status;

use crate::arguments::{Arguments, Command};
use crate::console::print;
use crate::failure::{Code, Failure};
use crate::service::connect_existing_database;
use crate::settings::{DEFAULTS, Settings};
use clap::CommandFactory;
use domain::health::Reason;
use std::sync::Arc;
use storage::accounts::{Account, Accounts};
use storage::database::Database;

/// Runs the command that `arguments` names.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = || Settings::load(arguments.config.as_deref()).map_err(Failure::from);
    let context = async || CommandContext::open(&settings()?).await;
    let output = arguments.output;
    match arguments.command {
        #[cfg(feature = "demo")]
        Command::Demo(options) => demo::run(options).await,
        Command::Run { role } => run::run(&settings()?, &role).await,
        Command::Migrate { down } => migrate::run(&settings()?, down).await,
        Command::Check => check::run(&settings()?, output).await,
        Command::Status => status::run(&context().await?, output).await,
        Command::Coverage(arguments) => coverage::run(&context().await?, output, &arguments).await,
        Command::Backfill(command) => backfill::run(&context().await?, output, command).await,
        Command::Import(arguments) => import::run(&context().await?, output, &arguments).await,
        Command::Jobs(command) => jobs::run(&context().await?, output, command).await,
        Command::Lanes(command) => lanes::run(&context().await?, output, command).await,
        Command::Deliveries(command) => deliveries::run(&context().await?, output, command).await,
        Command::Doctor => doctor::run(&context().await?, output).await,
        #[cfg(feature = "demo")]
        Command::Simulate(options) => demo::simulate(options).await,
        Command::Config => print(DEFAULTS.trim_end()),
        Command::Completions { shell } => {
            // The generator panics if it cannot write.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "convosync", &mut script);
            print(String::from_utf8_lossy(&script).trim_end())
        }
    }
}

/// What most commands work with.
pub struct CommandContext {
    /// The database, with its tables up to date.
    pub database: Database,
    /// The accounts in the settings.
    pub accounts: Arc<Accounts>,
}

impl CommandContext {
    /// Opens the database that the settings name. Only `run`, `migrate` and `demo` change its tables: a command that
    /// looks must not upgrade the database of a service that still runs an older version.
    ///
    /// # Errors
    /// A database that cannot be reached, or that needs migrations.
    async fn open(settings: &Settings) -> Result<Self, Failure> {
        let accounts = Arc::new(settings.accounts()?);
        let database = connect_existing_database(settings).await?;
        if !database.pending().await?.is_empty() {
            return Err(Failure::new(Code::Down, Reason::MigrationsPending.text("")));
        }
        Ok(Self { database, accounts })
    }

    /// The account `name`.
    ///
    /// # Errors
    /// A name that the settings do not have.
    pub fn account(&self, name: &str) -> Result<&Account, Failure> {
        self.accounts.account(name).ok_or_else(|| {
            let known: Vec<_> = self.accounts.all().iter().map(|account| account.source.account()).collect();
            let known = match known.as_slice() {
                [] => format!("no account; write a table [accounts.{name}]"),
                names => names.join(", "),
            };
            Failure::usage(format!("there is no account {name}; the settings have {known}"))
        })
    }
}
