//! The backfills that have not ended.

use super::board::Board;
use super::figures;
use super::html::Html;
use chrono::TimeDelta;
use entities::progress::Progress;

/// All of them.
pub(crate) fn show(html: &mut Html, board: &Board) {
    html.raw("<section aria-labelledby=\"backfills\"><h2 id=\"backfills\">Backfills</h2>");
    if board.backfills.is_empty() {
        html.raw("<p class=\"empty\">None is running. Start one with ");
        html.raw("<code>convosync backfill start ACCOUNT --from DAY --to DAY</code>.</p></section>");
        return;
    }
    html.raw("<ul class=\"card rows\">");
    for backfill in &board.backfills {
        row(html, board, backfill);
    }
    html.raw("</ul></section>");
}

fn row(html: &mut Html, board: &Board, backfill: &Progress) {
    let zone = board.zone(&backfill.account);
    let day = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&zone).format("%-d %b %Y").to_string();
    let windows = backfill.windows;
    html.raw("<li class=\"backfill\"><span class=\"name\">").text(&backfill.account).raw(" <small>#");
    html.text(backfill.id).raw("</small></span><span class=\"span\">").text(day(backfill.from)).raw(" – ");
    html.text(day(backfill.to - TimeDelta::milliseconds(1))).raw("</span><span class=\"eta\">");
    html.text(rest(backfill)).raw("</span>");
    // A bar without a value would move for ever.
    html.raw("<progress max=\"").text(windows.total.max(1)).raw("\" value=\"").text(windows.done);
    html.raw("\" aria-label=\"windows answered\"></progress><small>").text(percent(windows.done, windows.total));
    html.raw(" % · ").text(figures::count(windows.done)).raw(" of ").text(figures::counted(windows.total, "window"));
    html.raw(" · ").text(figures::counted(u64::try_from(backfill.rows).unwrap_or(0), "row"));
    if backfill.leads.left > 0 {
        html.raw(" · ").text(figures::count(backfill.leads.left)).raw(" to read");
    }
    if backfill.blocked > 0 {
        html.raw(" · <b class=\"blocked\">").text(figures::counted(u64::from(backfill.blocked), "window"));
        html.raw(" blocked</b>");
    }
    html.raw("</small></li>");
}

fn rest(backfill: &Progress) -> String {
    match (backfill.state.as_str(), backfill.eta_seconds) {
        ("running", Some(seconds)) => format!("about {} left", figures::span(i64::try_from(seconds).unwrap_or(0))),
        ("running", None) => "no estimate yet".to_owned(),
        (state, _) => state.to_owned(),
    }
}

/// Rounded down: a hundred means done.
fn percent(done: u64, total: u64) -> u64 {
    done.saturating_mul(100) / total.max(1)
}
