//! What `backfill start --wait` says while no process could do the work.

use domain::health::Reason;
use domain::process::{Absence, SEEN_FOR};
use std::time::Duration;

/// Remembers what the command has said. It says when work cannot go on, once more when that has lasted for
/// [`SEEN_FOR`], and when work goes on.
pub struct AbsenceNotice {
    /// When the command last found all roles at work, or started to wait.
    complete_at: Duration,
    said: Said,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    /// No process runs the role, and none is known to have run it.
    NotRunning,
    /// For how long no process has been seen.
    NotSeen,
}

impl AbsenceNotice {
    /// Starts to wait at `elapsed` by this host's clock.
    pub fn new(elapsed: Duration) -> Self {
        Self { complete_at: elapsed, said: Said::Nothing }
    }

    /// The line to say at `elapsed`, if there is one.
    pub fn line(&mut self, absence: Option<Absence>, elapsed: Duration) -> Option<String> {
        let Some(absence) = absence else {
            self.complete_at = elapsed;
            let was_absent = std::mem::replace(&mut self.said, Said::Nothing) != Said::Nothing;
            return was_absent.then(|| "the service runs again; the backfill goes on".to_owned());
        };
        // Processes that stopped cleanly leave no row, but this command has seen none while it waited.
        let waited = i64::try_from(elapsed.saturating_sub(self.complete_at).as_secs()).unwrap_or(i64::MAX);
        let seconds = absence.seconds.or((waited >= SEEN_FOR.num_seconds()).then_some(waited));
        let says = if seconds.is_some() { Said::NotSeen } else { Said::NotRunning };
        if self.said == says || self.said == Said::NotSeen {
            return None;
        }
        self.said = says;
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
        let mut say = |seconds| notice.line(Some(NO_WORKER), at(seconds));
        assert_eq!(say(0).as_deref(), Some("no worker is running; start `convosync run`"));
        assert_eq!((say(2), say(39)), (None, None));
        assert_eq!(say(40).as_deref(), Some("no worker has been seen for 40 s; start `convosync run`"));
        assert_eq!((say(42), say(4000)), (None, None), "it says so once");
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
