//! A file of any length is read in bounded memory. What the reader holds is counted, not what the process does.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// All that a reader may hold besides the chunk that it was given last.
const BOUND: usize = 6 << 20;

fn conversation(number: usize) -> String {
    let id = format!("{number:032x}");
    format!(
        "{{\"conversation_id\":\"{id}\",\"bot_name\":\"Support bot\",\"conversation_end_time\":\"2026-09-29T10:05:00Z\",\
         \"conversations_data\":\"{{\\\"order_id\\\":\\\"A-{number}\\\"}}\",\"triggered_replies\":[{{\"reply_id\":\"{id}\"}}],\
         \"bot_messages_count\":\"9\",\"automated_resolution_reasoning\":\"{}\"}},\n",
        "because ".repeat(90)
    )
}

/// Feeds one chunk and takes what is there; the most that was held, and how many rows came.
fn feed(reading: &mut File, chunk: &[u8]) -> (usize, usize) {
    reading.feed(head(200), chunk).unwrap();
    let (mut most, mut rows) = (reading.held(), 0);
    while let Some(batch) = reading.take() {
        assert!(batch.len() <= 500 && batch.size() < 2 << 20);
        rows += batch.len();
        most = most.max(reading.held());
    }
    (most, rows)
}

#[test]
fn a_hundred_megabytes_are_read_in_six() {
    let mut reading = File::new(place(), files(1, 0));
    let (mut sent, mut rows, mut made, mut most) = (0, 0, 0, 0);
    feed(&mut reading, b"[");
    while sent < 100 << 20 {
        let chunk: String = (0..40).map(|number| conversation(made + number)).collect();
        made += 40;
        sent += chunk.len();
        let (held, found) = feed(&mut reading, chunk.as_bytes());
        most = most.max(held);
        rows += found;
    }
    feed(&mut reading, b"{\"conversation_id\":\"last\"}]");
    let step = reading.finish(head(200)).unwrap();
    rows += std::iter::from_fn(|| reading.take()).map(|batch| batch.len()).sum::<usize>();
    assert_eq!((step.rows, rows), (made as u64 + 1, made + 1));
    assert!(most < BOUND, "{most} bytes were held");
}

#[test]
fn a_packed_file_grows_no_further_than_to_a_batch_however_it_is_fed() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"[").unwrap();
    for _ in 0..40_000 {
        encoder.write_all(conversation(7).as_bytes()).unwrap();
    }
    encoder.write_all(b"{\"conversation_id\":\"last\"}]").unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < 1 << 20, "{} bytes of 45 MB", packed.len());
    // All of it at once.
    let mut reading = File::new(place(), files(1, 0));
    let (most, rows) = feed(&mut reading, &packed);
    let step = reading.finish(head(200)).unwrap();
    let rest: usize = std::iter::from_fn(|| reading.take()).map(|batch| batch.len()).sum();
    assert_eq!((step.rows, rows + rest), (40_001, 40_001));
    assert!(most < BOUND + 2 * packed.len(), "{most} bytes were held");
}

#[test]
fn blanks_and_rows_kept_aside_take_no_room() {
    let mut reading = File::new(place(), files(1, 0));
    let chunk = format!("{}5,", " ".repeat(100_000));
    feed(&mut reading, b"[");
    let most = (0..300).map(|_| feed(&mut reading, chunk.as_bytes()).0).max().unwrap();
    assert!(most < BOUND, "{most} bytes were held");
    feed(&mut reading, b"5]");
    assert_eq!(reading.finish(head(200)).unwrap().rejects.len(), 301);
}
