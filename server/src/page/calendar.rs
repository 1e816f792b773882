//! An account's last weeks, one cell a day.

use super::figures;
use super::html::Html;
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::coverage::Trust;
use domain::days::{View, days};
use domain::want::Want;
use domain::window::Window;

/// The weeks that are shown; the last is the current one.
const WEEKS: u64 = 5;
/// How many troubles are told in words.
const TOLD: usize = 4;

/// The last weeks over all streams of an account.
#[derive(Debug)]
pub(crate) struct Calendar {
    /// Its clocks.
    pub(crate) zone: Tz,
    /// What its live sync must cover from.
    pub(crate) since: DateTime<Utc>,
    /// From a Monday to today.
    pub(crate) cells: Vec<Cell>,
}

/// One day.
#[derive(Debug)]
pub(crate) struct Cell {
    day: NaiveDate,
    /// The worst of its streams; `None` where none owes anything.
    trust: Option<Trust>,
    why: Vec<String>,
}

/// Days in a row with the same trouble.
#[derive(Debug, PartialEq, Eq)]
struct Trouble {
    first: NaiveDate,
    last: NaiveDate,
    trust: Trust,
    why: String,
}

impl Calendar {
    /// With nothing in it yet.
    pub(crate) fn new(zone: Tz, now: DateTime<Utc>) -> Self {
        let today = now.with_timezone(&zone).date_naive();
        let back = u64::from(today.weekday().num_days_from_monday()) + (WEEKS - 1) * 7;
        let first = today.checked_sub_days(Days::new(back)).unwrap_or(today);
        let cell = |day| Cell { day, trust: None, why: Vec::new() };
        Self { zone, since: now, cells: first.iter_days().take_while(|day| *day <= today).map(cell).collect() }
    }

    /// Takes in a stream that owes everything from `since` on. `name` is given where there are several.
    pub(crate) fn add(&mut self, name: Option<&str>, view: View<'_>, since: DateTime<Utc>) {
        self.since = self.since.min(since);
        let (Some(first), Some(last)) = (self.cells.first(), self.cells.last()) else { return };
        let found = days(view, first.day, last.day);
        for (cell, day) in self.cells.iter_mut().zip(found) {
            let Some(window) = Window::of_day(day.day, self.zone) else { continue };
            let is_ordered = view.ledger.backfills.iter().any(|backfill| backfill.window.intersect(&window).is_some());
            let asks = |want: &Want| want.slice.window().is_some_and(|slice| slice.intersect(&window).is_some());
            let is_owed = window.to() > since || is_ordered || view.ledger.wants.iter().any(asks);
            if matches!(day.state, Trust::Missing | Trust::Blocked) && !is_owed {
                continue;
            }
            cell.trust = Some(cell.trust.map_or(day.state, |trust| trust.min(day.state)));
            let reason = day.reason.filter(|_| day.state != Trust::Final);
            cell.why.extend(reason.map(|reason| match name {
                Some(name) => format!("{name} {}: {reason}", day.state.as_str()),
                None => reason,
            }));
        }
    }

    /// The strip and, in words, what is wrong.
    pub(crate) fn show(&self, html: &mut Html) {
        html.raw("<div class=\"weeks\">");
        for week in self.cells.chunks(7) {
            let Some(monday) = week.first() else { continue };
            html.raw("<div class=\"week\"><span class=\"from\" aria-hidden=\"true\">");
            html.text(figures::day(monday.day)).raw("</span><ol>");
            for cell in week {
                cell.show(html);
            }
            html.raw("</ol></div>");
        }
        html.raw("</div>");
        let troubles = self.troubles();
        if troubles.is_empty() {
            return;
        }
        html.raw("<ul class=\"troubles\">");
        for trouble in troubles.iter().rev().take(TOLD) {
            html.raw("<li><i class=\"").raw(class(Some(trouble.trust))).raw("\"></i><b>");
            html.text(figures::days(trouble.first, trouble.last)).raw("</b> ");
            html.text(trouble.trust.as_str());
            if !trouble.why.is_empty() {
                html.raw(": ").text(&trouble.why);
            }
            html.raw("</li>");
        }
        if troubles.len() > TOLD {
            html.raw("<li>and ").text(troubles.len() - TOLD).raw(" more</li>");
        }
        html.raw("</ul>");
    }

    /// What a person may have to look at, oldest first.
    fn troubles(&self) -> Vec<Trouble> {
        let mut found: Vec<Trouble> = Vec::new();
        for cell in &self.cells {
            let Some(trust) = cell.trust.filter(|trust| matches!(trust, Trust::Missing | Trust::Blocked)) else {
                continue;
            };
            let why = cell.why.join("; ");
            match found.last_mut() {
                Some(last) if last.last.succ_opt() == Some(cell.day) && last.trust == trust && last.why == why => {
                    last.last = cell.day;
                }
                _ => found.push(Trouble { first: cell.day, last: cell.day, trust, why }),
            }
        }
        found
    }
}

impl Cell {
    fn show(&self, html: &mut Html) {
        let word = self.trust.map_or("not asked for: before the live sync begins", Trust::as_str);
        let mut said = format!("{}: {word}", self.day.format("%A, %-d %B %Y"));
        if !self.why.is_empty() {
            said = format!("{said} ({})", self.why.join("; "));
        }
        html.raw("<li class=\"").raw(class(self.trust)).raw("\" title=\"").text(&said);
        html.raw("\"><span class=\"spoken\">").text(&said).raw("</span></li>");
    }
}

/// What the patterns mean.
pub(crate) fn legend(html: &mut Html) {
    let entries = [
        (Some(Trust::Final), "final", "equals what the vendor holds"),
        (Some(Trust::Provisional), "provisional", "held, may still change"),
        (Some(Trust::Missing), "missing", "not held yet"),
        (Some(Trust::Blocked), "blocked", "waits for a person"),
        (None, "not asked for", "before the live sync begins"),
    ];
    html.raw("<ul class=\"legend\">");
    for (trust, word, meaning) in entries {
        html.raw("<li><i class=\"").raw(class(trust)).raw("\"></i><span><b>").raw(word).raw("</b> ");
        html.raw(meaning).raw("</span></li>");
    }
    html.raw("</ul>");
}

fn class(trust: Option<Trust>) -> &'static str {
    match trust {
        Some(Trust::Final) => "day final",
        Some(Trust::Provisional) => "day provisional",
        Some(Trust::Missing) => "day missing",
        Some(Trust::Blocked) => "day blocked",
        None => "day free",
    }
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Trouble, Want};
    use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
    use chrono_tz::America::Bogota;
    use domain::coverage::Trust;
    use domain::days::View;
    use domain::ledger::Ledger;
    use domain::rules::Rules;
    use domain::want::{Purpose, Slice, Standing};
    use domain::window::{Window, midnight};
    use std::time::Duration;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).expect("a day of November")
    }

    fn held(first: u32, last: u32) -> Window {
        Window::new(midnight(day(first), Bogota), midnight(day(last + 1), Bogota)).expect("some days")
    }

    /// Saturday evening in Bogota, Sunday morning in Greenwich.
    fn now() -> DateTime<Utc> {
        midnight(day(21), Bogota) + TimeDelta::hours(20)
    }

    fn blocked(window: Window) -> Want {
        let mut want = Want::new(Purpose::Settle, Slice::Window(window), now(), Duration::ZERO);
        want.standing = Standing::Parked { reason: "a single second at the cap".to_owned() };
        want
    }

    /// Any vendor's; they hardly matter here.
    fn rules() -> Rules {
        let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
        Rules {
            longest: TimeDelta::days(31),
            step: TimeDelta::seconds(1),
            grain: TimeDelta::seconds(1),
            ready_after: None,
            spill: TimeDelta::zero(),
            retention: None,
            export: None,
            row_cap: 60_000,
            spacing: second,
            width: 1,
            daily_quota: None,
            interval: minute,
            settle: TimeDelta::hours(48),
            refresh: minute,
            overlap: TimeDelta::hours(1),
            timeout: minute,
            lease: minute * 2,
            retry_min: second,
            retry_max: minute,
            pending: minute,
            maintenance_pause: minute,
            requests_per_second: None,
        }
    }

    #[test]
    fn five_weeks_end_today_on_the_accounts_clocks() {
        let calendar = Calendar::new(Bogota, now());
        let ends = (calendar.cells.first().map(|cell| cell.day), calendar.cells.last().map(|cell| cell.day));
        assert_eq!(ends, (NaiveDate::from_ymd_opt(2026, 10, 19), Some(day(21))));
    }

    #[test]
    fn days_in_a_row_are_one_trouble_and_days_before_the_sync_are_none() {
        let mut ledger = Ledger::default();
        ledger.coverage.settle(held(2, 9));
        ledger.coverage.settle(held(13, 20));
        ledger.wants.push(blocked(held(12, 12)));
        let mut calendar = Calendar::new(Bogota, now());
        let rules = rules();
        let view = View { ledger: &ledger, rules: &rules, zone: Bogota, now: now(), due: now() };
        calendar.add(None, view, midnight(day(2), Bogota));
        let trouble = |first, last, trust, why: &str| Trouble { first, last, trust, why: why.to_owned() };
        assert_eq!(
            calendar.troubles(),
            [
                trouble(day(10), day(11), Trust::Missing, "never asked for"),
                trouble(day(12), day(12), Trust::Blocked, "a single second at the cap"),
                trouble(day(21), day(21), Trust::Missing, "never asked for"),
            ]
        );
        assert!(calendar.cells.iter().filter(|cell| cell.day < day(2)).all(|cell| cell.trust.is_none()));
        // Nor where the vendor has forgotten them.
        let forgetful = Rules { retention: Some(TimeDelta::days(20)), ..rules };
        let mut calendar = Calendar::new(Bogota, now());
        calendar.add(None, View { rules: &forgetful, ..view }, midnight(day(2), Bogota));
        assert!(calendar.cells.iter().filter(|cell| cell.day < day(2)).all(|cell| cell.trust.is_none()));
    }

    #[test]
    fn the_worst_stream_tells_the_day() {
        let (mut whole, mut holed) = (Ledger::default(), Ledger::default());
        whole.coverage.settle(held(2, 20));
        holed.coverage.settle(held(2, 8));
        holed.coverage.settle(held(10, 20));
        let rules = rules();
        let mut calendar = Calendar::new(Bogota, now());
        for (name, ledger) in [("polls", &whole), ("sessions", &holed)] {
            let due = midnight(day(21), Bogota);
            let view = View { ledger, rules: &rules, zone: Bogota, now: now(), due };
            calendar.add(Some(name), view, midnight(day(2), Bogota));
        }
        let why = "sessions missing: never asked for".to_owned();
        assert_eq!(calendar.troubles(), [Trouble { first: day(9), last: day(9), trust: Trust::Missing, why }]);
    }
}
