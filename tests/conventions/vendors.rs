//! Each vendor folder has a dated README and fixtures, and imports no other vendor.

use sources::Vendor;

const SOURCES: &str = "sources/src/";
/// Folders of code that several vendors share.
const SHARED: [&str; 2] = ["json", "settings"];

/// The vendor folders among the paths.
pub fn folders(paths: &[&str]) -> Vec<String> {
    let mut folders: Vec<String> = paths
        .iter()
        .filter_map(|path| path.strip_prefix(SOURCES)?.split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        .filter(|folder| !SHARED.contains(&folder.as_str()))
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Reports the files that a vendor folder lacks; `readme` is the text of its README.
pub fn missing_files(folder: &str, paths: &[&str], readme: Option<&str>) -> Vec<String> {
    let fixtures = format!("{SOURCES}{folder}/fixtures/");
    let mut missing_files = Vec::new();
    match readme {
        None => missing_files.push(format!("{SOURCES}{folder} has no README.md")),
        Some(text) if !text.lines().any(is_dated) => {
            missing_files.push(format!("{SOURCES}{folder}/README.md does not say when the vendor's pages were read"));
        }
        Some(_) => {}
    }
    if !paths.iter().any(|path| path.starts_with(&fixtures)) {
        missing_files.push(format!("{fixtures} holds no answer of the vendor"));
    }
    missing_files
}

/// The rows of the root README's tables that the vendor's registration states and the README lacks.
pub fn missing_rows(vendor: &Vendor, readme: &str) -> Vec<String> {
    let Vendor { name, title, summary, .. } = vendor;
    let tables: Vec<String> = summary.tables.iter().map(|table| format!("`{table}`")).collect();
    let (data, final_when, tables) = (summary.data, summary.final_when, tables.join(", "));
    let rules = format!("[sources/src/{name}](sources/src/{name}/README.md)");
    let mut rows = vec![format!("| {title} (`{name}`) | {data} | {tables} | {final_when} | {rules} |")];
    rows.extend(summary.webhooks.map(|(path, effect)| format!("| {title} | `POST /hooks/{path}` | {effect} |")));
    rows.retain(|row| !readme.lines().any(|line| line == row));
    rows
}

/// Reports the imports from another vendor's folder. Shared code belongs beside the folders.
pub fn imports_of_other_vendors(path: &str, text: &str, folders: &[String]) -> Vec<String> {
    let own = path.strip_prefix(SOURCES).and_then(|rest| rest.split_once('/')).map(|(folder, _)| folder);
    let is_taken = |folder: &&String| own != Some(folder.as_str()) && text.contains(&format!("crate::{folder}::"));
    let taken = folders.iter().filter(|_| path.starts_with(SOURCES)).filter(is_taken);
    taken.map(|folder| format!("{path} imports from {folder}/")).collect()
}

/// Whether the text contains the word, and not only as part of a longer one.
pub fn has_word(text: &str, word: &str) -> bool {
    let joins = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(joins) && !text[at + word.len()..].starts_with(joins))
}

fn is_dated(line: &str) -> bool {
    let is_date = |rest: &str| {
        let digits = |from: usize, to: usize| rest.get(from..to).and_then(|part| part.parse::<u32>().ok());
        let marks = rest.get(4..5) == Some("-") && rest.get(7..8) == Some("-");
        marks
            && digits(0, 4).is_some()
            && digits(5, 7).is_some_and(|m| m <= 12)
            && digits(8, 10).is_some_and(|d| d <= 31)
    };
    line.match_indices("Read on ").any(|(at, found)| is_date(&line[at + found.len()..]))
}

#[test]
fn only_folders_count_as_vendors() {
    let paths =
        ["sources/src/lib.rs", "sources/src/json/mod.rs", "sources/src/treble/mod.rs", "sources/src/treble/read.rs"];
    assert_eq!(folders(&paths), ["treble"]);
}

#[test]
fn an_import_from_another_vendor_is_reported() {
    let folders = ["certainly", "treble"].map(str::to_owned);
    let seen = |path, text| imports_of_other_vendors(path, text, &folders);
    assert_eq!(seen("sources/src/treble/page.rs", "use crate::certainly::json::Json;").len(), 1);
    assert_eq!(seen("sources/src/whole.rs", "use crate::certainly::json::Json;").len(), 1);
    assert_eq!(seen("sources/src/treble/page.rs", "use crate::treble::phone; use crate::json::Json;"), [""; 0]);
    assert_eq!(seen("cli/src/demo.rs", "use crate::certainly::x;"), [""; 0]);
}

#[test]
fn an_incomplete_vendor_folder_is_reported() {
    let whole = ["sources/src/treble/fixtures/page.json"];
    let dated = "From the API guide. Read on 2026-11-20.";
    assert!(missing_files("treble", &whole, Some(dated)).is_empty());
    assert_eq!(missing_files("treble", &whole, None).len(), 1);
    assert_eq!(missing_files("treble", &whole, Some("Read on a rainy day, 2026-11-20")).len(), 1);
    assert_eq!(missing_files("treble", &whole, Some("Read on 2026-13-20")).len(), 1);
    assert_eq!(missing_files("treble", &["sources/src/truora/fixtures/page.json"], Some(dated)).len(), 1);
}

#[test]
fn a_vendor_missing_from_the_table_is_reported() {
    let vendor = sources::treble::VENDOR;
    let rows = missing_rows(&vendor, "Treble is asked every hour.\n| Trebles | x |");
    assert_eq!(rows.len(), 2);
    assert_eq!(missing_rows(&vendor, &rows.join("\n")), [""; 0]);
    assert_eq!(missing_rows(&vendor, &rows.join("\n").replace("a week old", "two weeks old")).len(), 1);
}
