//! The lanes: who is asking, and which are shut.

use super::board::Board;
use super::figures;
use super::html::Html;
use entities::report::LaneStatus;

/// All of them.
pub(crate) fn show(html: &mut Html, board: &Board) {
    if board.status.lanes.is_empty() {
        return;
    }
    html.raw("<section aria-labelledby=\"lanes\"><h2 id=\"lanes\">Lanes</h2>");
    html.raw("<p class=\"hint\">One per credential: requests on it take turns, over all workers.</p>");
    html.raw("<ul class=\"card rows\">");
    for lane in &board.status.lanes {
        html.raw("<li><span class=\"name\">").text(lane.accounts.join(", ")).raw("</span><span class=\"busy\">");
        for slot in 0..lane.width {
            html.raw(if slot < lane.held { "<i class=\"slot held\"></i>" } else { "<i class=\"slot\"></i>" });
        }
        html.text(lane.held).raw(" of ").text(lane.width).raw(" busy</span>");
        standing(html, board, lane);
        html.raw("</li>");
    }
    html.raw("</ul></section>");
}

fn standing(html: &mut Html, board: &Board, lane: &LaneStatus) {
    match (lane.closed_until, &lane.closed_reason) {
        (None, None) => {
            html.raw("<span class=\"standing\">open</span>");
            return;
        }
        (Some(until), _) => {
            html.raw("<span class=\"standing shut\"><b>closed until ");
            html.text(figures::instant(until, board.zone(&lane.account))).raw("</b> (");
            html.text(figures::relative(until, board.now)).raw(")");
        }
        (None, Some(_)) => {
            html.raw("<span class=\"standing shut\"><b>closed until you open it</b>");
        }
    }
    if let Some(reason) = &lane.closed_reason {
        html.raw("<small>").text(reason).raw("</small>");
    }
    html.raw("</span>");
}
