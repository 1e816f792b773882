//! Removes from Rust text all that does not run in production: comments, the content of literals, `#[cfg(test)]` items.
//!
//! Clippy bans the same calls and knows the types, but it accepts an `#[expect]` of its own lint in a second file. This
//! simple reader finds such a file. Comments must not confuse it.

/// Whether the file holds only tests.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

/// The lines of production code that contain the needle, ignoring white space.
pub fn lines_with(text: &str, needle: &str) -> Vec<usize> {
    let mut line = 1;
    let mut dense = Vec::new();
    for character in production(text).chars() {
        line += usize::from(character == '\n');
        if !character.is_whitespace() {
            dense.push((character, line));
        }
    }
    let needle: Vec<char> = needle.chars().collect();
    dense
        .windows(needle.len())
        .filter(|window| window.iter().map(|(character, _)| character).eq(needle.iter()))
        .map(|window| window[0].1)
        .collect()
}

/// The text without comments, literals and test items. Each line keeps its number.
pub fn production(text: &str) -> String {
    let mut code = code(text);
    if code.contains("#![cfg(test)]") {
        return String::new();
    }
    while let Some(start) = code.find("#[cfg(test)]").or_else(|| code.find("#[cfg(all(test")) {
        let end = item_end(&code, start);
        let breaks = "\n".repeat(code[start..end].matches('\n').count());
        code.replace_range(start..end, &breaks);
    }
    code
}

/// The text without comments and with empty literals. The quotes stay, so that `send("x")` does not become `send()`.
fn code(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        if let Some(end) = comment_end(&characters, at) {
            code.push(' ');
            code.extend(characters[at..end].iter().filter(|&&character| character == '\n'));
            at = end;
        } else if let Some(end) = literal_end(&characters, at) {
            code.push_str("\"\"");
            code.extend(characters[at..end].iter().filter(|&&character| character == '\n'));
            at = end;
        } else {
            code.push(characters[at]);
            at += 1;
        }
    }
    code
}

fn starts(characters: &[char], at: usize, with: &str) -> bool {
    with.chars().enumerate().all(|(offset, character)| characters.get(at + offset) == Some(&character))
}

fn comment_end(characters: &[char], at: usize) -> Option<usize> {
    if starts(characters, at, "//") {
        let length = characters[at..].iter().position(|&character| character == '\n');
        return Some(length.map_or(characters.len(), |length| at + length));
    }
    if !starts(characters, at, "/*") {
        return None;
    }
    let (mut depth, mut end) = (0_usize, at);
    while end < characters.len() {
        let opens = starts(characters, end, "/*");
        let closes = starts(characters, end, "*/");
        end += if opens || closes { 2 } else { 1 };
        depth = if opens { depth + 1 } else { depth - usize::from(closes) };
        if depth == 0 {
            break;
        }
    }
    Some(end.min(characters.len()))
}

fn literal_end(characters: &[char], at: usize) -> Option<usize> {
    match characters[at] {
        '"' => Some(quoted_end(characters, at, '"')),
        // A lifetime has one quote; a character has a second one, right after it or after its escape.
        '\'' if starts(characters, at + 1, "\\") || characters.get(at + 2) == Some(&'\'') => {
            Some(quoted_end(characters, at, '\''))
        }
        'r' if !continues_a_name(characters, at) => raw_end(characters, at),
        _ => None,
    }
}

fn quoted_end(characters: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < characters.len() && characters[end] != quote {
        end += if characters[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(characters.len())
}

fn continues_a_name(characters: &[char], at: usize) -> bool {
    let mut before =
        characters[..at].iter().rev().take_while(|character| character.is_alphanumeric() || **character == '_');
    match before.next() {
        None => false,
        // The `b` of `br"…"` and the `c` of `cr"…"` belong to the literal.
        Some('b' | 'c') => before.next().is_some(),
        Some(_) => true,
    }
}

fn raw_end(characters: &[char], at: usize) -> Option<usize> {
    let hashes = characters[at + 1..].iter().take_while(|&&character| character == '#').count();
    let open = at + 1 + hashes;
    if characters.get(open) != Some(&'"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let end = (open + 1..characters.len()).find(|&end| starts(characters, end, &close));
    Some(end.map_or(characters.len(), |end| end + close.len()))
}

/// The end of the item that follows the attribute: its closing brace, or its semicolon if it has no body.
fn item_end(code: &str, start: usize) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (offset, character) in code[start..].char_indices() {
        match character {
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            _ => {}
        }
        let closed = character == '}' || character == ';' && others == 0;
        if closed && braces == 0 {
            return start + offset + 1;
        }
    }
    code.len()
}

#[test]
fn comments_literals_and_tests_are_not_production() {
    let text = r##"
// a.now()
/* a.now() /* b.now() */ c.now() */
let lifetime: &'static str = "d.now() \" e.now()";
let raw = r#"f.now() " g.now()"#;
let quote = '"'; let bytes = br"h.now()";
#[cfg(test)]
mod tests {
    fn one() { i.now() }
}
#[cfg(test)]
use a::b;
fn real() { j
    .now() }
"##;
    assert_eq!(lines_with(text, "j.now()"), [13]);
    assert_eq!(lines_with(text, ".now()"), [14]);
}

#[test]
fn a_call_with_a_literal_argument_keeps_its_argument() {
    assert!(lines_with("fn f() { tx.send(\"a\"); tx.send('a'); }", ".send()").is_empty());
    assert_eq!(lines_with("fn f() { request.send(/* now */).await }", ".send()"), [1]);
}

#[test]
fn code_before_and_after_a_test_item_stays() {
    let text = "fn a() { now() }\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\nfn b() -> [u8; 2] { now() }\n";
    assert_eq!(lines_with(text, "now()"), [1, 5]);
    assert!(production("#![cfg(test)]\nfn a() { now() }").is_empty());
}

#[test]
fn a_path_tells_test_files_from_production_files() {
    assert!(is_test("tests/crash.rs") && is_test("domain/tests/laws.rs") && is_test("worker/src/pull/tests.rs"));
    assert!(!is_test("worker/src/http.rs") && !is_test("worker/src/contests.rs"));
}
