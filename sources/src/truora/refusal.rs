//! What a status other than 200 means.

use crate::quote::malformed;
use crate::words::Words;
use domain::fault::Fault;
use domain::source::Head;

/// What the gateway before the service says of a path that it does not know, with the status of a bad key.
const NO_ROUTE: &str = "missing authentication token";

/// What `head` and `words` mean. `missing` is what a 404 says.
pub fn refusal(head: Head, words: &Words, missing: &str) -> Fault {
    let text = words.quote(&format!("HTTP {}", head.status));
    match head.status {
        403 if text.to_ascii_lowercase().contains(NO_ROUTE) => {
            Fault::Refused(format!("{text} (the gateway's words for a path that is not there: is base_url right?)"))
        }
        // Some firewall's page says nothing of the key.
        403 if words.is_page() => Fault::Unreachable("HTTP 403, a page instead of JSON".to_owned()),
        401 | 403 => Fault::Unauthorised(text),
        404 => Fault::Refused(format!("{missing} ({text})")),
        408 | 504 => Fault::TimedOut(text),
        409 | 423 | 425 => Fault::Unreachable(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        400..=499 => Fault::Refused(text),
        // Any other success than 200 says nothing of processes.
        201..=299 => malformed(&text),
        _ => Fault::Unreachable(text),
    }
}
