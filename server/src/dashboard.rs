//! The dashboard: one HTML page without a script, rendered from one snapshot of the database.

mod accounts;
mod backfills;
mod calendar;
mod format;
mod lanes;
mod page_data;
mod processes;
mod queue;

use crate::Server;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use chrono_tz::Tz;
use domain::health::Health;
use maud::{DOCTYPE, Markup, html};
use page_data::PageData;
use std::sync::Arc;

/// The stylesheet has no character that HTML escapes, so it needs no exemption from escaping.
const STYLE: &str = include_str!("dashboard/style.css");

/// `GET /`. The page reloads itself every five seconds unless the query has `refresh=off`.
pub(crate) async fn show(State(server): State<Arc<Server>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let refreshes = query.is_none_or(|query| query.split('&').all(|pair| pair != "refresh=off"));
    let (status, page) = match server.query(PageData::load(&server)).await {
        Ok(snapshot) => (StatusCode::OK, render(&snapshot, refreshes)),
        Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, render_unavailable(problem.detail(), refreshes)),
    };
    (status, Html(page.into_string()))
}

fn render(snapshot: &PageData, refreshes: bool) -> Markup {
    let health = &snapshot.status.health;
    let content = html! {
        header.top {
            p.brand { "convosync " small { (snapshot.version) } }
            p.asof {
                (format::instant(snapshot.now, Tz::UTC)) " UTC · "
                @if refreshes {
                    a href="?refresh=off" { "pause" }
                } @else {
                    "paused · " a href="?" { "resume" }
                }
            }
        }
        main {
            h1 { (health.headline) }
            @for reason in &health.reasons {
                p.error.down { b { "Nothing is fetched:" } " " (reason.sentence) "; " (reason.next_step) }
            }
            (accounts::section(snapshot))
            (queue::section(snapshot.status.queue))
            (backfills::section(snapshot))
            (lanes::section(snapshot))
            (processes::section(snapshot))
        }
        footer {
            a href="/api/v1/status" { "Status as JSON" }
            a href="/api/openapi.json" { "API description" }
            a href="/metrics" { "Metrics" }
            a href="/readyz?verbose" { "Readiness" }
        }
    };
    document(&health.headline, health.state, refreshes, &content)
}

/// The page while the database does not answer.
fn render_unavailable(detail: &str, refreshes: bool) -> Markup {
    let headline = "No answer from the database";
    let content = html! {
        header.top { p.brand { "convosync" } }
        main {
            h1 { (headline) }
            p.empty {
                (detail) ". " a href="/readyz?verbose" { "Readiness" } " lists the checks that fail. "
                "Stored data is safe; the service continues as soon as the database answers."
            }
        }
    };
    document(headline, Health::Down, refreshes, &content)
}

fn document(title: &str, worst_health: Health, refreshes: bool, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " · convosync" }
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                @if refreshes {
                    meta http-equiv="refresh" content="5";
                }
                link rel="icon" href=(icon(worst_health));
                style { (STYLE) }
            }
            body { (content) }
        }
    }
}

/// A coloured disc as a data address: the content security policy lets the page load nothing else.
fn icon(worst_health: Health) -> String {
    let colour = match worst_health {
        Health::Ok => "1f8a5b",
        Health::Late => "c77700",
        Health::Down | Health::Parked => "c8372d",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
         %3Ccircle cx='8' cy='8' r='7' fill='%23{colour}'/%3E%3C/svg%3E"
    )
}

#[cfg(test)]
#[path = "dashboard/tests.rs"]
mod tests;
