//! How the vendor treats a request, from its arrival to its answer.

use super::answer::{Answer, moved};
use super::config::{Busy, Config, Order, OverCap};
use super::exports::Job;
use super::faults::Fault;
use super::record::{Arrival, Kind, Method, Seen, Slot};
use super::rules::{Asked, Question, judged};
use super::truth::generator;
use super::{Certainly, control};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Response, Uri};
use axum::routing::get;
use rand::Rng;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// The report's path is not documented. These two are likely; with a slash at the end, as its framework wants.
const PATHS: [&str; 2] = ["/api/frontend/reports/messages", "/api/reports/messages"];

/// The vendor's routes and the simulator's own.
pub(super) fn router(vendor: Certainly) -> Router {
    let mut router = Router::new();
    for path in PATHS {
        router = router
            .route(&format!("{path}/"), get(rows).post(export))
            .route(path, get(without_slash).post(export_without_slash));
    }
    router.merge(control::router()).with_state(vendor)
}

/// An answer and how long the vendor works on it.
struct Work {
    answer: Answer,
    time: Duration,
    outcome: &'static str,
    matched: usize,
    sent: usize,
    job: Option<Job>,
}

impl Work {
    fn note(answer: Answer, time: Duration, outcome: &'static str) -> Self {
        Self { answer, time, outcome, matched: 0, sent: 0, job: None }
    }
}

async fn rows(
    State(vendor): State<Certainly>,
    headers: HeaderMap,
    Query(parameters): Query<HashMap<String, String>>,
) -> Response<Body> {
    answered(vendor, Asked::by_query(credentials(&headers), parameters)).await
}

async fn export(State(vendor): State<Certainly>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    answered(vendor, Asked::by_body(credentials(&headers), kind, &body)).await
}

/// A GET is sent to the path with the slash.
async fn without_slash(State(vendor): State<Certainly>, uri: Uri) -> Response<Body> {
    let (_, slot) = vendor.inside.record.arrive(&vendor.inside.clock, Seen::new(vendor.now(), Method::Get));
    slot.answered(301, "redirect", (0, 0));
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    moved(&format!("{}/{query}", uri.path()))
}

/// A POST cannot be sent elsewhere without losing its body, and Django says so with a 500.
async fn export_without_slash(State(vendor): State<Certainly>) -> Response<Body> {
    let (arrival, slot) = vendor.inside.record.arrive(&vendor.inside.clock, Seen::new(vendor.now(), Method::Post));
    vendor.inside.record.broken(arrival, [(Kind::NoSlash, String::from("POST"))].into_iter());
    slot.answered(500, Kind::NoSlash.name(), (0, 0));
    Answer::page(500, "Server Error (500)").into_response()
}

/// What stands behind `JWT ` in the header `Authorization`. Another word means no credentials at all.
fn credentials(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("JWT") && !token.is_empty()).then(|| token.to_owned())
}

async fn answered(vendor: Certainly, asked: Asked) -> Response<Body> {
    let (work, slot) = arrive(&vendor, &asked);
    slot.answered(work.answer.status, work.outcome, (work.matched, work.sent));
    if let Some(job) = work.job {
        vendor.inside.tasks.spawn(job.run(vendor.clone()));
    }
    // In a task of its own: this function is dropped when the caller hangs up, but the vendor works on, and
    // the token stays busy until it is through.
    let (sender, receiver) = oneshot::channel();
    vendor.inside.tasks.spawn(async move {
        tokio::time::sleep(work.time).await;
        drop(slot);
        let _ = sender.send(work.answer);
    });
    match receiver.await {
        Ok(answer) => answer.into_response(),
        Err(_) => Response::new(Body::empty()),
    }
}

fn arrive(vendor: &Certainly, asked: &Asked) -> (Work, Slot) {
    let inside = &vendor.inside;
    let config = vendor.config();
    let token = asked.token.as_ref().and_then(|token| config.tokens.iter().position(|good| good == token));
    let (arrival, slot) = inside.record.arrive(&inside.clock, asked.seen(vendor.now(), token));
    let (question, broken) = judged(asked, token, arrival, &inside.truth, &config);
    inside.record.broken(arrival, broken.iter().map(|broken| (broken.kind, broken.detail.clone())));
    let refused = broken.into_iter().find_map(|broken| broken.answer.map(|answer| (broken.kind, answer)));
    let work = match (refused, question, token) {
        (Some((kind, (status, body))), ..) => {
            let answer = Answer::json(status, &body);
            let answer = if status == 429 { answer.come_again(Duration::from_secs(1)) } else { answer };
            Work::note(answer, Duration::ZERO, kind.name())
        }
        (None, Some(question), Some(token)) => serve(vendor, (asked.method, question), (arrival, token), &config),
        // No question without a refusal, and no question without a token.
        (None, ..) => Work::note(Answer::page(500, "Server Error (500)"), Duration::ZERO, "unknown"),
    };
    (work, slot)
}

/// Treats a request that broke no rule.
fn serve(
    vendor: &Certainly,
    (method, question): (Method, Question),
    (arrival, token): (Arrival, usize),
    config: &Config,
) -> Work {
    let fault = config.faults.draw(config.seed, arrival.ordinal);
    let page = |status, title| Work::note(Answer::page(status, title), config.latency, fault.map_or("", Fault::name));
    match fault {
        Some(Fault::Throttle) => {
            let after = config.faults.retry_after;
            let text = format!("Request was throttled. Expected available in {} seconds.", after.as_secs());
            let answer = Answer::json(429, &json!({"detail": text})).come_again(after);
            return Work::note(answer, config.latency, Fault::Throttle.name());
        }
        Some(Fault::Server) => return page(500, "Server Error (500)"),
        Some(Fault::Html) => return page(200, "Certainly"),
        Some(Fault::Gateway) if method == Method::Get => return page(504, "504 Gateway Time-out"),
        _ => {}
    }
    let mut work = match method {
        Method::Get => found(vendor, question, arrival, config),
        Method::Post => accepted(vendor, question, (arrival, token), config),
    };
    match fault {
        Some(Fault::Cut) => {
            work.answer = work.answer.cut_off(config.seed, arrival.ordinal);
            work.sent = 0;
            work.outcome = Fault::Cut.name();
        }
        Some(Fault::Slow) => {
            work.time += config.faults.slow_for;
            work.outcome = Fault::Slow.name();
        }
        Some(Fault::Gateway) => work = Work { job: work.job, ..page(504, "504 Gateway Time-out") },
        _ => {}
    }
    work
}

/// The rows of a GET.
fn found(vendor: &Certainly, question: Question, arrival: Arrival, config: &Config) -> Work {
    let truth = &vendor.inside.truth;
    let moment = vendor.moment(arrival.at);
    let window = question.window(config);
    let mut keys = window.map(|window| truth.shown(question.bot, window, moment)).unwrap_or_default();
    let matched = keys.len();
    let over = matched > config.row_cap;
    if over && config.over_cap == OverCap::Refuse400 {
        // The text is a guess; so is that there is one.
        let text = format!("The maximum number of data entries is {}.", config.row_cap);
        let refused = Work::note(Answer::json(400, &json!({"detail": text})), config.latency, "over_cap");
        return Work { matched, ..refused };
    }
    if config.order == Order::NewestFirst {
        keys.reverse();
    }
    // "The maximum number of data entries returned is 500": what is over is left out without a word.
    keys.truncate(config.row_cap);
    let messages: Vec<_> = keys.into_iter().map(|key| truth.message(question.bot, key)).collect();
    let answer = Answer::rows(&messages, (config.wrapper, config.ids), config.seed, arrival.ordinal);
    let outcome = match messages.len() {
        0 => "empty",
        _ if over => "capped",
        _ => "rows",
    };
    Work { matched, sent: messages.len(), ..Work::note(answer, config.latency, outcome) }
}

/// A POST: one export per token at a time.
fn accepted(vendor: &Certainly, question: Question, (arrival, token): (Arrival, usize), config: &Config) -> Work {
    let inside = &vendor.inside;
    let bot = inside.truth.uuid(question.bot);
    let job = inside.exports.accept((arrival.ordinal, arrival.at), token, (bot, question), config);
    // All texts are guesses; the vendor's page has lost its own.
    let Some(job) = job else {
        let status = match config.busy {
            Busy::Conflict409 => 409,
            Busy::TooMany429 => 429,
            Busy::Ok200 => 200,
            Busy::Mixed => {
                let any = [409, 429, 200];
                let drawn = generator(config.seed ^ 0xB057, arrival.ordinal).random_range(0..any.len());
                any.get(drawn).copied().unwrap_or(409)
            }
        };
        let body = json!({"message": "There is already a report being generated, please wait"});
        return Work::note(Answer::json(status, &body), config.post_latency, "busy");
    };
    let text = format!("The report will be sent to {}", config.mail_to);
    let answer = Answer::json(200, &json!({"message": text}));
    Work { job: Some(job), ..Work::note(answer, config.post_latency, "accepted") }
}
