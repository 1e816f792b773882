//! The Chatbot History.

use super::{bench, config};
use crate::window;
use simulator::truora::{Config, Language};
use std::collections::{BTreeSet, HashMap};

/// Small letters without accents, as an importer reads headers and words.
fn plain(text: &str) -> String {
    text.trim()
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'á' | 'ã' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' => 'u',
            'ç' => 'c',
            other => other,
        })
        .collect()
}

fn rows(file: &[u8]) -> (Vec<HashMap<String, String>>, char, bool) {
    let bom = file.starts_with(b"\xEF\xBB\xBF");
    let text = std::str::from_utf8(if bom { &file[3..] } else { file }).unwrap();
    let head = text.lines().next().unwrap();
    let delimiter = if head.contains(';') { ';' } else { ',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter as u8).from_reader(text.as_bytes());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(plain).collect();
    let rows =
        reader.records().map(|row| headers.iter().cloned().zip(row.unwrap().iter().map(str::to_owned)).collect());
    (rows.collect(), delimiter, bom)
}

#[tokio::test]
async fn a_history_file_has_each_process_in_each_language_and_style() {
    let bench = bench(Config { odd_words: 0.1, ..config() }).await;
    let window = window("2026-08-08T00:00:00Z", "2026-08-13T00:00:00Z");
    let truth = bench.vendor.dataset(window);
    let table = [
        (Language::English, "id process", ["in progress", "agent chat", "finished", "cancelled", "expired"]),
        (
            Language::Spanish,
            "id del proceso",
            ["en progreso", "chat con agente", "finalizado", "cancelado", "expirado"],
        ),
        (
            Language::Portuguese,
            "id do processo",
            ["em andamento", "chat com agente", "finalizado", "cancelado", "expirado"],
        ),
    ];
    let mut styles = BTreeSet::new();
    for (language, header, words) in table {
        let mut seen = BTreeSet::new();
        for style in 0..12 {
            let (rows, delimiter, bom) = rows(&bench.vendor.history_csv(window, language, style));
            styles.insert((delimiter, bom));
            assert_eq!(rows.len(), truth.len());
            for (row, it) in rows.iter().zip(&truth) {
                assert_eq!(row.len(), 9);
                let id = [header, "process id"].iter().find_map(|name| row.get(*name)).unwrap();
                assert_eq!(id, &it.process_id);
                let status = ["status", "estado"].iter().find_map(|name| row.get(*name)).unwrap();
                assert!(words.contains(&plain(status).as_str()), "{status}");
                seen.insert(plain(status));
            }
        }
        assert_eq!(seen.len(), 5, "{seen:?}");
    }
    assert_eq!(styles.len(), 4, "either delimiter, with a BOM and without: {styles:?}");
}
