//! What `backfill start --wait` says while no process could do the work.

use domain::health::Reason;
use domain::process::{Absence, SEEN_FOR};
use std::time::Duration;

/// Decides which lines the command prints: one when work cannot go on, one more when that has lasted for [`SEEN_FOR`], and
/// one when work goes on.
pub struct AbsenceNotice {
    /// When the command last found all roles at work, or started to wait.
    complete_at: Duration,
    /// The last line that the command printed.
    printed: Line,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// No line, or the one that work goes on.
    Running,
    /// No process runs the role, and the table knows none that ran it.
    NotRunning,
    /// For how long no process with the role has been seen.
    NotSeen,
}

impl AbsenceNotice {
    /// Starts to wait at `elapsed` by this host's clock.
    pub fn new(elapsed: Duration) -> Self {
        Self { complete_at: elapsed, printed: Line::Running }
    }

    /// The line to print at `elapsed`, if there is one.
    pub fn line(&mut self, absence: Option<Absence>, elapsed: Duration) -> Option<String> {
        let Some(absence) = absence else {
            self.complete_at = elapsed;
            let was_absent = std::mem::replace(&mut self.printed, Line::Running) != Line::Running;
            return was_absent.then(|| "the service runs again; the backfill goes on".to_owned());
        };
        // Processes that stopped cleanly leave no row, but this command has seen none while it waited.
        let waited = i64::try_from(elapsed.saturating_sub(self.complete_at).as_secs()).unwrap_or(i64::MAX);
        let seconds = absence.seconds.or((waited >= SEEN_FOR.num_seconds()).then_some(waited));
        let line = if seconds.is_some() { Line::NotSeen } else { Line::NotRunning };
        if self.printed == line || self.printed == Line::NotSeen {
            return None;
        }
        self.printed = line;
        Some(Reason::NobodyWorking(Absence { seconds, ..absence }).text(""))
    }
}

#[cfg(test)]
mod tests {
    use super::AbsenceNotice;
    use domain::process::Absence;
    use std::time::Duration;

    const NO_WORKER: Absence = Absence { scheduler: false, worker: true, seconds: None };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1000 + seconds)
    }

    #[test]
    fn says_that_no_worker_runs_and_again_after_40_seconds() {
        let mut notice = AbsenceNotice::new(at(0));
        let mut line = |seconds| notice.line(Some(NO_WORKER), at(seconds));
        assert_eq!(line(0).as_deref(), Some("no worker is running; start `convosync run`"));
        assert_eq!((line(2), line(39)), (None, None));
        assert_eq!(line(40).as_deref(), Some("no worker has been seen for 40 s; start `convosync run`"));
        assert_eq!((line(42), line(4000)), (None, None), "it prints the line once");
        assert_eq!(notice.line(None, at(4001)).as_deref(), Some("the service runs again; the backfill goes on"));
        assert_eq!(notice.line(None, at(4002)), None);
        assert_eq!(
            notice.line(Some(NO_WORKER), at(4003)).as_deref(),
            Some("no worker is running; start `convosync run`")
        );
    }

    #[test]
    fn says_at_once_how_long_ago_a_dead_worker_was_seen() {
        let mut notice = AbsenceNotice::new(at(0));
        let dead = Absence { seconds: Some(40), ..NO_WORKER };
        let line = notice.line(Some(dead), at(0));
        assert_eq!(line.as_deref(), Some("no worker has been seen for 40 s; start `convosync run`"));
        assert_eq!(notice.line(Some(dead), at(2)), None);
    }

    #[test]
    fn says_nothing_while_the_service_runs() {
        let mut notice = AbsenceNotice::new(at(0));
        assert_eq!((notice.line(None, at(0)), notice.line(None, at(100))), (None, None));
    }
}
