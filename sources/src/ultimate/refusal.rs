//! What a status, and the words that come with it, mean.

use domain::fault::Fault;
use domain::source::Head;
use serde_json::Value;

/// What the body of a refusal says: `{"message": …}` of a gateway, a word or two, a web page, or nothing.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    is_page: bool,
}

impl Words {
    /// The words in `body`.
    pub fn read(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let body = body.trim_start_matches('\u{feff}').trim();
        if body.starts_with('<') {
            return Self { text: String::new(), is_page: true };
        }
        let said = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        let text = match serde_json::from_str::<Value>(body) {
            Ok(Value::Object(members)) => {
                let said = ["error", "message", "msg"].iter().filter_map(|name| members.get(*name).and_then(said));
                said.collect::<Vec<_>>().join(": ")
            }
            Ok(value) => said(&value).unwrap_or_default(),
            // What begins like JSON and is none may hold anything.
            Err(_) if body.starts_with(['{', '[', '"']) => String::new(),
            Err(_) => body.to_owned(),
        };
        Self { text, is_page: false }
    }

    fn say(&self, what: &str) -> bool {
        self.text.to_uppercase().contains(what)
    }
}

/// What a status other than 200 under the list of files means. `Ok`: there are none.
pub fn of_list(head: Head, words: &Words) -> Result<(), Fault> {
    let status = head.status;
    let said = shown(&words.text);
    let text = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") };
    Err(match status {
        // A bot without an export for that day. But a page of some other server, or a gateway that knows no such way,
        // must not pass for a day without conversations.
        404 if words.is_page => Fault::Malformed("HTML page instead of JSON, under the status 404".to_owned()),
        404 if words.say("NO ROUTE") => Fault::Refused(text),
        404 => return Ok(()),
        400 => Fault::Refused(text),
        401 | 403 => Fault::Unauthorised(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        // A gateway gave up on the vendor, who may still be at work.
        504 => Fault::TimedOut(text),
        _ => Fault::Unreachable(text),
    })
}

/// Whether a file's status may come from an address that is no longer good. What stores answer then is not documented.
pub fn is_stale(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404 | 410)
}

/// What any other status than 200 under a file means. A store's words name the file, and are not quoted.
pub fn of_file(head: Head) -> Fault {
    let text = format!("HTTP {} for a file", head.status);
    match head.status {
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        _ => Fault::Unreachable(text),
    }
}

/// The most characters that are quoted.
const QUOTED: usize = 200;
/// A word at least this long, of letters and digits, may be a credential or an id.
const TOKEN: usize = 16;
/// So many digits may be a phone number or someone's identity card.
const DIGITS: usize = 6;

/// `text` without what could be personal or secret.
pub fn shown(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).map(masked).collect();
    without_numbers(&words.join(" ")).chars().take(QUOTED).collect()
}

/// A word, unless it may be a credential, a mail address, or an address that is signed.
fn masked(word: &str) -> &str {
    let has = |what: fn(char) -> bool| word.chars().any(what);
    let is_long = word.chars().count() >= TOKEN;
    let is_address = word.contains('@') || word.contains("://") || word.contains('?');
    if is_address && word != "?" || is_long && has(char::is_alphabetic) && has(char::is_numeric) { "…" } else { word }
}

/// Digits that belong together, also across the signs that people write between them: `+57 (300) 111-2233`.
fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        let joins = !run.is_empty() && matches!(character, ' ' | '-' | '.' | '(' | ')' | '/');
        if character.is_numeric() || joins {
            run.push(character);
        } else {
            close(&mut run, &mut kept);
            kept.push(character);
        }
    }
    close(&mut run, &mut kept);
    kept
}

fn close(run: &mut String, kept: &mut String) {
    let digits = run.trim_end_matches(|character: char| !character.is_numeric());
    if digits.chars().filter(|character| character.is_numeric()).count() < DIGITS {
        kept.push_str(run);
    } else {
        kept.push('…');
        kept.extend(run.strip_prefix(digits));
    }
    run.clear();
}
