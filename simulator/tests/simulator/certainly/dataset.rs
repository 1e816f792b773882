//! The dataset: by seed, by day, by the clock.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test]
async fn the_dataset_follows_from_seed_and_time_alone() {
    let live = Config { live_every: Some(Duration::from_secs(30)), ..config() };
    let (one, two) = (bench(live.clone()).await, bench(live.clone()).await);
    let other = bench(Config { seed: 8, ..live }).await;
    let span = days("2026-10-01", "2026-11-21");
    // In another order, so that no result can depend on what was generated first.
    let _ = two.vendor.dataset(OTHER_BOT, days("2026-11-20", "2026-11-20"));
    let _ = two.vendor.dataset(BOT, days("2026-11-19", "2026-11-20"));
    let before = one.vendor.count(BOT, span);
    for bench in [&one, &two] {
        bench.clock.forward(TimeDelta::minutes(30));
    }
    let held = one.vendor.dataset(BOT, span);
    assert_eq!(held, two.vendor.dataset(BOT, span));
    assert_eq!(held.len(), one.vendor.count(BOT, span));
    assert_ne!(held, other.vendor.dataset(BOT, span));
    assert_ne!(held, one.vendor.dataset(OTHER_BOT, span));
    assert!(one.vendor.dataset("nobody", span).is_empty());
    assert!(held.iter().all(|row| row.timestamp <= one.clock.now()));
    assert!(held.is_sorted_by_key(|row| row.timestamp));
    let ids: BTreeSet<u64> = held.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), held.len());
    // Sixty live messages in the half hour, beside those of the day.
    assert_eq!(held.iter().filter(|row| row.id >= 90_000_000_000).count(), 60);
    assert!(held.len() >= before + 60);
    let in_october = one.vendor.count(BOT, days("2026-10-01", "2026-10-31")) / 31;
    assert!((140..260).contains(&in_october), "{in_october} a day");
}

#[tokio::test]
async fn conversations_have_two_to_eight_messages_in_their_order_and_on_one_day() {
    let bench = bench(config()).await;
    let mut conversations: BTreeMap<u64, Vec<Message>> = BTreeMap::new();
    for row in bench.vendor.dataset(BOT, days("2026-08-01", "2026-11-14")) {
        conversations.entry(row.conversation_id).or_default().push(row);
    }
    for rows in conversations.values() {
        assert!((2..=8).contains(&rows.len()), "{}", rows.len());
        assert!(rows[0].bot_module.is_starting && rows[0].user_message_empty);
        for (earlier, later) in rows.iter().zip(&rows[1..]) {
            assert!(earlier.timestamp < later.timestamp);
            assert!(later.through_bot_modules.starts_with(&earlier.through_bot_modules));
            assert_eq!(earlier.timestamp.date_naive(), later.timestamp.date_naive());
            assert_eq!(earlier.botuser, later.botuser);
        }
    }
    let hours: BTreeSet<u32> = (0..24).collect();
    let busy = bench.vendor.dataset(BOT, days("2026-11-14", "2026-11-14"));
    assert_eq!(busy.iter().map(|row| chrono::Timelike::hour(&row.timestamp)).collect::<BTreeSet<_>>(), hours);
    let said: BTreeSet<bool> = busy.iter().map(|row| row.message.contains('\n')).collect();
    assert_eq!(said.len(), 2);
}

#[tokio::test]
async fn today_ends_at_the_clock_and_late_messages_come_later() {
    let late = Config { late: 0.3, days: [(day("2026-11-20"), 1000)].into(), ..plain() };
    let bench = bench(late).await;
    let on_time = super::bench(Config { late: 0.0, days: [(day("2026-11-20"), 1000)].into(), ..plain() }).await;
    let today = days("2026-11-20", "2026-11-20");
    let all = on_time.vendor.dataset(BOT, today);
    let shown = bench.vendor.dataset(BOT, today);
    assert!((300..700).contains(&all.len()) && shown.len() < all.len(), "{} {}", shown.len(), all.len());
    let missing: Vec<&Message> = all.iter().filter(|row| !shown.contains(row)).collect();
    assert!(missing.iter().all(|row| row.timestamp > at("2026-11-20T11:30:00Z")));
    bench.vendor.set_row_cap(5000);
    assert_eq!(bench.rows("2026-11-20", "2026-11-20").await, shown);
    bench.clock.forward(TimeDelta::minutes(30));
    let later = bench.vendor.dataset(BOT, today);
    assert!(all.iter().all(|row| later.contains(row)) && later.len() > all.len());
    // Not a microsecond too early, although the clock has only milliseconds.
    let now = on_time.clock.now();
    on_time.clock.forward(TimeDelta::days(1));
    let next = on_time.vendor.dataset(BOT, today).into_iter().find(|row| row.timestamp > now).unwrap().timestamp;
    on_time.clock.forward(TimeDelta::milliseconds((next - now).num_milliseconds()) - TimeDelta::days(1));
    assert!(on_time.clock.now() < next);
    assert_eq!(on_time.vendor.dataset(BOT, today), all);
    bench.clock.forward(TimeDelta::days(2));
    assert_eq!(bench.vendor.count(BOT, today), 1000);
}

#[tokio::test]
async fn freezing_shows_late_messages_and_stops_new_ones() {
    let late = Config { late: 0.5, live_every: Some(Duration::from_secs(1)), ..plain() };
    let bench = bench(late).await;
    bench.clock.forward(TimeDelta::minutes(10));
    let all = days("2026-11-19", "2026-11-30");
    let before = bench.vendor.dataset(BOT, all);
    bench.vendor.freeze();
    let frozen = bench.vendor.dataset(BOT, all);
    assert!(frozen.len() > before.len() && before.iter().all(|row| frozen.contains(row)));
    bench.clock.forward(TimeDelta::days(3));
    bench.vendor.freeze();
    assert_eq!(bench.vendor.dataset(BOT, all), frozen);
    bench.vendor.set_row_cap(50_000);
    assert_eq!(bench.rows("2026-11-19", "2026-11-30").await, frozen);
}

#[tokio::test]
async fn deleted_messages_leave_the_answers_of_their_bot_until_they_are_restored() {
    let bench = bench(plain()).await;
    let window = days("2026-11-10", "2026-11-10");
    let (before, other) = (bench.vendor.dataset(BOT, window), bench.vendor.dataset(OTHER_BOT, window));
    let range = format!("bot={BOT}&from=2026-11-10T00:00:00Z&to=2026-11-11T00:00:00Z&every=4");
    let delete = bench.client.post(format!("{}/simulator/delete?{range}", bench.serving.base()));
    assert_eq!(sent(delete).await.1, json!({"deleted": before.len().div_ceil(4)}));
    let expected: Vec<Message> =
        before.iter().enumerate().filter(|(at, _)| at % 4 != 0).map(|(_, message)| message.clone()).collect();
    assert_eq!(bench.rows("2026-11-10", "2026-11-10").await, expected);
    assert_eq!(bench.vendor.count(BOT, window), expected.len());
    assert_eq!(bench.vendor.deleted(BOT, window).len(), before.len() - expected.len());
    assert_eq!(bench.vendor.dataset(OTHER_BOT, window), other, "another bot has messages of the same numbers");
    assert_eq!(bench.vendor.restore(), before.len() - expected.len());
    assert_eq!(bench.rows("2026-11-10", "2026-11-10").await, before);
}

#[tokio::test]
async fn the_control_routes_show_the_same() {
    let bench = bench(plain()).await;
    bench.rows("2026-11-10", "2026-11-10").await;
    bench.ask("").await;
    bench.order("2026-11-10", "2026-11-10").await;
    bench.vendor.idle().await;
    let told = async |path: &str| sent(bench.client.get(format!("{}/simulator/{path}", bench.serving.base()))).await.1;
    let range = format!("bot={BOT}&from=2026-11-10T00:00:00Z&to=2026-11-11T00:00:00Z");
    let held: Vec<Message> = serde_json::from_value(told(&format!("truth?{range}")).await).unwrap();
    assert_eq!(held, bench.vendor.dataset(BOT, days("2026-11-10", "2026-11-10")));
    let file = told(&format!("csv?{range}&style=3")).await;
    assert_eq!(reader::file(file.as_str().unwrap().as_bytes()), held);
    assert_eq!(told("breaches").await[0]["rule"], "missing_parameter");
    assert_eq!(told("requests").await[2]["method"], "POST");
    assert_eq!(told("exports").await[0]["state"], "mailed");
    let summary = told("summary").await;
    assert_eq!((&summary["requests"], &summary["exports"], &summary["busy"]), (&json!(3), &json!(1), &json!(0)));
    let freeze = bench.client.post(format!("{}/simulator/freeze", bench.serving.base()));
    assert_eq!(sent(freeze).await.1["frozen_at"], "2026-11-20T12:00:00Z");
}
