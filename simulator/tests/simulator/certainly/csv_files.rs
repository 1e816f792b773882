//! The CSV files: no style changes the meaning.

use super::*;
use std::collections::BTreeSet;

#[tokio::test]
async fn each_csv_style_equals_the_json_answer() {
    let bench = bench(plain()).await;
    let span = days("2026-11-10", "2026-11-10");
    let rows = bench.rows("2026-11-10", "2026-11-10").await;
    assert_eq!(rows, bench.vendor.dataset(BOT, span));
    let (mut boms, mut ends, mut delimiters, mut heads) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut booleans = BTreeSet::new();
    for style in 0..80 {
        let file = bench.vendor.csv(BOT, span, style);
        assert_eq!(file, bench.vendor.csv(BOT, span, style));
        let text = String::from_utf8(file.clone()).unwrap();
        let head = text.split('\n').next().unwrap();
        boms.insert(head.starts_with('\u{feff}'));
        ends.insert(head.ends_with('\r'));
        delimiters.insert([';', '\t', ','].into_iter().find(|delimiter| head.contains(*delimiter)).unwrap());
        booleans.insert(text.contains("True"));
        for (header, _) in &reader::records(&file)[0] {
            heads.insert(header.clone());
        }
        assert_eq!(reader::records(&file)[0].len(), 32);
        assert_eq!(reader::file(&file), rows, "style {style}: {head}");
    }
    assert_eq!((boms.len(), ends.len(), delimiters.len(), booleans.len()), (2, 2, 3, 2));
    for header in ["Bot module name", "bot_module.name", "botModuleName", "bot_module_name", "BOT MODULE NAME"] {
        assert!(heads.contains(header), "{header} in {heads:?}");
    }
    assert!(heads.iter().any(|header| header.contains('ó')) && heads.contains("Bot-Module: Name"));
    assert!(rows.iter().any(|row| row.message.contains('\n')));
}

#[tokio::test]
async fn rows_are_ragged_by_the_configured_share() {
    let bench = bench(Config { ragged: 0.2, ..plain() }).await;
    let file = bench.vendor.csv(BOT, days("2026-11-14", "2026-11-14"), 4);
    let text = String::from_utf8(file).unwrap();
    let head = text.trim_start_matches('\u{feff}').lines().next().unwrap();
    let delimiter = [b';', b'\t', b','].into_iter().find(|byte| head.contains(char::from(*byte))).unwrap();
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let lengths: Vec<usize> = reader.records().map(|record| record.unwrap().len()).collect();
    let of = |length: usize| lengths.iter().filter(|found| **found == length).count();
    assert_eq!((lengths.len(), of(31) + of(32) + of(33)), (3000, 3000));
    assert!((500..700).contains(&(of(31) + of(33))) && of(31) > 200 && of(33) > 200, "{} {}", of(31), of(33));
}

#[tokio::test]
async fn a_file_without_messages_has_its_header() {
    let bench = bench(plain()).await;
    let file = bench.vendor.csv(BOT, days("2026-11-15", "2026-11-15"), 1);
    assert!(reader::records(&file).is_empty());
    assert!(String::from_utf8(file).unwrap().to_lowercase().contains("timestamp"));
}
