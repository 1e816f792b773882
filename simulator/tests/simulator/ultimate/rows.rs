//! The rows of files: no variant changes the meaning.

use super::*;
use simulator::ultimate::{
    Booleans, ColumnCase, ColumnNames, Compression, Counts, Layout, ListKey, Nested, TimeFormat, Variants,
};
use std::collections::{BTreeSet, HashSet};

#[tokio::test]
async fn each_variant_equals_the_dataset() {
    let plain = Variants::default();
    let shapes = [
        plain,
        Variants { layout: Layout::Lines, ..plain },
        Variants { layout: Layout::Object, ..plain },
        Variants { compression: Compression::Gzip, ..plain },
        Variants { compression: Compression::Gzip, layout: Layout::Lines, ..plain },
        Variants { column_case: ColumnCase::Capitals, column_names: ColumnNames::Live, ..plain },
        Variants { counts: Counts::Number, booleans: Booleans::Text, ..plain },
        Variants { nested: Nested::Texts, times: TimeFormat::Naive, ..plain },
        Variants { nested: Nested::OneText, times: TimeFormat::Epoch, ..plain },
        Variants { list_key: ListKey::SignedUrls, ..plain },
        Variants { list_key: ListKey::Camel, ..plain },
    ];
    let odd = Config { odd_data: 0.3, files_per_day: 3, over_midnight: 0.2, ..config() };
    let bench = bench(odd).await;
    for version in [Version::V2, Version::V3] {
        let held = bench.held(version, "2026-08-10");
        assert!(held.len() > 20);
        for shape in shapes.into_iter().chain([Variants::mixed(); 20]) {
            bench.vendor.set_variants(shape);
            let rows = bench.rows(version, "2026-08-10").await;
            assert_eq!(rows.len(), held.len(), "{shape:?}");
            assert_eq!(latest(rows), held, "{shape:?}");
        }
    }
    assert_eq!(bench.broken_rules(), []);
}

/// The marks of the variants in a file.
fn marks(bytes: &[u8]) -> Vec<String> {
    let rows = reader::raw(bytes);
    let packed = bytes.starts_with(&[0x1F, 0x8B]);
    let text = reader::unpacked(bytes);
    let format = if text.starts_with('[') {
        "array"
    } else if text.starts_with("{\n") {
        "object"
    } else {
        "lines"
    };
    let mut marks = vec![format!("packed {packed}"), format.to_owned()];
    for row in rows {
        for (name, value) in &row {
            let small = name.to_lowercase();
            let kind = match value {
                Value::String(text) if text.ends_with('Z') => "zulu",
                Value::String(_) => "text",
                Value::Number(_) => "number",
                Value::Bool(_) => "bool",
                Value::Array(items) if items.first().is_some_and(Value::is_object) => "objects",
                Value::Array(items) if items.first().is_some_and(Value::is_string) => "texts",
                _ => continue,
            };
            let asked = ["bot_messages_count", "test_mode", "conversation_end_time", "triggered_replies"];
            if asked.contains(&small.as_str()) {
                marks.push(format!("{small} {kind}"));
            }
            if small.starts_with("conversation") && small.ends_with("_data") || small.contains("undes") {
                marks.push(name.clone());
            }
        }
    }
    marks
}

#[tokio::test]
async fn mixed_draws_each_variant_and_repeats_by_seed() {
    let mixed = Config { variants: Variants::mixed(), conversations_per_day: 1.2, ..config() };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let bench = bench(mixed.clone()).await;
        let (mut found, mut lists) = (BTreeSet::new(), BTreeSet::new());
        let mut all = Vec::new();
        for number in 1..=60 {
            let date = format!("2026-08-{:02}", number % 10 + 1);
            let list = bench.list_of(Version::V3, &date).await.1;
            lists.insert(list.split('"').filter(|key| key.to_lowercase().ends_with("urls")).collect::<String>());
            if let Some(url) = bench.urls(Version::V3, &date).await.first() {
                let bytes = bench.file(url).await.1;
                found.extend(marks(&bytes));
                all.push(bytes);
            }
        }
        let expected = [
            "packed true",
            "packed false",
            "array",
            "lines",
            "object",
            "bot_messages_count text",
            "bot_messages_count number",
            "test_mode bool",
            "test_mode text",
            "conversation_end_time zulu",
            "conversation_end_time text",
            "conversation_end_time number",
            "triggered_replies objects",
            "triggered_replies texts",
            "triggered_replies text",
            "conversation_data",
            "conversations_data",
            "CONVERSATION_DATA",
            "CONVERSATIONS_DATA",
            "knowledge_notUndestood_count",
        ];
        for mark in expected {
            assert!(found.contains(mark), "no {mark:?} in {found:?}");
        }
        assert_eq!(lists.len(), 3, "{lists:?}");
        runs.push(all);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_day_has_the_conversations_that_end_on_it_and_the_seed_decides_which() {
    let bench = bench(Config { over_midnight: 0.3, ..config() }).await;
    let held = bench.held(Version::V3, "2026-08-10");
    let (first, last) = (at("2026-08-10T00:00:00Z"), at("2026-08-11T00:00:00Z"));
    assert!(held.iter().all(|it| (first..last).contains(&it.conversation_end_time)));
    assert!(held.iter().all(|it| it.conversation_start_time < it.conversation_end_time));
    let early = held.iter().filter(|it| it.conversation_start_time < first).count();
    assert!((held.len() / 10..held.len() / 2).contains(&early), "{early} of {}", held.len());
    let week = window("2026-08-03T00:00:00Z", "2026-08-10T00:00:00Z");
    let ids: HashSet<String> = [BOT, OTHER_BOT]
        .into_iter()
        .flat_map(|bot| bench.vendor.dataset(bot, week))
        .map(|it| it.conversation_id)
        .collect();
    let (one, other) = (bench.vendor.count(BOT, week), bench.vendor.count(OTHER_BOT, week));
    assert!(one != other && ids.len() == one + other);
    assert_eq!(bench.vendor.dataset("ffffffffffffffffffffffff", week), []);
    let days: HashSet<usize> = ["04", "05", "06", "07", "08", "09"]
        .iter()
        .map(|day| bench.held(Version::V2, &format!("2026-08-{day}")).len())
        .collect();
    assert!(days.len() > 2, "{days:?}");
    let other = super::bench(Config { seed: 8, ..config() }).await;
    assert!(other.vendor.dataset(BOT, week).iter().all(|it| !ids.contains(&it.conversation_id)));
}

#[tokio::test]
async fn a_resumed_conversation_counts_at_its_later_end_once_published() {
    let bench = bench(Config { resumed: 0.4, ..config() }).await;
    let before = bench.held(Version::V3, "2026-08-11");
    let file = bench.rows(Version::V3, "2026-08-11").await;
    assert_eq!(latest(file.clone()), before);
    bench.clock.forward(TimeDelta::days(3));
    let after = bench.held(Version::V3, "2026-08-11");
    let ids: HashSet<&String> = after.iter().map(|it| &it.conversation_id).collect();
    let left: Vec<&Conversation> = before.iter().filter(|it| !ids.contains(&it.conversation_id)).collect();
    assert!(left.len() > 5 && after.iter().all(|it| before.contains(it)));
    // The file does not change; the later file has more.
    assert_eq!(bench.rows(Version::V3, "2026-08-11").await, file);
    let mut rows = Vec::new();
    for day in ["2026-08-14", "2026-08-13", "2026-08-12", "2026-08-11"] {
        rows.extend(bench.rows(Version::V3, day).await);
    }
    let later = window("2026-08-11T00:00:00Z", "2026-08-15T00:00:00Z");
    let held: Vec<Conversation> =
        bench.vendor.dataset(BOT, later).into_iter().map(|it| it.in_version(Version::V3)).collect();
    assert_eq!(held.len(), bench.vendor.count(BOT, later));
    assert!(rows.len() > held.len());
    assert_eq!(latest(rows), held);
    for old in left {
        let new = held.iter().find(|it| it.conversation_id == old.conversation_id).unwrap();
        assert!(new.conversation_end_time > old.conversation_end_time);
        assert!(new.visitor_messages_count > old.visitor_messages_count);
        assert_eq!(new.conversation_start_time, old.conversation_start_time);
        let (old, new) = (&old.triggered_intent_replies, &new.triggered_intent_replies);
        assert!(new.as_array().unwrap().starts_with(old.as_array().unwrap()));
    }
}

#[tokio::test]
async fn duplicates_are_an_older_and_the_current_state_in_either_order() {
    let bench = bench(Config { duplicates: 0.5, resumed: 0.1, ..config() }).await;
    let held = bench.held(Version::V2, "2026-08-11");
    let rows = bench.rows(Version::V2, "2026-08-11").await;
    assert!(rows.len() > held.len() * 13 / 10, "{} of {}", rows.len(), held.len());
    assert_eq!(latest(rows.clone()), held);
    let mut orders = HashSet::new();
    for it in &held {
        let places: Vec<usize> =
            (0..rows.len()).filter(|place| rows[*place].conversation_id == it.conversation_id).collect();
        if let [first, second] = places[..] {
            let (one, other) = (&rows[first], &rows[second]);
            assert_ne!(one.conversation_end_time, other.conversation_end_time);
            assert_eq!(one.conversation_end_time.date_naive(), other.conversation_end_time.date_naive());
            orders.insert((one.conversation_end_time < other.conversation_end_time, second - first == 1));
        } else {
            assert_eq!(places.len(), 1);
        }
    }
    assert_eq!(orders.len(), 4, "{orders:?}");
}

#[tokio::test]
async fn odd_data_is_not_json_or_has_a_nul_and_the_canary_is_there() {
    let canary = "573999999999".to_owned();
    let odd = Config { odd_data: 0.3, canary_phone: Some(canary.clone()), conversations_per_day: 300.0, ..config() };
    let bench = bench(odd).await;
    let held = bench.held(Version::V2, "2026-08-11");
    let no_json = held.iter().filter(|it| it.conversations_data.is_string()).count();
    let nul = held.iter().filter(|it| it.conversations_data.to_string().contains("\\u0000")).count();
    let share = held.len() / 10..held.len() / 4;
    assert!(share.contains(&no_json) && share.contains(&nul), "{no_json} and {nul} of {}", held.len());
    assert!(held.iter().any(|it| it.conversations_data["phone"] == canary));
}

#[tokio::test]
async fn even_days_have_the_same_number_of_conversations() {
    let bench = bench(Config { even_days: true, over_midnight: 0.0, ..config() }).await;
    for day in 1..=11 {
        assert_eq!(bench.vendor.count(BOT, whole(&format!("2026-08-{day:02}"))), 40);
    }
}
