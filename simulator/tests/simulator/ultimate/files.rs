//! The files: the validity of their URLs, growth, cuts and streaming.

use super::*;
use simulator::ultimate::{Compression, Layout, Variants};
use std::collections::HashSet;

#[tokio::test]
async fn a_url_expires_after_the_requested_time_or_sooner() {
    let bench = bench(config()).await;
    let url = bench.urls(Version::V2, "2026-08-10").await[0].clone();
    bench.clock.forward(TimeDelta::seconds(599));
    assert_eq!(bench.file(&url).await.0, 200);
    bench.clock.forward(TimeDelta::seconds(1));
    let mut answers = HashSet::new();
    for _ in 0..20 {
        let (status, text) = bench.file(&url).await;
        let text = String::from_utf8(text).unwrap();
        let code = text.split(['<', '>']).find(|word| ["AccessDenied", "ExpiredToken"].contains(word)).unwrap();
        answers.insert((status.as_u16(), code.to_owned()));
    }
    assert_eq!(answers, HashSet::from([(403, "AccessDenied".to_owned()), (400, "ExpiredToken".to_owned())]));
    assert_eq!(bench.file(&bench.urls(Version::V2, "2026-08-10").await[0]).await.0, 200);
    assert_eq!(bench.broken_rules(), []);
    let short = super::bench(Config { url_ttl: Some(Duration::from_secs(2)), ..config() }).await;
    let url = short.urls(Version::V2, "2026-08-10").await[0].clone();
    assert_eq!(short.file(&url).await.0, 200);
    short.clock.forward(TimeDelta::seconds(2));
    assert_ne!(short.file(&url).await.0, 200);
    assert_eq!(short.outcomes(), ["listed", "rows", "expired"]);
}

#[tokio::test]
async fn some_urls_expire_at_once_and_a_further_list_has_valid_ones() {
    let file_faults = FileFaults { expire_url: 0.5, ..FileFaults::default() };
    let bench = bench(Config { file_faults, files_per_day: 6, ..config() }).await;
    let mut statuses = [Vec::new(), Vec::new()];
    for date in ["2026-08-06", "2026-08-07", "2026-08-08", "2026-08-09"] {
        for round in &mut statuses {
            for url in bench.urls(Version::V2, date).await {
                round.push(bench.file(&url).await.0.as_u16());
            }
        }
    }
    assert!(statuses[0].contains(&200) && statuses[0].iter().any(|status| *status != 200), "{statuses:?}");
    assert!(statuses[1].iter().all(|status| *status == 200));
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn the_files_of_a_day_differ_in_number_and_share_no_row() {
    let bench = bench(Config { files_per_day: 4, resumed: 0.2, ..config() }).await;
    let mut numbers = HashSet::new();
    for number in 1..=9 {
        let date = format!("2026-08-{number:02}");
        numbers.insert(bench.urls(Version::V3, &date).await.len());
        let rows = bench.rows(Version::V3, &date).await;
        let ids: HashSet<&String> = rows.iter().map(|row| &row.conversation_id).collect();
        assert_eq!(ids.len(), rows.len());
    }
    assert!(numbers.len() > 2 && numbers.iter().all(|number| (1..=4).contains(number)), "{numbers:?}");
}

#[tokio::test]
async fn the_newest_file_grows_once() {
    let grows = Config { grows: true, grows_after: 2, ..config() };
    let bench = bench(grows.clone()).await;
    let held = bench.held(Version::V2, "2026-08-11");
    let old = bench.urls(Version::V2, "2026-08-11").await[0].clone();
    let short = bench.rows(Version::V2, "2026-08-11").await;
    assert!(short.len() < held.len() && short.len() >= held.len() * 8 / 10, "{} of {}", short.len(), held.len());
    assert!(short.iter().all(|row| held.contains(row)));
    assert_eq!(latest(bench.rows(Version::V2, "2026-08-11").await), held);
    // The day before is complete at once, and a list that is cut off does not count.
    assert_eq!(latest(bench.rows(Version::V2, "2026-08-10").await), bench.held(Version::V2, "2026-08-10"));
    let other = super::bench(grows).await;
    other.vendor.set_faults(Faults { cut_body: 1.0, ..Faults::default() });
    for _ in 0..4 {
        let call = other.call("v2", &json!({"date": "2026-08-11"})).header("authorization", KEY);
        let _ = call.send().await.unwrap().bytes().await;
        other.vendor.idle().await;
    }
    other.vendor.set_faults(Faults::default());
    assert!(other.rows(Version::V2, "2026-08-11").await.len() < held.len());
    // After settling, all files are complete, also by an older URL.
    other.vendor.settle();
    assert_eq!(latest(other.rows(Version::V2, "2026-08-11").await), held);
    assert_eq!(
        reader::read(&other.file(&old.replace(&bench.serving.base(), &other.serving.base())).await.1, Version::V2)
            .len(),
        held.len()
    );
    assert_eq!((bench.broken_rules(), other.broken_rules()), (vec![], vec![]));
}

#[tokio::test]
async fn a_cut_body_never_parses_as_complete() {
    let bench = bench(Config { variants: Variants::mixed(), ..config() }).await;
    let url = bench.urls(Version::V2, "2026-08-10").await[0].clone();
    bench.vendor.set_faults(Faults { cut_body: 1.0, ..Faults::default() });
    let mut ways = [[0; 2]; 2];
    for _ in 0..60 {
        let list = bench.call("v2", &json!({"date": "2026-08-10"})).header("authorization", KEY);
        for (place, request) in [list, bench.client.get(&url)].into_iter().enumerate() {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            match response.bytes().await {
                Err(_) => ways[place][0] += 1,
                Ok(bytes) => {
                    assert!(!bytes.is_empty() && !reader::is_whole(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
                    ways[place][1] += 1;
                }
            }
            bench.vendor.idle().await;
        }
    }
    assert!(ways.iter().flatten().all(|many| *many > 5), "{ways:?}");
    assert!(bench.vendor.requests()[1..].iter().all(|seen| seen.rows == 0 && seen.outcome == "cut_body"));
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn streams_a_large_file_without_holding_it_in_memory() {
    for (layout, compression) in [(Layout::Array, Compression::None), (Layout::Lines, Compression::Gzip)] {
        let variants = Variants { layout, compression, ..Variants::default() };
        let bench = bench(Config { conversations_per_day: 1_000_000.0, wide: true, variants, ..config() }).await;
        let url = bench.urls(Version::V2, "2026-08-10").await[0].clone();
        let mut reading = bench.client.get(&url).send().await.unwrap();
        let mut read = 0;
        while read < 1_000_000 {
            read += reading.chunk().await.unwrap().unwrap().len();
        }
        // The reader pauses; the vendor pauses too, once the buffers between them are full.
        let mut made = 0;
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let before = std::mem::replace(&mut made, bench.vendor.requests()[1].bytes);
            if before == made {
                break;
            }
        }
        assert!(made < 32_000_000, "{made} bytes made, {read} read");
        assert_eq!(bench.vendor.requests()[1].ended_at, None);
        // It is in flight until the caller hangs up.
        assert_eq!(bench.list_of(Version::V2, "2026-08-11").await.0, 429);
        drop(reading);
        bench.vendor.idle().await;
        assert!(bench.vendor.requests()[1].ended_at.is_some());
        assert_eq!(bench.list_of(Version::V2, "2026-08-11").await.0, 200);
        assert_eq!(bench.broken_rules(), [Rule::SIMULTANEOUS]);
    }
}

#[tokio::test]
async fn a_wide_file_has_rows_of_1500_bytes_and_is_complete() {
    let bench = bench(Config { conversations_per_day: 10_000.0, wide: true, ..config() }).await;
    let rows = bench.vendor.count(BOT, whole("2026-08-10"));
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let url = bench.urls(Version::V2, "2026-08-10").await[0].clone();
        let mut reading = bench.client.get(&url).send().await.unwrap();
        let mut read = 0;
        while let Some(chunk) = reading.chunk().await.unwrap() {
            read += chunk.len();
        }
        sizes.push(read);
    }
    bench.vendor.idle().await;
    let seen = &bench.vendor.requests()[1];
    assert_eq!((seen.rows, usize::try_from(seen.bytes).unwrap()), (rows, sizes[0]));
    assert_eq!(sizes[0], sizes[1]);
    assert!((1300..1700).contains(&(sizes[0] / rows)), "{} a row", sizes[0] / rows);
}

#[tokio::test]
async fn a_stalled_file_stops_half_way_and_stays_in_flight_until_hang_up() {
    let bench = bench(Config { file_faults: FileFaults { stall: 1.0, ..FileFaults::default() }, ..config() }).await;
    let url = bench.urls(Version::V2, "2026-08-10").await[0].clone();
    let mut answer = reqwest::get(&url).await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    let silent =
        tokio::time::timeout(Duration::from_millis(300), async { while answer.chunk().await.unwrap().is_some() {} });
    assert!(silent.await.is_err(), "it neither goes on nor ends");
    let seen = bench.vendor.requests().pop().unwrap();
    assert_eq!((seen.outcome, seen.rows, seen.ended_at), ("stall", 0, None));
    drop(answer);
    bench.vendor.idle().await;
    assert!(bench.vendor.requests().pop().unwrap().ended_at.is_some());
    bench.vendor.set_file_faults(FileFaults::default());
    assert_eq!(latest(bench.rows(Version::V2, "2026-08-10").await), bench.held(Version::V2, "2026-08-10"));
    assert_eq!(bench.broken_rules(), []);
}
