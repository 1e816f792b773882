//! Claims of the documents about the tree: the members in the code map, and the test of each promise.

use crate::{tree::File, vendors::has_word};

/// Reports the members that the section `Code map` does not name.
pub fn unmapped_members(members: &[String], architecture: &str) -> Vec<String> {
    let Some(map) = section(architecture, "code map") else {
        return vec!["ARCHITECTURE.md has no section called `Code map`".to_owned()];
    };
    let missing = members.iter().filter(|member| !names_folder(map, member));
    missing.map(|member| format!("ARCHITECTURE.md: the code map does not name {member}/")).collect()
}

/// Reports the promises in the table of `document` that name no existing test.
pub fn promises_without_tests(document: &str, text: &str, rust: &[File]) -> Vec<String> {
    let rows: Vec<&str> = text.lines().filter(|line| is_promise(line)).collect();
    if rows.is_empty() {
        return vec![format!(
            "{document} has no row like | P1 | … | `folder/tests/file.rs::function` | (I1 for an invariant)"
        )];
    }
    rows.into_iter().flat_map(|row| missing_tests(document, row, rust)).collect()
}

fn missing_tests(document: &str, row: &str, rust: &[File]) -> Vec<String> {
    let promise = first_cell(row);
    // The last cell names the tests; an earlier cell may name a module such as `domain::lane`.
    let cell = row.trim().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).filter(|code| code.contains("::")).collect();
    if tests.is_empty() {
        return vec![format!("{document}: {promise} names no test like `file.rs::function`")];
    }
    let missing = tests.into_iter().filter(|test| !rust.iter().any(|file| holds(file, test)));
    missing.map(|test| format!("{document}: {promise} names `{test}`, and the tree has no such test")).collect()
}

/// Whether the file has the test. `crash.rs::taken_up_again` must be in a file whose path ends with `crash.rs`;
/// `crash::taken_up_again` may be in any file.
fn holds(file: &File, test: &str) -> bool {
    let mut parts = test.split("::");
    let path = parts.next().filter(|part| part.contains(".rs"));
    let name = parts.last().unwrap_or_default().trim_end_matches("()");
    let is_path = path.is_none_or(|path| file.path == path || file.path.ends_with(&format!("/{path}")));
    is_path && has_test(&file.text, name)
}

fn has_test(text: &str, name: &str) -> bool {
    let opening = format!("fn {name}(");
    let lines: Vec<&str> = text.lines().collect();
    let declared = lines.iter().enumerate().filter(|(_, line)| line.contains(&opening));
    declared.into_iter().any(|(at, _)| {
        // The attributes and comments of the function: the lines above it, up to an empty line or the previous item.
        let above = lines[..at].iter().rev().take_while(|line| !line.trim().is_empty() && line.trim() != "}");
        above.into_iter().any(|line| line.trim().starts_with("#[") && line.contains("test"))
    })
}

fn first_cell(row: &str) -> &str {
    row.trim_start().trim_start_matches('|').split('|').next().unwrap_or_default().trim().trim_matches(['*', '`'])
}

fn is_promise(line: &str) -> bool {
    let number = first_cell(line).strip_prefix(['P', 'I']).unwrap_or_default();
    line.trim_start().starts_with('|') && !number.is_empty() && number.chars().all(|digit| digit.is_ascii_digit())
}

/// The text below a heading, up to the next heading of the same or a higher level.
fn section<'a>(text: &'a str, title: &str) -> Option<&'a str> {
    let level = |line: &str| line.chars().take_while(|&character| character == '#').count();
    let mut at = 0;
    let mut open: Option<(usize, usize)> = None;
    // A line that begins with `#` inside a code block is a comment.
    let mut fenced = false;
    for line in text.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        let depth = if fenced { 0 } else { level(line) };
        match open {
            Some((start, own)) if (1..=own).contains(&depth) => return Some(&text[start..at]),
            None if depth > 0 && line.to_lowercase().contains(title) => open = Some((at + line.len(), depth)),
            _ => {}
        }
        at += line.len();
    }
    open.map(|(start, _)| &text[start..])
}

/// A map names a member as a folder, `worker/`, or in backticks; the plain word `server` may mean something else.
fn names_folder(map: &str, member: &str) -> bool {
    // The space after each slash makes `worker/src/pull.rs` name the folder too.
    map.contains(&format!("`{member}`")) || has_word(&map.replace('/', "/ "), &format!("{member}/"))
}

#[cfg(test)]
const TEST: &str = "fn helper() {}\n\n#[tokio::test]\n/// Why.\nasync fn survives() {\n}\n";

#[cfg(test)]
fn tree() -> Vec<File> {
    vec![File { path: "tests/crash.rs".to_owned(), text: TEST.to_owned() }]
}

#[test]
fn a_member_outside_the_code_map_is_reported() {
    let members = ["domain", "server"].map(str::to_owned);
    let map =
        "# Architecture\nserver/\n## Code map\n```\n# the tree\ndomain/   nouns\n```\na server\n## Next\nserver/\n";
    assert_eq!(unmapped_members(&members, map), ["ARCHITECTURE.md: the code map does not name server/"]);
    assert!(unmapped_members(&members, "## The code map\n`domain` and [server](server/src/lib.rs)").is_empty());
    assert_eq!(unmapped_members(&members, "# Architecture\ndomain/ server/").len(), 1);
}

#[test]
fn a_promise_without_a_test_is_reported() {
    for row in [
        "| P1 | never two, by `crash::survives` | |",
        "| P1 | never two | `tests/crash.rs` |",
        "| P1 | never two | `tests/crash.rs::dies` |",
        "| P1 | never two | `tests/chaos.rs::survives` |",
        "| P1 | never two | `tests/crash.rs::helper` |",
        "| P1 | never two | `tests/crash.rs::survives`, `tests/crash.rs::dies` |",
    ] {
        assert_eq!(promises_without_tests("README.md", row, &tree()).len(), 1, "{row}");
    }
    assert_eq!(promises_without_tests("README.md", "no table", &tree()).len(), 1);
}

#[test]
fn a_promise_with_a_test_passes() {
    for test in ["tests/crash.rs::survives", "crash.rs::survives()", "crash::survives"] {
        let row = format!("| **P1** | never two | `{test}` |");
        assert!(promises_without_tests("README.md", &row, &tree()).is_empty(), "{row}");
    }
}
