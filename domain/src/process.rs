//! The processes of the service, as they report themselves: who runs which role, and who was seen last.

use crate::duration;
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt;

/// One running process. A row of the table `processes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The host's name and the process id, such as `worker-7-4711`.
    pub name: String,
    /// The roles that the process runs.
    pub roles: Vec<Role>,
    /// The host's name.
    pub host: String,
    /// The version of the program.
    pub version: String,
    /// When the process started, by the database's clock.
    pub started_at: DateTime<Utc>,
    /// When the process last reported itself, by the database's clock.
    pub last_seen_at: DateTime<Utc>,
}

/// A role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Plans jobs and pushes tickets.
    Scheduler,
    /// Sends requests to vendors and stores the rows.
    Worker,
    /// Serves health, metrics, the API, the dashboard and webhooks.
    Server,
}

/// All roles, in the order in which reports list them.
pub const ROLES: [Role; 3] = [Role::Scheduler, Role::Worker, Role::Server];

/// How long after its last report a process counts as running. A process reports itself every 10 s, and a write may wait
/// for another writer for 30 s.
pub const SEEN_FOR: TimeDelta = TimeDelta::seconds(40);

/// The roles that no process runs although no request is sent without them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absence {
    /// Whether no scheduler runs.
    pub scheduler: bool,
    /// Whether no worker runs.
    pub worker: bool,
    /// How long ago a process with one of these roles was last seen, in seconds; `None` if no such process is known,
    /// because all of them stopped cleanly.
    pub seconds: Option<i64>,
}

impl Process {
    /// Whether the process has reported itself within [`SEEN_FOR`]. A report from the future, which a clock that was set
    /// back leaves behind, does not count.
    #[must_use]
    pub fn is_seen(&self, now: DateTime<Utc>) -> bool {
        (now - self.last_seen_at).abs() < SEEN_FOR
    }
}

impl Role {
    /// The word that the command line, tables and metrics use for this role.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Worker => "worker",
            Self::Server => "server",
        }
    }

    /// The role that `word` names; `None` if a later version has a role that this one does not know.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        ROLES.into_iter().find(|role| role.as_str() == word)
    }
}

/// Says which of scheduler and worker no process runs at `now`; `None` if both run.
#[must_use]
pub fn absence(processes: &[Process], now: DateTime<Utc>) -> Option<Absence> {
    let of_role = |role: Role| processes.iter().filter(move |process| process.roles.contains(&role));
    let is_absent = |role: Role| !of_role(role).any(|process| process.is_seen(now));
    let (scheduler, worker) = (is_absent(Role::Scheduler), is_absent(Role::Worker));
    let absent = [(Role::Scheduler, scheduler), (Role::Worker, worker)].into_iter().filter(|(_, is_absent)| *is_absent);
    // A role has not worked since its last report. Work stopped at the earlier of the two reports.
    let last_seen = absent.filter_map(|(role, _)| of_role(role).map(|process| process.last_seen_at).max()).min();
    let seconds = last_seen.map(|seen| (now - seen).num_seconds().max(0));
    (scheduler || worker).then_some(Absence { scheduler, worker, seconds })
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = match (self.scheduler, self.worker) {
            (true, true) => "no scheduler and no worker",
            (true, false) => "no scheduler",
            (false, _) => "no worker",
        };
        match self.seconds {
            Some(seconds) => write!(f, "{roles} has been seen for {}", duration::in_words(seconds)),
            None => write!(f, "{roles} is running"),
        }
    }
}
