//! What each command does; one file each.

mod backfill;
mod check;
mod coverage;
mod doctor;
mod import;
mod jobs;
mod lanes;
mod migrate;
mod run;
mod simulate;
mod status;

use crate::arguments::{Arguments, Command};
use crate::demo;
use crate::failure::Failure;
use crate::service::database;
use crate::settings::{DEFAULTS, LogFormat, Settings, wrong};
use crate::talk::{is_watched, print};
pub use backfill::watch;
use clap::CommandFactory;
use entities::database::Database;
use entities::roster::{Account, Roster};
use tracing_subscriber::EnvFilter;

/// Carries out a command line.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let settings = || Settings::load(arguments.config.as_deref());
    let output = arguments.output;
    match arguments.command {
        Command::Demo(demo) => demo::run(demo).await,
        Command::Run { role } => run::run(&settings()?, &role).await,
        Command::Migrate { down } => migrate::run(&settings()?, down).await,
        Command::Check => check::run(&settings()?, output).await,
        Command::Status => status::run(&opened(&settings()?).await?, output).await,
        Command::Coverage(asked) => coverage::run(&opened(&settings()?).await?, output, &asked).await,
        Command::Backfill(order) => backfill::run(&opened(&settings()?).await?, output, order).await,
        Command::Import(asked) => import::run(&opened(&settings()?).await?, output, &asked).await,
        Command::Jobs(order) => jobs::run(&opened(&settings()?).await?, output, order).await,
        Command::Lanes(order) => lanes::run(&opened(&settings()?).await?, output, order).await,
        Command::Doctor => doctor::run(&opened(&settings()?).await?, output).await,
        Command::Simulate(asked) => simulate::run(&asked).await,
        Command::Config => print(DEFAULTS.trim_end()),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "convosync", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// What most commands work with.
pub struct Opened {
    /// The database, up to date.
    pub database: Database,
    /// The accounts.
    pub roster: Roster,
}

impl Opened {
    /// The account `name`.
    pub fn account(&self, name: &str) -> Result<&Account, Failure> {
        self.roster.account(name).ok_or_else(|| {
            let known: Vec<_> = self.roster.accounts().iter().map(|account| account.source.account()).collect();
            Failure::usage(format!("there is no account {name}; the settings have {}", known.join(", ")))
        })
    }
}

/// The database, brought up to date as `run` would, and the accounts.
async fn opened(settings: &Settings) -> Result<Opened, Failure> {
    let roster = settings.roster()?;
    let (database, _) = database(settings).await?;
    database.migrate().await?;
    Ok(Opened { database, roster })
}

/// Starts logging to stderr.
pub fn log(format: LogFormat, level: &str) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(format!("{level},sqlx=warn,sea_orm_migration=warn"))
        .map_err(|error| wrong(format!("log.level: {error}; write \"info\"")))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_watched());
    let started = match format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Text => lines.try_init(),
    };
    // A second start, in a process that runs several services, keeps the first.
    drop(started);
    Ok(())
}
