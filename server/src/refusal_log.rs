//! Refused webhooks in the log: a warning now and then, however many a stranger sends.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time between two warnings of the same account and reason.
const WARNING_INTERVAL: Duration = Duration::from_mins(10);

/// The refusals since the last warning. An unknown account has no name here, because strangers choose its name.
#[derive(Default)]
pub(crate) struct RefusalLog {
    series: Mutex<HashMap<(Option<String>, &'static str), Series>>,
}

/// The refusals of one account for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Series {
    last_warning: Option<Duration>,
    /// Refusals since the last warning.
    silent: u64,
}

impl RefusalLog {
    /// Counts a refusal at `now`, by the clock's elapsed time. Returns the refusals since the last warning where it is time
    /// for the next one.
    pub(crate) fn count(&self, account: Option<&str>, state: &'static str, now: Duration) -> Option<u64> {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry((account.map(str::to_owned), state)).or_default().count(now)
    }
}

impl Series {
    fn count(&mut self, now: Duration) -> Option<u64> {
        self.silent += 1;
        if self.last_warning.is_some_and(|last| now.saturating_sub(last) < WARNING_INTERVAL) {
            return None;
        }
        self.last_warning = Some(now);
        Some(std::mem::take(&mut self.silent))
    }
}

#[cfg(test)]
mod tests {
    use super::{RefusalLog, WARNING_INTERVAL};
    use std::time::Duration;

    #[test]
    fn warns_of_the_first_refusal_and_then_of_many_at_once() {
        let log = RefusalLog::default();
        let second = Duration::from_secs(1);
        assert_eq!(log.count(Some("shop"), "forged", second), Some(1));
        for _ in 0..2_000 {
            assert_eq!(log.count(Some("shop"), "forged", WARNING_INTERVAL), None);
        }
        assert_eq!(log.count(Some("shop"), "forged", WARNING_INTERVAL + second), Some(2_001));
        assert_eq!(log.count(Some("shop"), "forged", WARNING_INTERVAL + second), None);
    }

    #[test]
    fn counts_each_account_and_each_reason_on_its_own() {
        let log = RefusalLog::default();
        for (account, state) in
            [(Some("shop"), "forged"), (Some("shop"), "unreadable"), (Some("bot"), "forged"), (None, "unknown")]
        {
            assert_eq!(log.count(account, state, Duration::ZERO), Some(1), "{account:?} {state}");
            assert_eq!(log.count(account, state, Duration::ZERO), None, "{account:?} {state}");
        }
    }
}
