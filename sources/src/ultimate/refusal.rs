//! What a status, and the words that come with it, mean.

use crate::quote::shown;
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
