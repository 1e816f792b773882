//! The dashboard rendered from fixed snapshots.

use super::calendar::Calendar;
use super::page_data::PageData;
use super::{STYLE, render, render_unavailable};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::Bogota;
use domain::days::DayCounts;
use domain::health::{Health, installation_health};
use storage::ledger::progress::{NamedItems, Progress, Windows};
use storage::reports::queue_depth::QueueDepth;
use storage::reports::status::AccountStatus;
use storage::reports::status::LaneStatus;
use storage::reports::status::Status;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_277_400, 0).expect("a timestamp in range")
}

fn account(name: &str, state: Health) -> AccountStatus {
    AccountStatus {
        name: name.to_owned(),
        source: "wolkvox".to_owned(),
        state,
        reasons: Vec::new(),
        proven_until: now() - TimeDelta::minutes(4),
        lateness_seconds: 0,
        days: DayCounts { r#final: 30, provisional: 2, missing: 1, blocked: 0 },
        last_error: None,
        warnings: Vec::new(),
        days_at_risk: 0,
        credential_ends: None,
        webhooks: None,
    }
}

fn lane(account: &str) -> LaneStatus {
    LaneStatus {
        account: account.to_owned(),
        accounts: vec![account.to_owned()],
        width: 1,
        held: 0,
        closed_until: None,
        closed_reason: None,
        quota: None,
        quota_used: 0,
        closed_because: None,
    }
}

fn snapshot(accounts: Vec<AccountStatus>, lanes: Vec<LaneStatus>) -> PageData {
    let calendars = accounts.iter().map(|_| Calendar::new(Bogota, now() - TimeDelta::days(40))).collect();
    let states: Vec<Health> = accounts.iter().map(|account| account.state).collect();
    let health = installation_health(None, &states);
    let queue = QueueDepth { due: 3, oldest_due_seconds: 75, ..QueueDepth::default() };
    PageData {
        now: now(),
        status: Status { health, accounts, lanes, queue, processes: Vec::new() },
        calendars,
        backfills: Vec::new(),
        version: "1.2.3",
    }
}

fn page(snapshot: &PageData) -> String {
    render(snapshot, true).into_string()
}

fn backfill(account: &str, state: &str) -> Progress {
    Progress {
        id: 7,
        account: account.to_owned(),
        from: now() - TimeDelta::days(9),
        to: now(),
        mode: "missing".to_owned(),
        state: state.to_owned(),
        windows: Windows { done: 299, total: 300 },
        rows: 1_234_567,
        blocked: 1,
        items: NamedItems::new(1_200, 2_200, 3),
        eta_seconds: Some(5_400),
        stopped_by: None,
    }
}

#[test]
fn gives_each_health_its_own_word_and_symbol() {
    let states = [Health::Ok, Health::Late, Health::Down, Health::Parked];
    let pages = states.map(|state| page(&snapshot(vec![account("one", state)], Vec::new())));
    for (page, word) in pages.iter().zip(["OK", "Late", "Down", "Parked"]) {
        assert!(page.contains(&format!("</svg>{word}</span>")), "{word}");
    }
    let symbol = |page: &String| page.split_once("<path d=\"").map(|(_, rest)| rest[..12].to_owned());
    let mut symbols: Vec<_> = pages.iter().map(symbol).collect();
    symbols.dedup();
    assert_eq!(symbols.len(), 4, "{symbols:?}");
}

#[test]
fn counts_unhealthy_accounts_in_the_headline() {
    let headline = |states: &[Health]| {
        let accounts = states.iter().map(|state| account("one", *state)).collect();
        snapshot(accounts, Vec::new()).status.health.headline
    };
    assert_eq!(headline(&[]), "No accounts yet");
    assert_eq!(headline(&[Health::Ok, Health::Ok]), "All 2 accounts are on time");
    assert_eq!(headline(&[Health::Ok, Health::Late]), "1 of 2 accounts needs attention");
    assert_eq!(headline(&[Health::Down, Health::Parked]), "2 of 2 accounts need attention");
}

#[test]
fn escapes_every_text_from_outside() {
    let markup = "\"><script>alert('x')</script>";
    let mut parked = account(markup, Health::Parked);
    parked.source = markup.to_owned();
    parked.last_error = Some(markup.to_owned());
    let mut closed = lane(markup);
    closed.closed_reason = Some(markup.to_owned());
    let mut snapshot = snapshot(vec![parked], vec![closed]);
    snapshot.backfills.push(backfill(markup, markup));
    let page = page(&snapshot) + &render_unavailable(markup, true).into_string();
    assert!(!page.contains("<script"));
    assert!(!page.contains("\"\">"));
    // The account's name, vendor and error; the lane's account and reason; the backfill's account and state; the
    // database's error.
    assert_eq!(page.matches("&quot;&gt;&lt;script&gt;alert('x')&lt;/script&gt;").count(), 8);
}

#[test]
fn embeds_the_stylesheet_unchanged() {
    assert!(!STYLE.contains(['"', '<', '>', '&']), "HTML escaping would change the stylesheet");
    assert!(page(&snapshot(Vec::new(), Vec::new())).contains(&format!("<style>{STYLE}</style>")));
}

#[test]
fn says_why_a_lane_is_closed_and_until_when() {
    let page_with = |lane: LaneStatus| page(&snapshot(vec![account("one", Health::Ok)], vec![lane]));
    assert!(page_with(lane("one")).contains(">open</span>"));
    let mut closed = lane("one");
    closed.closed_until = Some(now() + TimeDelta::minutes(12));
    closed.closed_reason = Some("throttled".to_owned());
    let page = page_with(closed.clone());
    assert!(page.contains("closed until 21 Nov 2026, 11:22</b> (in 12 min)<small>throttled</small>"), "{page}");
    closed.closed_until = None;
    assert!(page_with(closed).contains("closed until an operator opens it</b><small>throttled</small>"));
}

#[test]
fn shows_the_progress_of_a_backfill() {
    let mut snapshot = snapshot(vec![account("one", Health::Ok)], Vec::new());
    snapshot.backfills.push(backfill("one", "running"));
    let page = page(&snapshot);
    assert!(page.contains("<progress max=\"300\" value=\"299\""));
    assert!(page.contains("99 % · 299 of 300 windows · 1,234,567 rows · 1,200 of 3,403 items"));
    assert!(page.contains("<b class=\"blocked\">1 window blocked</b> · <b class=\"blocked\">3 items blocked</b>"));
    assert!(page.contains("about 1 h 30 min left"));
}

#[test]
fn refreshes_unless_the_reader_pauses_it() {
    let snapshot = snapshot(Vec::new(), Vec::new());
    assert!(render(&snapshot, true).into_string().contains("http-equiv=\"refresh\""));
    assert!(!render(&snapshot, false).into_string().contains("http-equiv=\"refresh\""));
}
