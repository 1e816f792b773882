//! Lists that do not end: an exchange has a budget, and a page that a vendor names twice is a fault.

use crate::harness::{Engine, TestDatabase, TestService, until};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::clock::Clock;
use entities::requests;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};
use simulator::serve;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Names the page after a page.
type NextPage = fn(&str) -> String;

/// A list of processes without an end.
#[derive(Clone)]
struct EndlessList {
    next: NextPage,
    /// How long the vendor takes for a page.
    delay: Duration,
    /// The number of processes on a page.
    processes: usize,
    /// The number of bytes that a page has beside its processes.
    padding: usize,
    /// The page that each request asked for; empty for the first page of an exchange.
    pages: Arc<Mutex<Vec<String>>>,
}

impl EndlessList {
    /// A list with a hundred processes on each page.
    fn new(next: NextPage) -> Self {
        Self { next, delay: Duration::ZERO, processes: 100, padding: 0, pages: Arc::default() }
    }
}

/// The page after `page` of a list that never ends.
fn following(page: &str) -> String {
    format!("p{}", page.trim_start_matches('p').parse().unwrap_or(0) + 1)
}

/// A slow list holds its slot no longer than one request may take: live work waits for the slot.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_list_is_cut() {
    let list = EndlessList { delay: Duration::from_millis(300), ..EndlessList::new(following) };
    let (pages, first) = first_exchange(list, "2s").await;
    assert_eq!((first.verdict.as_str(), first.outcome.as_str()), ("split", "answer"));
    assert!((2..20).contains(&pages), "{pages} pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_over_its_budget_is_cut() {
    let (pages, first) = first_exchange(EndlessList::new(following), "2s").await;
    // Twenty pages of a hundred items are twice what a list should name.
    assert_eq!((first.verdict.as_str(), first.outcome.as_str(), pages), ("split", "answer", 20));
}

/// Few processes on large pages: the bytes count too.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_too_many_bytes_is_cut() {
    let list = EndlessList { processes: 1, padding: 2_000_000, ..EndlessList::new(following) };
    let (pages, first) = first_exchange(list, "60s").await;
    assert_eq!((first.verdict.as_str(), first.outcome.as_str()), ("split", "answer"));
    // 34 pages have 64 MiB. A slow machine may cut the list earlier, for its time.
    assert!((1..=34).contains(&pages), "{pages} pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_named_before_is_a_fault() {
    let list = EndlessList::new(|page| if page == "p1" { "p2" } else { "p1" }.to_owned());
    let (pages, first) = first_exchange(list, "2s").await;
    let error = first.error.unwrap_or_default();
    assert!(first.outcome == "malformed" && error.contains("named before"), "{}: {error}", first.outcome);
    assert_eq!(pages, 3, "the first page, p1 and p2");
}

/// Runs the service, whose requests may take `timeout`, until one exchange has been judged. Returns the number of pages by
/// then, and the exchange.
async fn first_exchange(list: EndlessList, timeout: &str) -> (usize, requests::Model) {
    let router = Router::new()
        .route("/v1/processes", get(page))
        .route("/v1/processes/{id}/result", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .with_state(list.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = serve(listener, router, &CancellationToken::new()).unwrap();
    let clock = Arc::new(SystemClock::start());
    let settings = json!({
        "source": "truora", "base_url": serving.base(), "token": "t", "width": 1, "requests_per_second": 200.0, "timeout": timeout,
        "lease": "70s", "interval": "24h", "retry_min": "1h", "retry_max": "1h", "since": (clock.now() - TimeDelta::days(2)).date_naive().to_string(),
    });
    let opened = sources::open("list", settings.as_object().unwrap()).unwrap();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let accounts = Accounts::new(vec![Account::new(opened.source, opened.since)]);
    let service = TestService::start(&database, accounts, clock).await;
    let judged = async || {
        let first = requests::Entity::find().order_by_asc(requests::Column::Id);
        first.one(database.database.connection()).await.unwrap()
    };
    until("one exchange", async || judged().await.is_some()).await;
    service.stop().await;
    let pages = list.pages.lock().unwrap().clone();
    let pages = pages.iter().skip(1).take_while(|page| !page.is_empty()).count() + 1;
    (pages, judged().await.unwrap())
}

async fn page(State(list): State<EndlessList>, Query(query): Query<HashMap<String, String>>) -> String {
    let page = query.get("start_key").cloned().unwrap_or_default();
    let next = (list.next)(&page);
    tokio::time::sleep(list.delay).await;
    let number = {
        let mut pages = list.pages.lock().unwrap();
        pages.push(page);
        pages.len()
    };
    let process =
        |index| json!({"process_id": format!("IDP{number:04}{index:04}"), "creation_date": query["start_date"]});
    let processes: Vec<Value> = (0..list.processes).map(process).collect();
    let page = json!({"processes": processes, "next": format!("/v1/processes?start_key={next}")});
    format!("{page}{}", " ".repeat(list.padding))
}
