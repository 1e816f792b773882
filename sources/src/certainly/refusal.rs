//! What a status other than a success means, and the words that come with it.

use crate::words::Words;
use domain::fault::Fault;
use domain::source::Head;
use std::time::Duration;

/// By these words the vendor is known to be at work on an earlier export. Its answer is lost from its page: "If another
/// previous request was requested, the following response is returned".
const BUSY: [&str; 6] = ["already", "previous", "in progress", "running", "pending", "wait"];

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
        429 => Fault::Throttled { retry_after: head.retry_after.max(wait(words)), text },
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
        200..=299 => is_busy(words).then(busy),
        401 => Some(refusal(head, words)),
        409 | 423 => Some(busy()),
        400..=499 if is_busy(words) => Some(busy()),
        429 if head.retry_after.is_none() && !is_throttled(words) => Some(busy()),
        _ => Some(refusal(head, words)),
    }
}

/// Whether the vendor says that it is at work on an earlier export.
fn is_busy(words: &Words) -> bool {
    let text = words.lowercase();
    !words.is_page() && !is_throttled(words) && BUSY.iter().any(|word| text.contains(word))
}

/// "Request was throttled. Expected available in 30 seconds."
fn is_throttled(words: &Words) -> bool {
    words.lowercase().contains("throttled")
}

/// The wait in those words, rounded up: never too early.
fn wait(words: &Words) -> Option<Duration> {
    let text = words.lowercase();
    let (_, after) = text.split_once("available in")?;
    let seconds: f64 = after.split_whitespace().next()?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Duration::from_secs(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))))
}
