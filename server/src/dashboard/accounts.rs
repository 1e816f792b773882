//! The accounts section: one card per account.

use super::calendar::{self, Calendar};
use super::format;
use super::page_data::PageData;
use chrono::{DateTime, Utc};
use domain::duration::in_words;
use domain::health::{Explanation, Health, NOBODY_WORKING};
use maud::{Markup, html};
use storage::reports::status::AccountStatus;
use storage::reports::webhook_stats::Webhooks;

/// All accounts in the order of the settings.
pub(crate) fn section(snapshot: &PageData) -> Markup {
    let accounts = &snapshot.status.accounts;
    html! {
        section aria-labelledby="accounts" {
            h2 #accounts { "Accounts" }
            @if accounts.is_empty() {
                p.empty {
                    "Add the first account to " code { "convosync.toml" } ", under " code { "[accounts.NAME]" }
                    ", and restart the service."
                }
            } @else {
                (calendar::legend())
                @for (account, calendar) in accounts.iter().zip(&snapshot.calendars) {
                    (card(account, calendar, snapshot.now))
                }
            }
        }
    }
}

fn card(account: &AccountStatus, calendar: &Calendar, now: DateTime<Utc>) -> Markup {
    let badge = Badge::of(account.state);
    html! {
        article.card {
            header {
                div.identity {
                    h3 { (account.name) }
                    span.vendor { (account.source) }
                }
                span.state.(badge.class) {
                    svg viewBox="0 0 16 16" aria-hidden="true" { path d=(badge.symbol) {} }
                    (badge.label)
                }
            }
            dl.facts {
                (fact("Proven until", &proven_until(account, calendar, now)))
                (fact("Lateness", &lateness(account.lateness_seconds)))
                (fact("Last 5 weeks", &days_shown(calendar)))
                @if let Some(webhooks) = account.webhooks {
                    (fact("Webhooks", &webhook_counts(webhooks)))
                }
            }
            (reasons(account))
            (calendar.render())
        }
    }
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn proven_until(account: &AccountStatus, calendar: &Calendar, now: DateTime<Utc>) -> Markup {
    let zone = calendar.zone;
    html! {
        @if account.proven_until <= calendar.since {
            "nothing yet" small { "from " (format::instant(calendar.since, zone)) " on" }
        } @else {
            (format::instant(account.proven_until, zone))
            small { (zone.name()) ", " (format::relative(account.proven_until, now)) }
        }
    }
}

fn lateness(seconds: i64) -> Markup {
    html! {
        @if seconds == 0 {
            "on time"
        } @else {
            (in_words(seconds)) small { "behind schedule" }
        }
    }
}

/// The days of the calendar below, each counted once with its worst stream.
fn days_shown(calendar: &Calendar) -> Markup {
    let counts = calendar.counts();
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let states: Vec<_> = counts.iter().filter(|(_, count)| *count > 0).collect();
    html! {
        (format::pluralize(total, "day"))
        @if !states.is_empty() {
            ": "
            small {
                @for (index, (state, count)) in states.iter().enumerate() {
                    @if index > 0 { ", " }
                    (format::count(*count)) " " (state)
                }
            }
        }
    }
}

/// The account's own reasons, each with its next step, or else the latest failure. What concerns every account stands at
/// the top of the page.
fn reasons(account: &AccountStatus) -> Markup {
    let own: Vec<&Explanation> = account.reasons.iter().filter(|reason| reason.reason != NOBODY_WORKING).collect();
    html! {
        @for reason in &own {
            p.error.(Badge::of(reason.state).class) {
                b { (error_label(reason.state)) } " " (reason.sentence) "; " (reason.next_step)
            }
        }
        @if own.is_empty() && let Some(error) = &account.last_error {
            p.error.ok { b { "Last failure:" } " " (error) }
        }
    }
}

fn webhook_counts(webhooks: Webhooks) -> Markup {
    html! {
        (format::pluralize(webhooks.taken, "event"))
        small {
            "in 7 days"
            @if let Some(missed) = webhooks.lost {
                ", " (format::count(missed)) " missed and found by polling"
            }
        }
    }
}

/// The words before a reason: how much it matters now.
fn error_label(health: Health) -> &'static str {
    match health {
        Health::Parked => "Needs a person:",
        Health::Down => "Requests fail:",
        Health::Late => "Late:",
        Health::Ok => "Note:",
    }
}

/// How a card shows an account's health: a colour, and a symbol for readers who cannot tell the colours apart.
struct Badge {
    class: &'static str,
    /// An SVG path in a box of 16 by 16.
    symbol: &'static str,
    label: &'static str,
}

impl Badge {
    fn of(health: Health) -> Self {
        let (class, symbol, label) = match health {
            Health::Ok => ("ok", "M3.5 8.5l3 3 6-7", "OK"),
            Health::Late => ("late", "M8 4v4.2l2.8 1.8M8 1.8a6.2 6.2 0 100 12.4A6.2 6.2 0 008 1.8z", "Late"),
            Health::Down => ("down", "M4 4l8 8M12 4l-8 8", "Down"),
            Health::Parked => ("parked", "M5.5 3.5v9M10.5 3.5v9", "Parked"),
        };
        Self { class, symbol, label }
    }
}
