//! What a status other than a success means, and the words that come with it.

use super::json::Json;
use crate::quote::shown;
use domain::fault::Fault;
use domain::source::Head;
use std::time::Duration;

/// The most that is kept of a body which is no success.
pub const NOTE: usize = 64 * 1024;
/// By these words the vendor is known to be at work on an earlier export. Its answer is lost from its page: "If another
/// previous request was requested, the following response is returned".
const BUSY: [&str; 6] = ["already", "previous", "in progress", "running", "pending", "wait"];

/// The text of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    text: String,
    is_page: bool,
}

impl Words {
    /// What `body` says: the texts in it where it is JSON, whatever they are called, else the body itself.
    pub fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let is_page = text.starts_with('<');
        let mut words = Vec::new();
        match Json::read(text) {
            Some(json) => collect(&json, "", &mut words),
            None => words.push(text.to_owned()),
        }
        Self { text: words.join("; "), is_page }
    }

    /// Whether it is a page for people.
    pub fn is_page(&self) -> bool {
        self.is_page
    }

    /// Whether the vendor says that it is at work on an earlier export.
    pub fn say_busy(&self) -> bool {
        let text = self.text.to_lowercase();
        !self.is_page && !self.say_throttled() && BUSY.iter().any(|word| text.contains(word))
    }

    /// "Request was throttled. Expected available in 30 seconds."
    fn say_throttled(&self) -> bool {
        self.text.to_lowercase().contains("throttled")
    }

    /// The wait in those words, rounded up: never too early.
    fn wait(&self) -> Option<Duration> {
        let text = self.text.to_lowercase();
        let (_, after) = text.split_once("available in")?;
        let seconds: f64 = after.split_whitespace().next()?.parse().ok()?;
        let wait = Duration::try_from_secs_f64(seconds).ok()?;
        Some(Duration::from_secs(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))))
    }

    /// What it says, fit to be shown, after `label`.
    pub fn quote(&self, label: &str) -> String {
        let words = if self.is_page { String::new() } else { shown(&self.text) };
        if words.is_empty() { label.to_owned() } else { format!("{label}: {words}") }
    }
}

/// The texts of `json`, with the names that Django gives the fields it complains about.
fn collect(json: &Json, name: &str, words: &mut Vec<String>) {
    match json {
        Json::Text(text) if ["", "detail", "message", "error", "code"].contains(&name) => words.push(text.clone()),
        Json::Text(text) => words.push(format!("{name}: {text}")),
        Json::List(items) => items.iter().for_each(|item| collect(item, name, words)),
        Json::Object(members) => members.iter().for_each(|(name, value)| collect(value, name, words)),
        Json::Plain(_) => {}
    }
}

/// What `head` and `words` mean where the status is no success.
pub fn refusal(head: Head, words: &Words) -> Fault {
    let text = words.quote(&format!("HTTP {}", head.status));
    match head.status {
        401 => Fault::Unauthorised(text),
        // A bot that is not the token's must not stop the others.
        403 => Fault::Refused(format!("{text} (is the bot one of the token's user?)")),
        404 | 410 => Fault::Refused(format!(
            "{text} (is message_report_path right? the vendor calls message reports a legacy feature: they may be gone)"
        )),
        408 | 504 => Fault::TimedOut(text),
        429 => Fault::Throttled { retry_after: head.retry_after.max(words.wait()), text },
        // In the way of something else; that passes.
        409 | 423 | 425 => Fault::Unreachable(text),
        400..=499 => Fault::Refused(text),
        _ => Fault::Unreachable(text),
    }
}

/// What the answer to the question for an export means, where the vendor has not taken it.
pub fn export_refusal(head: Head, words: &Words) -> Option<Fault> {
    let busy = || Fault::Busy(words.quote(&format!("HTTP {}", head.status)));
    match head.status {
        200..=299 if words.is_page() => Some(Fault::Malformed("HTML page instead of an answer".to_owned())),
        200..=299 => words.say_busy().then(busy),
        401 => Some(refusal(head, words)),
        409 | 423 => Some(busy()),
        400..=499 if words.say_busy() => Some(busy()),
        429 if head.retry_after.is_none() && !words.say_throttled() => Some(busy()),
        _ => Some(refusal(head, words)),
    }
}
