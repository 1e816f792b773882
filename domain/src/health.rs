//! The health of an account and of the installation, derived from plain data. The command line, the dashboard, the API and
//! the metrics show what these functions return, and decide nothing themselves.

mod reason;

pub use reason::{Explanation, NOBODY_WORKING, Reason};

use crate::clock_skew::is_tolerable;
use crate::days::{BlockedDays, DayCounts, DaysView, blocked_days, count, days, expiring_days, unordered_days};
use crate::job::Job;
use crate::lane::LaneClosure;
use crate::live_slot::due_at;
use crate::process::Absence;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// The state of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// The live sync is on time.
    Ok,
    /// The live sync is behind its interval.
    Late,
    /// A day, a job or the lane waits for an operator.
    Parked,
    /// No scheduler or no worker runs, or the account's requests have failed for longer than a live interval.
    Down,
}

/// The facts about one stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamFacts<'a> {
    /// The stream's name.
    pub stream: &'a str,
    /// The stream's ledger, with the account's rules and zone and the instant of the report.
    pub view: DaysView<'a>,
    /// The start of the span that the live sync must cover.
    pub since: DateTime<Utc>,
    /// The first failure since the last usable answer.
    pub failing_since: Option<DateTime<Utc>>,
    /// The text of the last failure, while requests fail.
    pub last_error: Option<&'a str>,
    /// The vendor's time less the database's in the last answer, if the vendor states its time.
    pub clock_skew: Option<TimeDelta>,
}

/// The health of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamHealth {
    /// The days from the start of the live sync to today, by completeness.
    pub days: DayCounts,
    /// The number of missing days that the vendor will soon delete.
    pub days_at_risk: u64,
    /// How far the newest held instant lies behind the live schedule, in seconds; 0 when on time.
    pub lateness_seconds: i64,
    /// The text of the last failure, while requests fail.
    pub last_error: Option<String>,
    /// Why the stream is not well.
    pub reasons: Vec<Reason>,
}

/// The facts about an account besides its streams.
#[derive(Clone, Copy, Debug)]
pub struct AccountFacts<'a> {
    /// The instant of the report.
    pub now: DateTime<Utc>,
    /// The closure of the account's lane, if one is stored.
    pub closure: Option<&'a LaneClosure>,
    /// When the credential ends, if it states so.
    pub credential_ends: Option<DateTime<Utc>>,
    /// The roles that no process runs.
    pub absence: Option<Absence>,
}

/// The health of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountHealth {
    /// The state that the most severe reason brings.
    pub state: Health,
    /// The sums over the streams, and the worst lateness.
    pub sum: StreamHealth,
}

/// The health of the installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InstallationHealth {
    /// The worst state of any account; `down` while no request can be sent at all.
    pub state: Health,
    /// One sentence about the whole installation.
    pub headline: String,
    /// The reasons that concern every account.
    pub reasons: Vec<Explanation>,
}

/// The lateness that is still on time, in seconds, because a poll takes time.
const LATE: i64 = 60;
/// The time from a stream's first failure until it becomes a reason. One failed request is no reason to warn.
const FAILING: TimeDelta = TimeDelta::seconds(30);
/// How long before a credential ends it becomes a reason.
const ENDS_SOON: TimeDelta = TimeDelta::days(7);

impl Health {
    /// The word that tables, JSON and metrics use for this state.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Late => "late",
            Self::Parked => "parked",
            Self::Down => "down",
        }
    }

    /// The place of the state among the others: the worst has the most.
    fn badness(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Late => 1,
            Self::Parked => 2,
            Self::Down => 3,
        }
    }

    /// The worst of `states`.
    #[must_use]
    pub fn worst(states: impl IntoIterator<Item = Self>) -> Self {
        states.into_iter().max_by_key(|state| state.badness()).unwrap_or(Self::Ok)
    }
}

/// Derives the health of one stream.
#[must_use]
pub fn stream_health(facts: StreamFacts<'_>) -> StreamHealth {
    let StreamFacts { view, since, .. } = facts;
    let (first, today) = (view.date_of(since), view.date_of(view.now));
    let found = days(view, first, today);
    let newest = view.ledger.coverage.held().windows().last().map_or(since, Window::to);
    let late = (view.now - due_at(newest, view.rules) - view.rules.cadence()).num_seconds().max(0);
    let expiring = expiring_days(view, first);
    let blocked = blocked_days(view, &found);
    let parked = live_parked(view, blocked.as_ref());
    let mut reasons: Vec<Reason> = Vec::from_iter(parked);
    reasons.extend(blocked.map(Reason::DaysBlocked));
    reasons.extend(vendor_fails(&facts));
    reasons.extend((late > LATE).then_some(Reason::LiveLate { seconds: late }));
    reasons.extend(
        facts
            .clock_skew
            .filter(|skew| !is_tolerable(*skew))
            .map(|skew| Reason::ClockSkewed { stream: facts.stream.to_owned(), seconds: skew.num_seconds() }),
    );
    reasons.extend(items_parked(view));
    reasons.extend(expiring.first().zip(expiring.last()).map(|(first, last)| Reason::DaysExpire {
        first: *first,
        last: *last,
        count: expiring.len() as u64,
        kept_days: view.rules.retention.map_or(0, |kept| kept.num_days()),
    }));
    reasons.extend(unordered_days(view, since).into_iter().map(|(first, last)| Reason::DaysUnordered { first, last }));
    StreamHealth {
        days: count(&found),
        days_at_risk: expiring.len() as u64,
        lateness_seconds: late,
        last_error: facts.last_error.map(str::to_owned),
        reasons,
    }
}

/// Derives the health of an account: the state of its most severe reason.
#[must_use]
pub fn account_health(facts: AccountFacts<'_>, streams: &[StreamHealth]) -> AccountHealth {
    let mut sum = StreamHealth::default();
    let mut reasons = Vec::from_iter(facts.absence.map(Reason::NobodyWorking));
    reasons.extend(facts.closure.filter(|closure| closure.holds(facts.now)).map(Reason::of_closure));
    for stream in streams {
        sum.days = sum.days.plus(stream.days);
        sum.days_at_risk += stream.days_at_risk;
        sum.lateness_seconds = sum.lateness_seconds.max(stream.lateness_seconds);
        sum.last_error = sum.last_error.or_else(|| stream.last_error.clone());
        for reason in &stream.reasons {
            if !reasons.contains(reason) {
                reasons.push(reason.clone());
            }
        }
    }
    reasons.extend(credential_end(facts.credential_ends, facts.now));
    let (sends_nothing, is_late_for_a_reason) =
        (reasons.iter().any(Reason::stops_requests), reasons.iter().any(Reason::explains_lateness));
    reasons.retain(|reason| match reason {
        // While no request is sent, no worker tries again by itself.
        Reason::VendorFails { .. } => !sends_nothing,
        // Two streams are late by different seconds; the account is as late as the later one.
        Reason::LiveLate { seconds } => !is_late_for_a_reason && *seconds == sum.lateness_seconds,
        _ => true,
    });
    reasons.sort_by_key(Reason::rank);
    let state = reasons.iter().map(Reason::state).find(|state| *state != Health::Ok).unwrap_or(Health::Ok);
    AccountHealth { state, sum: StreamHealth { reasons, ..sum } }
}

/// Derives the health of the installation from the states of its accounts.
#[must_use]
pub fn installation_health(absence: Option<Absence>, accounts: &[Health]) -> InstallationHealth {
    let reason = absence.map(Reason::NobodyWorking);
    let own = reason.as_ref().map_or(Health::Ok, Reason::state);
    let headline = reason.as_ref().map_or_else(|| headline(accounts), |reason| capitalised(&reason.sentence("")));
    InstallationHealth {
        state: Health::worst(accounts.iter().copied().chain([own])),
        headline,
        reasons: reason.iter().map(|reason| reason.explain("")).collect(),
    }
}

/// The reason that a credential has ended or ends soon.
#[must_use]
pub fn credential_end(ends: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Reason> {
    let at = ends.filter(|end| *end - now < ENDS_SOON)?;
    Some(Reason::TokenEnds { at, has_ended: at <= now })
}

/// The parked live job, unless it is the cause of the blocked days.
fn live_parked(view: DaysView<'_>, blocked: Option<&BlockedDays>) -> Option<Reason> {
    let cause = view.ledger.parked()?.to_owned();
    let is_same_cause = blocked.is_some_and(|days| days.cause == cause);
    (!is_same_cause).then_some(Reason::LiveParked { cause })
}

fn vendor_fails(facts: &StreamFacts<'_>) -> Option<Reason> {
    let now = facts.view.now;
    let since = facts.failing_since.filter(|since| now - *since > FAILING)?;
    Some(Reason::VendorFails {
        stream: facts.stream.to_owned(),
        since,
        error: facts.last_error.unwrap_or("unknown error").to_owned(),
        is_lasting: now - since > facts.view.rules.cadence(),
    })
}

fn items_parked(view: DaysView<'_>) -> Option<Reason> {
    let is_parked = |job: &&Job| job.slice.is_named() && job.is_parked();
    let lists = view.ledger.jobs.iter().filter(is_parked).count() as u64;
    let count = view.ledger.items.total().parked + lists;
    (count > 0).then_some(Reason::ItemsParked { count })
}

fn headline(accounts: &[Health]) -> String {
    let total = accounts.len();
    match (total, accounts.iter().filter(|state| **state != Health::Ok).count()) {
        (0, _) => "No accounts yet".to_owned(),
        (1, 0) => "The account is on time".to_owned(),
        (1, _) => "The account needs attention".to_owned(),
        (_, 0) => format!("All {total} accounts are on time"),
        (_, 1) => format!("1 of {total} accounts needs attention"),
        (_, unhealthy) => format!("{unhealthy} of {total} accounts need attention"),
    }
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
