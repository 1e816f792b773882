//! One stream's days, for people.

use crate::coverage::Trust;
use crate::ledger::Ledger;
use crate::want::Standing;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

/// One day of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// As the account's clocks have it.
    pub day: NaiveDate,
    /// How much it can be trusted.
    pub state: Trust,
    /// Why it is not final, where there is more to say than that.
    pub reason: Option<String>,
}

/// How many days stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayCounts {
    /// Days that equal what the vendor holds.
    pub r#final: u64,
    /// Days that are held and may still change.
    pub provisional: u64,
    /// Days of which a part was never answered in full.
    pub missing: u64,
    /// Days of which a part waits for a person.
    pub blocked: u64,
}

/// The days from `first` to `last`, both included; `due` is the instant up to which live work should have asked.
#[must_use]
pub fn days(ledger: &Ledger, first: NaiveDate, last: NaiveDate, zone: Tz, due: DateTime<Utc>) -> Vec<Day> {
    let blocked = ledger.blocked();
    first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter_map(|day| {
            let window = Window::of_day(day, zone)?;
            let state = ledger.coverage.trust(window, &blocked, due);
            Some(Day { day, state, reason: reason(ledger, window, state, due) })
        })
        .collect()
}

/// Counts them.
#[must_use]
pub fn count<'a>(days: impl IntoIterator<Item = &'a Day>) -> DayCounts {
    days.into_iter().fold(DayCounts::default(), |mut counts, day| {
        match day.state {
            Trust::Final => counts.r#final += 1,
            Trust::Provisional => counts.provisional += 1,
            Trust::Missing => counts.missing += 1,
            Trust::Blocked => counts.blocked += 1,
        }
        counts
    })
}

fn reason(ledger: &Ledger, day: Window, state: Trust, due: DateTime<Utc>) -> Option<String> {
    let touching =
        || ledger.wants.iter().filter(|want| want.slice.window().is_some_and(|w| w.intersect(&day).is_some()));
    match state {
        Trust::Final => None,
        Trust::Provisional if day.to() > due => Some("not over yet".to_owned()),
        Trust::Provisional => Some("answers may still change".to_owned()),
        Trust::Blocked => touching().find_map(|want| match &want.standing {
            Standing::Parked { reason } => Some(reason.clone()),
            Standing::Waiting | Standing::Handed { .. } | Standing::Running { .. } => None,
        }),
        Trust::Missing => Some(match touching().max_by_key(|want| want.failures) {
            Some(want) if want.failures > 0 => format!("asked {} times without an answer", want.failures),
            Some(_) => "being asked for".to_owned(),
            None => "never asked for".to_owned(),
        }),
    }
}
