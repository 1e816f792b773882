//! The command line. The comments on commands and arguments are the help texts.

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Keeps a SQL database complete and current with the conversations that your chatbot vendors hold.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// Read the settings from this file [default: convosync.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print data on stdout in this format
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    #[command(subcommand)]
    pub command: Command,
}

#[cfg(feature = "demo")]
macro_rules! first_example {
    () => {
        "Try it with simulated vendors and an embedded database:\n  convosync demo\n\n"
    };
}
#[cfg(not(feature = "demo"))]
macro_rules! first_example {
    () => {
        ""
    };
}

const EXAMPLES: &str = concat!(
    first_example!(),
    "Use it:
  convosync migrate   create the tables, or bring them up to date
  convosync check     check the settings, the database, the queue, each account
  convosync run       run the service until SIGTERM
  convosync status    show whether yesterday is complete
  convosync backfill start shop --from 2026-10-01 --to 2026-10-31 --dry-run
  convosync coverage shop --from 2026-10-01 --to 2026-10-31 --require final

Settings are in convosync.toml; `convosync config` prints each with its default.

Exit codes: 0 ok, 1 unexpected, 2 usage, 3 settings, 4 database or queue down,
5 vendor refused the credential, 6 limit reached, 7 partly done, 8 a check failed."
);

/// The format of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table for people
    Table,
    /// JSON for scripts
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the service at work: simulated vendors, an embedded database and the dashboard
    #[cfg(feature = "demo")]
    Demo(demo::DemoOptions),
    /// Run the service until SIGTERM
    #[command(after_help = "One process has all roles by default. Many processes share a Redis and a PostgreSQL:\n  \
        convosync run --role scheduler,server\n  convosync run --role worker")]
    Run {
        /// Take these roles, separated by commas
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Role::Scheduler, Role::Worker, Role::Server])]
        role: Vec<Role>,
    },
    /// Bring the database's tables up to date
    Migrate {
        /// Undo the last N migrations instead
        #[arg(long, value_name = "N")]
        down: Option<u32>,
    },
    /// Check the settings, the database and the queue, and send one request per account
    Check,
    /// Show the accounts with their coverage and lateness, the lanes, and the queue
    Status,
    /// Show the days of an account: final, provisional, missing or blocked
    Coverage(Coverage),
    /// Start a backfill of past days, or manage backfills
    #[command(subcommand)]
    Backfill(Backfill),
    /// Import a file that a vendor made, such as a mailed report
    #[command(after_help = "A file completes the days that you name, and closes the jobs that wait for them:\n  \
        convosync import shop_bot report.csv --from 2026-10-01 --to 2026-10-31 --as-of 2026-11-04\n\
        Without --from and --to it completes days only if it proves to be the answer to an export that the vendor has\n\
        accepted: all its rows lie in the export's days, each of these days has rows, the file was written after the\n\
        request, and it holds no fewer rows than the database. A parked window stays parked.\n\
        Without --as-of a file counts as no newer than its newest row, or than the end of --to if that is later, and in\n\
        no case as newer than its last change on disk. Days that were not settled then stay provisional.")]
    Import(Import),
    /// Show the jobs, retry a job or discard it
    #[command(subcommand)]
    Jobs(Jobs),
    /// Show the lanes; close a lane, open it or free its slots
    #[command(subcommand)]
    Lanes(Lanes),
    /// List mails, files and webhooks, show one, or revoke what one proved
    #[command(subcommand)]
    Deliveries(Deliveries),
    /// Examine the database for contradictions
    Doctor,
    /// Serve a simulated vendor on loopback
    #[cfg(feature = "demo")]
    #[command(after_help = "To send webhooks to the server of `convosync run`:\n  \
        convosync simulate VENDOR --webhooks http://127.0.0.1:8080/hooks/VENDOR/simulated\n\
        Where the vendor signs no webhooks, the address ends in the account's webhook_secret:\n  \
        convosync simulate VENDOR --webhooks http://127.0.0.1:8080/hooks/VENDOR/simulated/simulated-secret")]
    Simulate(demo::SimulateOptions),
    /// Print every setting with its default and an explanation
    Config,
    /// Print a completion script for a shell
    #[command(after_help = "  convosync completions bash > /etc/bash_completion.d/convosync")]
    Completions {
        /// Print the script for this shell
        shell: clap_complete::Shell,
    },
}

/// A role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Plans jobs and pushes tickets
    Scheduler,
    /// Sends requests to vendors and stores the rows
    Worker,
    /// Serves health, metrics, the API, the dashboard and webhooks
    Server,
}

#[derive(Debug, Args)]
pub struct Coverage {
    /// Show the days of this account
    pub account: String,
    #[command(flatten)]
    pub days: OptionalDays,
    /// Exit with code 8 unless every day is at least this complete
    #[arg(long, value_enum)]
    pub require: Option<Require>,
}

/// The least completeness of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Require {
    /// All rows are stored, but the vendor may still change them
    Provisional,
    /// The rows equal what the vendor holds
    Final,
}

#[derive(Debug, Args)]
pub struct OptionalDays {
    /// Show days from this one on, in the account's time zone [default: the first day to be covered]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<NaiveDate>,
    /// Show days up to and including this one [default: today; with --require final: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<NaiveDate>,
}

#[derive(Debug, Subcommand)]
pub enum Backfill {
    /// Start a backfill
    #[command(after_help = "  convosync backfill start shop --from 2026-10-01 --to 2026-10-31 --dry-run\n  \
        convosync backfill start shop --from 2026-10-01 --to 2026-10-31 --wait")]
    Start {
        /// Fetch past days of this account
        account: String,
        /// Fetch days from this one on, in the account's time zone
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: NaiveDate,
        /// Fetch days up to and including this one
        #[arg(long, value_name = "YYYY-MM-DD")]
        to: NaiveDate,
        /// Estimate the requests and the time, and write nothing
        #[arg(long)]
        dry_run: bool,
        /// Wait until every window is answered in full; exit with code 7 if some are blocked
        #[arg(long)]
        wait: bool,
        /// Fetch only what is missing, or everything again
        #[arg(long, value_enum, default_value_t = Mode::Missing)]
        mode: Mode,
    },
    /// List all backfills
    List,
    /// Show a backfill
    Show {
        /// Show the backfill with this id
        id: i64,
    },
    /// Pause a backfill
    Pause {
        /// Pause the backfill with this id
        id: i64,
    },
    /// Resume a backfill, and retry its blocked windows
    Resume {
        /// Resume the backfill with this id
        id: i64,
    },
    /// Cancel a backfill; the rows that it brought stay
    Cancel {
        /// Cancel the backfill with this id
        id: i64,
    },
}

/// What a backfill fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Only what is missing
    Missing,
    /// Everything again
    All,
}

#[derive(Debug, Args)]
pub struct Import {
    /// Store the rows for this account
    pub account: String,
    /// Read this file
    pub file: PathBuf,
    /// Store the rows in this stream, if the file does not name it
    #[arg(long, value_name = "STREAM")]
    pub stream: Option<String>,
    /// Count days as complete from this one on, in the account's time zone
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub from: Option<NaiveDate>,
    /// Count days as complete up to and including this one
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub to: Option<NaiveDate>,
    /// When the vendor made the file: an instant (RFC 3339), or a day in the account's time zone
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List the open jobs, up to 1,000, without the items that only wait their turn
    List,
    /// Show a job
    Show {
        /// Show the job with this id
        id: i64,
    },
    /// Retry a job now
    Retry {
        /// Retry the job with this id
        id: i64,
    },
    /// Discard a job that would not be planned again; its window counts as missing
    Discard {
        /// Discard the job with this id
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
pub enum Deliveries {
    /// List deliveries, the newest first
    List {
        /// List only those of this account
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// List only those in this state
        #[arg(long, value_parser = DELIVERY_STATES)]
        state: Option<String>,
        /// List only those of this kind
        #[arg(long, value_parser = ["mail", "file", "webhook"])]
        kind: Option<String>,
        /// List at most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        limit: u64,
    },
    /// Show a delivery
    Show {
        /// Show the delivery with this id
        id: i64,
    },
    /// Revoke a delivery that is not the vendor's: its days count as missing and are requested again
    #[command(
        after_help = "The rows that the delivery brought or changed stay in their table, marked in gone_at, until the \
        vendor names them.\nThe delivery stays in the list, so that its mail is not read again."
    )]
    Revoke {
        /// Revoke the delivery with this id
        id: i64,
    },
}

/// The states of a delivery.
const DELIVERY_STATES: [&str; 8] =
    ["accepted", "committed", "duplicate", "foreign", "short", "refused", "revoked", "unreadable"];

#[derive(Debug, Subcommand)]
pub enum Lanes {
    /// List all lanes
    List,
    /// Close an account's lane for all workers
    Close {
        /// Close the lane of this account
        account: String,
        /// Open the lane again after this time, such as 2h [default: when an operator opens it]
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        duration: Option<std::time::Duration>,
        /// Show this reason to other operators
        #[arg(long, default_value = "closed by an operator")]
        reason: String,
    },
    /// Open an account's lane
    Open {
        /// Open the lane of this account
        account: String,
    },
    /// Free the slots of an account's lane that a clock, since set back, left in the future
    #[command(
        after_help = "A freed slot waits until a request of its last holder must have ended, so that no request is in \
        flight twice.\nWith --force it does not wait, and slots in normal use are freed, too."
    )]
    Free {
        /// Free slots of the lane of this account
        account: String,
        /// Free every slot at once; a request may then be in flight twice
        #[arg(long)]
        force: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn has_the_simulators_only_with_the_feature_demo() {
        let mut arguments = Arguments::command();
        let names: Vec<_> = arguments.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for name in ["demo", "simulate"] {
            assert_eq!(names.iter().any(|known| known == name), cfg!(feature = "demo"), "{names:?}");
        }
        let help = arguments.render_long_help().to_string();
        assert_eq!(help.contains("demo"), cfg!(feature = "demo"), "{help}");
    }

    /// The list of possible values names each vendor; a further vendor must not be missing elsewhere.
    #[test]
    fn names_no_vendor_by_hand() {
        let arguments = Arguments::command();
        for command in arguments.get_subcommands() {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let named: Vec<_> = sources::VENDORS.iter().filter(|vendor| example.contains(vendor.name)).collect();
            assert!(named.is_empty(), "{}: {example}", command.get_name());
        }
    }
}
