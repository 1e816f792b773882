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

/// Feeds one chunk and takes the batches. Returns the most bytes that the reader held, and the number of rows.
fn feed(reader: &mut ResponseReader<DayFile>, chunk: &[u8]) -> (usize, usize) {
    reader.feed(head(200), chunk).unwrap();
    let (mut most, mut rows) = (reader.parser().size(), 0);
    while let Some(batch) = reader.take() {
        assert!(batch.len() <= 500 && batch.size() < 2 << 20);
        rows += batch.len();
        most = most.max(reader.parser().size());
    }
    (most, rows)
}

#[test]
fn parses_100_mib_in_6_mib() {
    let mut reader = super::reader(files(1, 0));
    let (mut sent, mut rows, mut made, mut most) = (0, 0, 0, 0);
    feed(&mut reader, b"[");
    while sent < 100 << 20 {
        let chunk: String = (0..40).map(|number| conversation(made + number)).collect();
        made += 40;
        sent += chunk.len();
        let (held, found) = feed(&mut reader, chunk.as_bytes());
        most = most.max(held);
        rows += found;
    }
    feed(&mut reader, b"{\"conversation_id\":\"last\"}]");
    let step = reader.finish(head(200)).unwrap();
    rows += std::iter::from_fn(|| reader.take()).map(|batch| batch.len()).sum::<usize>();
    assert_eq!((step.rows, rows), (made as u64 + 1, made + 1));
    assert!(most < BOUND, "{most} bytes were held");
}

/// A gzip file of 100 kB can hold 100 MiB of blanks, and one of 16 MiB the disk's size.
#[test]
fn gives_up_a_file_that_unpacks_without_end() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..100 {
        encoder.write_all(&blanks).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let mut reader = super::reader(files(3, 1));
    let fault = reader.feed(head(200), &packed).unwrap_err();
    let says = "account ultimate_eu: file 2 of 3 unpacks to 64 MiB, more than 200 times its length, which is the limit";
    assert_eq!(fault, Fault::TooLarge(says.to_owned()));
    assert!(reader.parser().size() < BOUND);
}

#[test]
fn decompresses_no_further_than_a_batch() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"[").unwrap();
    for _ in 0..40_000 {
        encoder.write_all(conversation(7).as_bytes()).unwrap();
    }
    encoder.write_all(b"{\"conversation_id\":\"last\"}]").unwrap();
    let packed = encoder.finish().unwrap();
    assert!(packed.len() < 1 << 20, "{} bytes of 45 MB", packed.len());
    // All of it at once.
    let mut reader = super::reader(files(1, 0));
    let (most, rows) = feed(&mut reader, &packed);
    let step = reader.finish(head(200)).unwrap();
    let rest: usize = std::iter::from_fn(|| reader.take()).map(|batch| batch.len()).sum();
    assert_eq!((step.rows, rows + rest), (40_001, 40_001));
    assert!(most < BOUND + 2 * packed.len(), "{most} bytes were held");
}

#[test]
fn blanks_and_rejects_take_no_memory() {
    let mut reader = super::reader(files(1, 0));
    let chunk = format!("{}5,", " ".repeat(100_000));
    feed(&mut reader, b"[");
    let most = (0..300).map(|_| feed(&mut reader, chunk.as_bytes()).0).max().unwrap();
    assert!(most < BOUND, "{most} bytes were held");
    feed(&mut reader, b"5]");
    assert_eq!(reader.finish(head(200)).unwrap().rejects.len(), 301);
}
