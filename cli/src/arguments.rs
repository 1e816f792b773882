//! The command line.

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Keeps a SQL database complete and current with the conversations your chatbot vendors hold.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Arguments {
    /// The settings file [default: convosync.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How data is written on stdout
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Try it, with a simulated vendor and an embedded database:
  convosync demo

Use it:
  convosync check                                  settings, database, queue, one call per account
  convosync run                                    until SIGTERM
  convosync status                                 is yesterday all there?
  convosync backfill start shop --from 2026-10-01 --to 2026-10-31 --dry-run
  convosync coverage shop --from 2026-10-01 --to 2026-10-31 --require final   (exit 8 if not)

Settings are in convosync.toml; `convosync config` prints every one with its default.
Exit codes: 0 ok, 1 unexpected, 2 usage, 3 settings, 4 database or queue down, 5 vendor refused the credential,
6 limit reached, 7 partly done, 8 a check failed.";

/// How data is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For scripts
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it at work: a simulated vendor, an embedded database, the dashboard, all in one process
    Demo(Demo),
    /// Run the service until SIGTERM
    #[command(after_help = "One process does everything by default. For many, share a Redis and a PostgreSQL:\n  \
        convosync run --role scheduler,server\n  convosync run --role worker")]
    Run {
        /// What this process does
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Role::Scheduler, Role::Worker, Role::Server])]
        role: Vec<Role>,
    },
    /// Bring the database's tables up to date
    Migrate {
        /// Take the last N changes back instead
        #[arg(long, value_name = "N")]
        down: Option<u32>,
    },
    /// Check the settings, the database, the queue, and make one call per account
    Check,
    /// Show accounts, coverage, lateness, lanes and queue depth
    Status,
    /// Show an account's days: final, provisional, missing or blocked
    Coverage(Coverage),
    /// Ask for past days
    #[command(subcommand)]
    Backfill(Backfill),
    /// Take in a file that a vendor made: a mailed report that was lost, or came too late
    #[command(
        after_help = "A file that answers an outstanding export, or a window that waits for a person, completes its days.\n\
        Otherwise say which days it holds whole:\n  \
        convosync import shop_bot report.csv --from 2026-10-01 --to 2026-10-31"
    )]
    Import(Import),
    /// Look at what is asked for, and free what waits for a person
    #[command(subcommand)]
    Jobs(Jobs),
    /// Look at the lanes, shut them or open them
    #[command(subcommand)]
    Lanes(Lanes),
    /// Look for contradictions in the database
    Doctor,
    /// Run a simulated vendor alone, on loopback
    #[command(after_help = "With webhooks, to the server of `convosync run`:\n  \
        convosync simulate truora --webhooks http://127.0.0.1:8080/hooks/truora/simulated\n  \
        convosync simulate treble --webhooks http://127.0.0.1:8080/hooks/treble/simulated/simulated-secret")]
    Simulate(Simulate),
    /// Print every setting with its default and a sentence
    Config,
    /// Print a completion script
    #[command(after_help = "  convosync completions bash > /etc/bash_completion.d/convosync")]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Fetch 30 days, compare with the vendor's truth, print the table and exit: 0 if equal, 8 if not
    #[arg(long)]
    pub once: bool,
    /// Decides what the simulated vendor holds
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// The database file; made anew
    #[arg(long, default_value = "convosync-demo.db", value_name = "FILE")]
    pub database: PathBuf,
    /// Where the dashboard listens
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub bind: SocketAddr,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Decides what to ask
    Scheduler,
    /// Asks
    Worker,
    /// Serves health, metrics and the dashboard
    Server,
}

#[derive(Debug, Args)]
pub struct Coverage {
    /// The account
    pub account: String,
    #[command(flatten)]
    pub days: OptionalDays,
    /// Exit 8 unless every day is at least this
    #[arg(long, value_enum)]
    pub require: Option<Require>,
}

/// The least that days must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Require {
    /// Held, though answers may still change
    Provisional,
    /// Equal to what the vendor holds
    Final,
}

#[derive(Debug, Args)]
pub struct OptionalDays {
    /// The first day, in the account's zone [default: the first that is owed]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<NaiveDate>,
    /// The last day, included [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<NaiveDate>,
}

#[derive(Debug, Subcommand)]
pub enum Backfill {
    /// Order one
    #[command(after_help = "  convosync backfill start shop --from 2026-10-01 --to 2026-10-31 --dry-run\n  \
        convosync backfill start shop --from 2026-10-01 --to 2026-10-31 --wait")]
    Start {
        /// The account
        account: String,
        /// The first day, in the account's zone
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: NaiveDate,
        /// The last day, included
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: NaiveDate,
        /// Only say what it would take
        #[arg(long)]
        dry_run: bool,
        /// Return when every window was answered in full; exit 7 when some are blocked
        #[arg(long)]
        wait: bool,
        /// What to ask for: only what is not held, or everything once more
        #[arg(long, value_enum, default_value_t = Mode::Missing)]
        mode: Mode,
    },
    /// List them
    List,
    /// Show one
    Show {
        /// Its id
        id: i64,
    },
    /// Hold one back
    Pause {
        /// Its id
        id: i64,
    },
    /// Go on with one, blocked windows included
    Resume {
        /// Its id
        id: i64,
    },
    /// End one; what was answered stays
    Cancel {
        /// Its id
        id: i64,
    },
}

/// What a backfill asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Only what is not held
    Missing,
    /// Everything once more
    All,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The account
    pub account: String,
    /// The file
    pub file: PathBuf,
    /// Whose rows it holds, where the file does not say so itself
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<String>,
    /// The first day that it holds whole, in the account's zone
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<NaiveDate>,
    /// The last one, included
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<NaiveDate>,
}

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List what is asked for and not yet answered
    List,
    /// Show one
    Show {
        /// Its id
        id: i64,
    },
    /// Try one again that waits for a person
    Retry {
        /// Its id
        id: i64,
    },
    /// Give one up; its window counts as missing
    Discard {
        /// Its id
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
pub enum Lanes {
    /// List them
    List,
    /// Shut an account's lane for all workers
    Close {
        /// The account
        account: String,
        /// For how long, such as 2h [default: until it is opened]
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        how_long: Option<std::time::Duration>,
        /// Why, for the others
        #[arg(long, default_value = "closed by an operator")]
        reason: String,
    },
    /// Open an account's lane
    Open {
        /// The account
        account: String,
    },
}

#[derive(Debug, Args)]
pub struct Simulate {
    /// The vendor
    #[arg(value_enum)]
    pub vendor: Simulated,
    /// Where it listens; loopback only
    #[arg(long, default_value = "127.0.0.1:9042", value_name = "ADDRESS")]
    pub bind: SocketAddr,
    /// Decides what it holds
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Chats, conversations, messages, processes or sessions in a mean day, per bot or poll [default: 400; for Truora and
    /// Treble, which are asked for one by one, 40 in all]
    #[arg(long)]
    pub chats_per_day: Option<f64>,
    /// How many days back they begin
    #[arg(long, default_value_t = 60)]
    pub days: i64,
    /// The token it takes
    #[arg(long, default_value = "simulated-token")]
    pub token: String,
    /// Rows one answer holds at most [default: the vendor's own limit]
    #[arg(long)]
    pub row_cap: Option<usize>,
    /// Where Certainly's mails go; without it they go nowhere
    #[arg(long, value_name = "FOLDER")]
    pub maildir: Option<PathBuf>,
    /// Where Truora or Treble posts its webhooks, on loopback; without it there are none and nothing new begins
    #[arg(long, value_name = "URL")]
    pub webhooks: Option<String>,
    /// The share of requests, and of webhooks, 0 to 1, that each kind of fault hits
    #[arg(long, default_value_t = 0.0)]
    pub faults: f64,
}

/// A vendor that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Simulated {
    /// Wolkvox, its report of chats
    Wolkvox,
    /// Ultimate (Zendesk AI agents), its day files
    Ultimate,
    /// Certainly, its message report, also by mail
    Certainly,
    /// Truora, its processes, also by webhook
    Truora,
    /// Treble, its polls and sessions, also by webhook
    Treble,
}

impl Simulated {
    /// Its name as people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Wolkvox => "Wolkvox",
            Self::Ultimate => "Ultimate",
            Self::Certainly => "Certainly",
            Self::Truora => "Truora",
            Self::Treble => "Treble",
        }
    }
}
