//! What a status other than 200 means. The vendor documents none.

use crate::quote::malformed;
use crate::words::Words;
use domain::fault::Fault;
use domain::source::Head;

/// What `head` and `words` mean. `missing` is what a 404 says.
pub fn refusal(head: Head, words: &Words, missing: &str) -> Fault {
    let text = words.quote(&format!("HTTP {}", head.status));
    match head.status {
        // Some firewall's page says nothing of the key.
        403 if words.is_page() => Fault::Unreachable("HTTP 403, a page instead of JSON".to_owned()),
        401 => Fault::Unauthorised(text),
        // A poll that the key may not see must not stop the others.
        403 => Fault::Refused(format!("{text} (may the key see it?)")),
        404 | 410 => Fault::Refused(format!("{missing} ({text})")),
        408 | 504 => Fault::TimedOut(text),
        409 | 423 | 425 => Fault::Unreachable(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        400..=499 => Fault::Refused(text),
        // Any other success than 200 says nothing of conversations.
        201..=299 => malformed(&text),
        _ => Fault::Unreachable(text),
    }
}
