//! How the vendor treats a request, from its arrival to its answer.

use super::answer::{Answer, Cut, written};
use super::config::{Config, Empty};
use super::control;
use super::faults::Fault;
use super::record::{Arrival, Slot};
use super::rules::{Asked, SIMULTANEOUS, broken, refusal};
use super::sheet::{Row, Sheet};
use super::{Wolkvox, truth};
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The vendor's routes and the simulator's own.
pub(super) fn router(vendor: Wolkvox) -> Router {
    Router::new().route("/api/v2/reports_manager.php", get(report)).merge(control::router()).with_state(vendor)
}

/// An answer and how long the vendor works on it.
struct Work {
    answer: Answer,
    time: Duration,
    /// What then is left of the longest call, for the caller to read.
    left: Duration,
    outcome: &'static str,
    rows: usize,
}

impl Work {
    fn note(answer: Answer, time: Duration, outcome: &'static str) -> Self {
        Self { answer, time, left: Duration::ZERO, outcome, rows: 0 }
    }
}

async fn report(
    State(vendor): State<Wolkvox>,
    headers: HeaderMap,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response<Body> {
    let token = headers.get("wolkvox-token").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let asked = Asked::new(token.filter(|token| !token.is_empty()), parameters);
    let (work, slot) = arrive(&vendor, &asked);
    slot.answered(work.outcome, work.rows);
    // In a task of its own: this function is dropped when the caller hangs up, but the vendor works on, and
    // the token stays busy until it is through.
    let (sender, receiver) = oneshot::channel();
    vendor.inside.tasks.spawn(async move {
        tokio::time::sleep(work.time).await;
        // Where the caller has hung up, answer and slot end here.
        let _ = sender.send((work.answer, slot));
    });
    match receiver.await {
        Ok((answer, slot)) => {
            // "60 s per call": working and sending together.
            vendor.inside.tasks.spawn(slot.give_up_after(work.left));
            answer.into_response(slot)
        }
        Err(_) => Response::new(Body::empty()),
    }
}

fn arrive(vendor: &Wolkvox, asked: &Asked) -> (Work, Slot) {
    let inside = &vendor.inside;
    let config = vendor.config();
    let now = inside.clock.now();
    let token = asked.token.as_ref().and_then(|token| config.tokens.iter().position(|good| good == token));
    let day = inside.truth.wall_clock(now).date();
    let (arrival, slot) = inside.record.arrive(&inside.clock, (now, day), token, asked.range_as_written());
    let rules = broken(asked, token, arrival, &config);
    inside.record.broken(arrival, &rules);
    let work = match rules.first() {
        Some((kind, _)) => {
            let (status, error, message) = refusal(*kind, asked);
            let code = written(status, config.code, config.seed, arrival.ordinal);
            let answer = Answer::error(status, &code, error, message);
            Work::note(answer, Duration::ZERO, kind.name())
        }
        None => serve(vendor, asked, arrival, &config),
    };
    (work, slot)
}

/// Treats a request that broke no rule.
fn serve(vendor: &Wolkvox, asked: &Asked, arrival: Arrival, config: &Config) -> Work {
    let drawn = config.faults.draw(config.seed, arrival.ordinal);
    let fault = if vendor.inside.record.maintained() { Some(Fault::Maintenance) } else { drawn };
    if drawn == Some(Fault::Maintenance) {
        vendor.inside.record.maintain(config.faults.maintenance_calls.saturating_sub(1));
    }
    if let Some(answer) = fault.and_then(|fault| disturbed(fault, config, arrival.ordinal)) {
        return Work::note(answer, config.latency, fault.map_or("", Fault::name));
    }
    let mut work = undisturbed(vendor, asked, arrival, config);
    if work.time > config.longest_call {
        return Work::note(Answer::page(504, "504 Gateway Time-out"), config.longest_call, "timeout_504");
    }
    match fault {
        Some(Fault::Cut) => cut(&mut work, config.seed, arrival.ordinal),
        Some(Fault::Slow) => {
            work.time += config.faults.slow_for;
            work.outcome = Fault::Slow.name();
        }
        _ => {}
    }
    work
}

/// The answer where something goes wrong instead of the rows; `None` where the rows come all the same.
fn disturbed(fault: Fault, config: &Config, ordinal: u64) -> Option<Answer> {
    let error = |status: u16, error: &str, message: &str| {
        Answer::error(status, &written(status, config.code, config.seed, ordinal), error, message)
    };
    match fault {
        Fault::Throttle => {
            Some(error(429, "TOO MANY REQUESTS", "TOO MANY REQUESTS").come_again(config.faults.retry_after))
        }
        // The vendor's text is not known.
        Fault::Maintenance => Some(error(403, "FORBIDDEN", "SERVER UNDER MAINTENANCE")),
        Fault::Server => Some(Answer::page(500, "500 Internal Server Error")),
        Fault::Html => Some(Answer::page(200, "wolkvox Manager")),
        Fault::Simultaneous => Some(error(403, "FORBIDDEN", SIMULTANEOUS)),
        Fault::ErrorInside => {
            let code = written(500, config.code, config.seed, ordinal);
            Some(Answer::error(200, &code, "INTERNAL SERVER ERROR", "THE REPORT COULD NOT BE MADE"))
        }
        Fault::Cut | Fault::Slow => None,
    }
}

fn undisturbed(vendor: &Wolkvox, asked: &Asked, arrival: Arrival, config: &Config) -> Work {
    let inside = &vendor.inside;
    let moment = vendor.moment(arrival.at);
    // One over the cap, to know whether the cap cut.
    let mut rows = asked_rows(&inside.truth, asked, moment, config, config.row_cap.saturating_add(1));
    let capped = rows.len() > config.row_cap;
    // "60,000 rows down": what is over is left out without a word.
    rows.truncate(config.row_cap);
    let found = rows.len();
    let extra = u32::try_from(found).map_or(Duration::MAX, |found| config.latency_per_1000_rows * found / 1000);
    let time = config.latency.saturating_add(extra);
    let code = written(200, config.code, config.seed, arrival.ordinal);
    if rows.is_empty() {
        let answer = match config.empty {
            Empty::NotFound404 => {
                let code = written(404, config.code, config.seed, arrival.ordinal);
                Answer::error(404, &code, "NOT FOUND", "Validate dates entered")
            }
            Empty::NullData => Answer::nothing(&code, &Value::Null),
            Empty::EmptyData => Answer::nothing(&code, &json!([])),
        };
        return Work::note(answer, time, "empty");
    }
    let head = format!(r#"{{"code":{code},"error":null,"msg":"{found} records were found","data":["#);
    let mut sheet = Sheet::new(Arc::clone(&inside.truth), moment, head, rows, "]}");
    sheet.odd_columns = config.odd_columns;
    let outcome = if capped { "capped" } else { "rows" };
    let left = config.longest_call.saturating_sub(time);
    Work { answer: Answer::Rows(Box::new(sheet), None), time, left, outcome, rows: found }
}

/// The rows of the range asked for, oldest first, some of them twice.
fn asked_rows(truth: &truth::Truth, asked: &Asked, moment: truth::Moment, config: &Config, at_most: usize) -> Vec<Row> {
    let keys = asked.range().into_iter().flat_map(|(first, last)| truth.on_wall_clock(first, last, moment));
    let rows = keys.flat_map(|key| {
        let as_it_is = Row { key, at_first: false };
        let at_first = Row { key, at_first: true };
        match truth.twice(key, config.duplicates) {
            None => [Some(as_it_is), None],
            Some(false) => [Some(at_first), Some(as_it_is)],
            Some(true) => [Some(as_it_is), Some(at_first)],
        }
    });
    rows.flatten().take(at_most).collect()
}

fn cut(work: &mut Work, seed: u64, ordinal: u64) {
    let (way, share) = Cut::draw(seed, ordinal);
    // An empty window's answer is too short to be cut anywhere that matters.
    if let Answer::Rows(sheet, cut) = &mut work.answer {
        let kept = Duration::from_secs(u64::try_from(work.rows).unwrap_or_default()).mul_f64(share).as_secs();
        sheet.cut_after(usize::try_from(kept).unwrap_or_default());
        *cut = Some(way);
        work.outcome = Fault::Cut.name();
        work.rows = 0;
    }
}
