//! The first page: everything at a glance, without a script.

mod accounts;
mod backfills;
mod board;
mod calendar;
mod figures;
mod html;
mod lanes;

use crate::Server;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use board::Board;
use chrono_tz::Tz;
use entities::report::Health;
use html::Html;
use std::sync::Arc;

const STYLE: &str = include_str!("page/style.css");

/// `GET /`; with `?refresh=off` it stays as it is.
pub(crate) async fn show(State(server): State<Arc<Server>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let is_live = query.is_none_or(|query| query.split('&').all(|pair| pair != "refresh=off"));
    let (status, page) = match server.glance(Board::load(&server)).await {
        Ok(board) => (StatusCode::OK, render(&board, is_live)),
        Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, silent(problem.detail(), is_live)),
    };
    (status, axum::response::Html(page))
}

fn render(board: &Board, is_live: bool) -> String {
    let mut html = Html::default();
    let headline = board.headline();
    head(&mut html, &headline, board.worst(), is_live);
    html.raw("<header class=\"top\"><p class=\"brand\">convosync <small>").text(board.version);
    html.raw("</small></p><p class=\"asof\">").text(figures::instant(board.now, Tz::UTC)).raw(" UTC");
    html.raw(if is_live { " · <a href=\"?refresh=off\">pause</a>" } else { " · paused · <a href=\"?\">follow</a>" });
    html.raw("</p></header><main><h1>").text(&headline).raw("</h1>");
    accounts::show(&mut html, board);
    queue(&mut html, board);
    backfills::show(&mut html, board);
    lanes::show(&mut html, board);
    html.raw("</main><footer><a href=\"/api/v1/status\">Status as JSON</a><a href=\"/metrics\">Metrics</a>");
    html.raw("<a href=\"/readyz?verbose\">Readiness</a></footer></body></html>\n");
    html.finish()
}

/// What is shown while the database is silent.
fn silent(why: &str, is_live: bool) -> String {
    let mut html = Html::default();
    head(&mut html, "No answer from the database", Health::Down, is_live);
    html.raw(
        "<header class=\"top\"><p class=\"brand\">convosync</p></header><main><h1>No answer from the database</h1>",
    );
    html.raw("<p class=\"empty\">")
        .text(why)
        .raw(". <a href=\"/readyz?verbose\">Readiness</a> lists what is missing. ");
    html.raw("Nothing that was stored is lost; work goes on as soon as it answers.</p></main></body></html>\n");
    html.finish()
}

fn head(html: &mut Html, title: &str, worst: Health, is_live: bool) {
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>").text(title);
    html.raw(" · convosync</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    html.raw("<meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">");
    if is_live {
        html.raw("<meta http-equiv=\"refresh\" content=\"5\">");
    }
    html.raw("<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' ");
    html.raw("viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23");
    html.raw(match worst {
        Health::Ok => "1f8a5b",
        Health::Late => "c77700",
        Health::Down | Health::Parked => "c8372d",
    });
    html.raw("'/%3E%3C/svg%3E\"><style>").raw(STYLE).raw("</style></head><body>");
}

fn queue(html: &mut Html, board: &Board) {
    let depth = board.status.queue;
    let tiles = [
        ("Due", depth.due, "can be asked for now"),
        ("Running", depth.running, "being asked for"),
        ("Waiting", depth.waiting, "for their time"),
        ("Parked", depth.parked, "for a person"),
    ];
    html.raw("<section aria-labelledby=\"queue\"><h2 id=\"queue\">Queue</h2>");
    html.raw("<p class=\"hint\">What is wanted and not yet answered: stretches of time, and what lists and webhooks name.</p><dl class=\"tiles\">");
    for (word, number, meaning) in tiles {
        let is_alarming = word == "Parked" && number > 0;
        html.raw("<div><dt>").raw(word).raw("</dt><dd").raw(if is_alarming { " class=\"alarm\">" } else { ">" });
        html.text(figures::count(number)).raw("<small>");
        match depth.oldest_due_seconds {
            oldest if word == "Due" && oldest > 0 => html.raw("oldest for ").text(figures::span(oldest)),
            _ => html.raw(meaning),
        };
        html.raw("</small></dd></div>");
    }
    html.raw("</dl></section>");
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
