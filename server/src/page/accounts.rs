//! The accounts, a card each.

use super::board::Board;
use super::calendar::{Calendar, legend};
use super::figures;
use super::html::Html;
use chrono::{DateTime, Utc};
use entities::report::{AccountStatus, Health};

/// All of them.
pub(crate) fn show(html: &mut Html, board: &Board) {
    html.raw("<section aria-labelledby=\"accounts\"><h2 id=\"accounts\">Accounts</h2>");
    if board.status.accounts.is_empty() {
        html.raw("<p class=\"empty\">Name the first one in <code>convosync.toml</code>, under ");
        html.raw("<code>[accounts.NAME]</code>, and start the service again.</p></section>");
        return;
    }
    legend(html);
    for (account, calendar) in board.status.accounts.iter().zip(&board.calendars) {
        card(html, account, calendar, board.now);
    }
    html.raw("</section>");
}

fn card(html: &mut Html, account: &AccountStatus, calendar: &Calendar, now: DateTime<Utc>) {
    let (class, icon, word) = look(account.state);
    html.raw("<article class=\"card\"><header><div class=\"who\"><h3>").text(&account.name);
    html.raw("</h3><span class=\"vendor\">");
    html.text(&account.source).raw("</span></div><span class=\"state ").raw(class).raw("\">").raw(icon).raw(word);
    html.raw("</span></header><dl class=\"facts\"><div><dt>Proven until</dt><dd>");
    if account.proven_until <= calendar.since {
        html.raw("nothing yet<small>from ").text(figures::instant(calendar.since, calendar.zone)).raw(" on</small>");
    } else {
        html.text(figures::instant(account.proven_until, calendar.zone)).raw("<small>");
        html.text(calendar.zone.name()).raw(", ").text(figures::relative(account.proven_until, now)).raw("</small>");
    }
    html.raw("</dd></div><div><dt>Lateness</dt><dd>");
    match account.lateness_seconds {
        0 => html.raw("on time"),
        late => html.text(figures::span(late)).raw("<small>behind its cadence</small>"),
    };
    html.raw("</dd></div><div><dt>Days held</dt><dd>");
    days(html, account);
    html.raw("</dd></div>");
    if let Some(came) = account.webhooks {
        html.raw("<div><dt>Webhooks</dt><dd>").text(figures::counted(came.taken, "event")).raw("<small>in 7 days");
        if let Some(lost) = came.lost {
            html.raw(", ").text(figures::count(lost)).raw(" lost and made good by asking");
        }
        html.raw("</small></dd></div>");
    }
    html.raw("</dl>");
    if let Some(error) = &account.last_error {
        html.raw("<p class=\"error ").raw(class).raw("\"><b>").raw(blame(account.state)).raw("</b> ");
        html.text(error).raw("</p>");
    }
    calendar.show(html);
    html.raw("</article>");
}

fn days(html: &mut Html, account: &AccountStatus) {
    let days = account.days;
    let owed = days.r#final + days.provisional + days.missing + days.blocked;
    html.text(figures::count(days.r#final + days.provisional)).raw(" of ").text(figures::count(owed)).raw("<small>");
    html.text(figures::count(days.r#final)).raw(" final");
    for (number, word) in [(days.missing, " missing"), (days.blocked, " blocked")] {
        if number > 0 {
            html.raw(", ").text(figures::count(number)).raw(word);
        }
    }
    html.raw("</small>");
}

/// What the last error has brought about.
fn blame(state: Health) -> &'static str {
    match state {
        Health::Parked => "Waits for you:",
        Health::Down => "Requests fail:",
        Health::Late | Health::Ok => "Last failure:",
    }
}

/// Class, symbol and word: the symbol, because not everybody can tell the colours apart.
fn look(state: Health) -> (&'static str, &'static str, &'static str) {
    macro_rules! icon {
        ($path:literal) => {
            concat!("<svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"", $path, "\"/></svg>")
        };
    }
    match state {
        Health::Ok => ("ok", icon!("M3.5 8.5l3 3 6-7"), "OK"),
        Health::Late => ("late", icon!("M8 4v4.2l2.8 1.8M8 1.8a6.2 6.2 0 100 12.4A6.2 6.2 0 008 1.8z"), "Late"),
        Health::Down => ("down", icon!("M4 4l8 8M12 4l-8 8"), "Down"),
        Health::Parked => ("parked", icon!("M5.5 3.5v9M10.5 3.5v9"), "Parked"),
    }
}
