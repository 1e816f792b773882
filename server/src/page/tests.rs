//! What a board looks like as a page.

use super::board::Board;
use super::calendar::Calendar;
use super::{render, silent};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::America::Bogota;
use domain::days::DayCounts;
use entities::progress::{Leads, Progress, Windows};
use entities::report::{AccountStatus, Depth, Health, LaneStatus, Status};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_277_400, 0).expect("an instant")
}

fn account(name: &str, state: Health) -> AccountStatus {
    AccountStatus {
        name: name.to_owned(),
        source: "wolkvox".to_owned(),
        state,
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
    }
}

fn board(accounts: Vec<AccountStatus>, lanes: Vec<LaneStatus>) -> Board {
    let calendars = accounts.iter().map(|_| Calendar::new(Bogota, now() - TimeDelta::days(40))).collect();
    let queue = Depth { due: 3, oldest_due_seconds: 75, ..Depth::default() };
    Board { now: now(), status: Status { accounts, lanes, queue }, calendars, backfills: Vec::new(), version: "1.2.3" }
}

#[test]
fn each_state_has_its_word_and_its_symbol() {
    let states = [Health::Ok, Health::Late, Health::Down, Health::Parked];
    let pages = states.map(|state| render(&board(vec![account("one", state)], Vec::new()), true));
    for (page, word) in pages.iter().zip(["OK", "Late", "Down", "Parked"]) {
        assert!(page.contains(&format!("</svg>{word}</span>")), "{word}");
    }
    let symbol = |page: &String| page.split_once("<path d=\"").map(|(_, rest)| rest[..12].to_owned());
    let mut symbols: Vec<_> = pages.iter().map(symbol).collect();
    symbols.dedup();
    assert_eq!(symbols.len(), 4, "{symbols:?}");
}

#[test]
fn the_headline_counts_who_needs_attention() {
    let ill = |states: &[Health]| {
        let accounts = states.iter().map(|state| account("one", *state)).collect();
        board(accounts, Vec::new()).headline()
    };
    assert_eq!(ill(&[]), "No accounts yet");
    assert_eq!(ill(&[Health::Ok, Health::Ok]), "All 2 accounts are on time");
    assert_eq!(ill(&[Health::Ok, Health::Late]), "1 of 2 accounts needs attention");
    assert_eq!(ill(&[Health::Down, Health::Parked]), "2 of 2 accounts need attention");
}

#[test]
fn every_text_from_outside_is_escaped() {
    let evil = "\"><script>alert('x')</script>";
    let mut bad = account(evil, Health::Parked);
    bad.source = evil.to_owned();
    bad.last_error = Some(evil.to_owned());
    let mut shut = lane(evil);
    shut.closed_reason = Some(evil.to_owned());
    let mut board = board(vec![bad], vec![shut]);
    board.backfills.push(Progress {
        id: 7,
        account: evil.to_owned(),
        from: now() - TimeDelta::days(9),
        to: now(),
        mode: "missing".to_owned(),
        state: evil.to_owned(),
        windows: Windows { done: 1, total: 3 },
        rows: 1_234,
        blocked: 1,
        leads: Leads::default(),
        eta_seconds: None,
    });
    let page = render(&board, true) + &silent(evil, true);
    assert!(!page.contains("<script"));
    assert!(!page.contains("\"\">"));
    // Name, vendor, error, lane, its reason, backfill, its state; and the silent page's reason.
    assert_eq!(page.matches("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;").count(), 8);
}

#[test]
fn lanes_say_why_they_are_closed_and_until_when() {
    let open = render(&board(vec![account("one", Health::Ok)], vec![lane("one")]), true);
    assert!(open.contains(">open</span>"));
    let mut shut = lane("one");
    shut.closed_until = Some(now() + TimeDelta::minutes(12));
    shut.closed_reason = Some("throttled".to_owned());
    let closed = render(&board(vec![account("one", Health::Ok)], vec![shut.clone()]), true);
    assert!(closed.contains("closed until 21 Nov 2026, 11:22</b> (in 12 min)<small>throttled</small>"), "{closed}");
    shut.closed_until = None;
    let parked = render(&board(vec![account("one", Health::Ok)], vec![shut]), true);
    assert!(parked.contains("closed until you open it</b><small>throttled</small>"));
}

#[test]
fn a_backfill_shows_how_far_it_is() {
    let mut board = board(vec![account("one", Health::Ok)], Vec::new());
    board.backfills.push(Progress {
        id: 7,
        account: "one".to_owned(),
        from: now() - TimeDelta::days(9),
        to: now(),
        mode: "missing".to_owned(),
        state: "running".to_owned(),
        windows: Windows { done: 299, total: 300 },
        rows: 1_234_567,
        blocked: 0,
        leads: Leads::default(),
        eta_seconds: Some(5_400),
    });
    let page = render(&board, true);
    assert!(page.contains("<progress max=\"300\" value=\"299\""));
    assert!(page.contains("99 % · 299 of 300 windows · 1,234,567 rows"));
    assert!(page.contains("about 1 h 30 min left"));
}

#[test]
fn the_page_follows_unless_told_to_stay() {
    let board = board(Vec::new(), Vec::new());
    assert!(render(&board, true).contains("http-equiv=\"refresh\""));
    assert!(!render(&board, false).contains("http-equiv=\"refresh\""));
}
