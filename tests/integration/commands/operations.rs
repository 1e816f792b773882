//! Commands that change the database.

use super::{json, run_command, store_and_settings, unreachable_account};
use crate::harness::{Engine, TestDatabase};
use chrono::{DateTime, TimeDelta, Utc};
use domain::job::JobState;
use domain::lane::LaneClosure;
use serde_json::Value;
use storage::lanes::set_closed;

#[tokio::test(flavor = "multi_thread")]
async fn migrate_creates_and_drops_the_tables() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let made = TestDatabase::empty(engine).await;
        let settings = unreachable_account().file(&made.url, "memory:");
        let all = made.database.pending().await.unwrap();
        let (one, other) = tokio::join!(run_command(&settings, &["migrate"]), run_command(&settings, &["migrate"]));
        assert_eq!((one.code, other.code), (0, 0), "two at once: {}{}", one.err, other.err);
        let (first, second) = if one.err.contains("made ") { (one, other) } else { (other, one) };
        for name in &all {
            assert!(first.err.contains(name), "{}", first.err);
        }
        assert!(second.err.contains("up to date") && !second.err.contains("made "), "{}", second.err);
        assert!(first.out.is_empty(), "the messages do not go to stdout");
        let steps = all.len().to_string();
        let back = run_command(&settings, &["migrate", "--down", &steps]).await;
        assert_eq!((back.code, made.database.pending().await.unwrap()), (0, all), "{}", back.err);
        assert_eq!(run_command(&settings, &["migrate"]).await.code, 0);
        assert!(made.database.pending().await.unwrap().is_empty());
        assert_eq!(run_command(&settings, &["status"]).await.code, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_closes_a_lane_for_a_while_or_until_it_is_opened() {
    let (store, settings) = store_and_settings().await;
    let lane = async || json(&settings, &["lanes", "list"]).await[0].clone();
    assert_eq!(lane().await["closed_until"], Value::Null);
    let shut = run_command(&settings, &["lanes", "close", "a", "--for", "1h", "--reason", "audit"]).await;
    assert!(shut.code == 0 && shut.out.is_empty() && shut.err.contains("is closed until"), "{}", shut.err);
    let shown = lane().await;
    let until: DateTime<Utc> = shown["closed_until"].as_str().unwrap().parse().unwrap();
    let left = until - store.now().await;
    assert!(left > TimeDelta::minutes(59) && left <= TimeDelta::hours(1), "{left}");
    assert_eq!(shown["closed_reason"], "audit");
    assert_eq!(run_command(&settings, &["doctor"]).await.code, 0, "the lane opens by itself");
    let shut = run_command(&settings, &["lanes", "close", "a"]).await;
    assert!(shut.code == 0 && shut.err.contains("convosync lanes open a"), "{}", shut.err);
    assert_eq!((&lane().await["closed_until"], run_command(&settings, &["doctor"]).await.code), (&Value::Null, 8));
    store.report_process().await;
    assert_eq!(json(&settings, &["status"]).await["accounts"][0]["state"], "parked");
    assert_eq!(run_command(&settings, &["lanes", "open", "a"]).await.code, 0);
    assert_eq!(
        (lane().await["closed_reason"].clone(), run_command(&settings, &["doctor"]).await.code),
        (Value::Null, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_has_one_next_step_everywhere() {
    let (store, settings) = store_and_settings().await;
    let closure = LaneClosure { until: None, reason: "unauthorised: VALIDATE TOKEN".to_owned() };
    let (on, now) = (store.db().connection(), store.now().await);
    set_closed(on, &store.lane().key, Some(&closure), now).await.unwrap();
    let next = "the vendor refuses the token (VALIDATE TOKEN); write a new one to accounts.a.token and restart, or, if the \
                token is right, run: convosync lanes open a";
    store.report_process().await;
    let shown = json(&settings, &["status"]).await;
    assert_eq!((&shown["accounts"][0]["state"], &shown["accounts"][0]["last_error"]), (&"parked".into(), &next.into()));
    let yesterday = (now - TimeDelta::days(1)).date_naive().to_string();
    let days = json(&settings, &["coverage", "a", "--from", &yesterday, "--to", &yesterday]).await;
    assert_eq!((&days[0]["state"], &days[0]["reason"]), (&"missing".into(), &next.into()), "{days}");
    for line in [&["status"][..], &["lanes", "list"]] {
        let table = run_command(&settings, line).await.out;
        assert!(table.contains(next), "{line:?}: {table}");
    }
    let day = ["--from", yesterday.as_str(), "--to", yesterday.as_str()];
    let waited = run_command(&settings, &[&["backfill", "start", "a", "--wait"], &day[..]].concat()).await;
    assert!(waited.code == 5 && waited.err.contains(next), "{}", waited.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_frees_a_slot_that_a_clock_step_left_in_the_future() {
    let (store, _) = store_and_settings().await;
    let lease = format!("{}s", store.lane().rules.lease.as_secs());
    let settings = unreachable_account().with("lease", &lease).file(&store.made.url, "memory:");
    let none = run_command(&settings, &["lanes", "free", "a"]).await;
    assert!(none.code == 0 && none.err.contains("nothing to free"), "{}", none.err);
    // A lease that may be live stays, and the text names the risk of taking it away.
    let claimed = store.claimed().await;
    let kept = run_command(&settings, &["lanes", "free", "a"]).await;
    assert_eq!(kept.code, 0, "{}", kept.err);
    assert!(
        kept.out.is_empty() && kept.err.contains("--force") && kept.err.contains("in flight twice"),
        "{}",
        kept.err
    );
    assert_eq!(json(&settings, &["lanes", "list"]).await[0]["held"], 1);
    store.postpone_leases(TimeDelta::days(1)).await;
    let freed = json(&settings, &["lanes", "free", "a"]).await;
    assert_eq!((freed["account"].as_str(), freed["kept"].as_array().map(Vec::len)), (Some("a"), Some(0)), "{freed}");
    let slot = &freed["freed"][0];
    assert_eq!((&slot["slot"], &slot["holder"]), (&Value::from(0), &Value::from("first")), "{freed}");
    let free_at: DateTime<Utc> = slot["free_at"].as_str().unwrap().parse().unwrap();
    assert!(free_at <= claimed.lease.until + TimeDelta::seconds(60), "{freed}");
    assert_eq!(json(&settings, &["lanes", "list"]).await[0]["held"], 0);
    let forced = run_command(&settings, &["lanes", "free", "a", "--force"]).await;
    assert!(forced.code == 0 && forced.err.contains("in flight twice"), "{}", forced.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_retries_and_discards_jobs() {
    let (store, settings) = store_and_settings().await;
    let (one, other) = (store.job("a", 0).await, store.job("a", 1).await);
    store
        .change("a", |ledger| {
            for job in &mut ledger.jobs {
                job.state = JobState::Parked { reason: "too dense".to_owned() };
            }
        })
        .await;
    let shown = run_command(&settings, &["jobs", "list"]).await.out;
    assert!(shown.contains("too dense") && shown.contains("parked"), "{shown}");
    let id = one.to_string();
    let retried = run_command(&settings, &["jobs", "retry", &id]).await;
    assert!(retried.code == 0 && retried.out.is_empty() && retried.err.contains("due now"), "{}", retried.err);
    let job = json(&settings, &["jobs", "show", &id]).await;
    assert_eq!((&job["state"], &job["reason"]), (&"waiting".into(), &Value::Null));
    assert_eq!(run_command(&settings, &["jobs", "discard", &id]).await.code, 0);
    assert_eq!(run_command(&settings, &["jobs", "discard", &id]).await.code, 2, "the job no longer exists");
    assert_eq!(run_command(&settings, &["jobs", "show", &id]).await.code, 2);
    assert_eq!(store.made.number("SELECT id FROM jobs").await, other);
    // An operator cannot change a running job.
    assert_eq!(run_command(&settings, &["jobs", "retry", &other.to_string()]).await.code, 0);
    store.claim_next("worker").await;
    for word in ["retry", "discard"] {
        assert_eq!(run_command(&settings, &["jobs", word, &other.to_string()]).await.code, 2, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_that_the_table_equals_the_vendor() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("demo.db");
    let line = ["demo", "--once", "--bind", "127.0.0.1:0", "--database", file.to_str().unwrap()];
    let shown = run_command("", &line).await;
    assert_eq!(shown.code, 0, "{}{}", shown.out, shown.err);
    let tables = [
        ("wolkvox_chats", 5_000),
        ("ultimate_conversations", 5_000),
        ("certainly_messages", 5_000),
        ("truora_processes", 100),
        ("treble_polls", 3),
        ("treble_sessions", 60),
        ("treble_messages", 200),
        ("treble_events", 1),
    ];
    for (table, least) in tables {
        let row = shown.out.lines().find(|line| line.contains(table)).unwrap();
        let numbers: Vec<u64> = row.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [vendor, table, equal, missing, surplus] = numbers[..] else { panic!("{row}") };
        assert!(vendor >= least && vendor == table && table == equal, "{row}");
        assert_eq!((missing, surplus), (0, 0));
    }
    assert!(shown.err.contains("equal what the vendors hold"), "{}", shown.err);
    assert!(shown.err.contains("webhooks were due"), "{}", shown.err);
    assert!(!shown.err.contains("is running; start"), "{}", shown.err);
}
