//! The meaning of a status other than a success, and of the texts that come with it.

use crate::error_body::ErrorBody;
use crate::status_fault::status_fault;
use domain::fault::Fault;
use domain::source::ResponseHead;
use std::time::Duration;

/// Words by which the vendor says that it still works on an earlier export. The page lost the response itself: "If
/// another previous request was requested, the following response is returned".
const BUSY: [&str; 6] = ["already", "previous", "in progress", "running", "pending", "wait"];

/// The fault of a status that is no success.
pub fn refusal(head: ResponseHead, body: &ErrorBody) -> Fault {
    let text = body.describe(&format!("HTTP {}", head.status));
    match head.status {
        // A bot that does not belong to the token must not stop the other bots.
        403 => Fault::Refused(format!("{text}; check that the bot belongs to the user of the token")),
        404 | 410 => Fault::Refused(format!(
            "{text}; check the setting message_report_path (the vendor calls message reports a legacy feature, which it \
             may have removed)"
        )),
        429 => Fault::Throttled { retry_after: head.retry_after.max(wait(body)), text },
        _ => status_fault(head, text),
    }
}

/// The fault of a response to a request for an export; `None` where the vendor accepts.
pub fn export_refusal(head: ResponseHead, body: &ErrorBody) -> Option<Fault> {
    let busy = || Fault::Busy(body.describe(&format!("HTTP {}", head.status)));
    match head.status {
        200..=299 if body.is_html() => Some(Fault::Malformed("HTML page instead of JSON".to_owned())),
        200..=299 => is_busy(body).then(busy),
        401 => Some(refusal(head, body)),
        409 | 423 => Some(busy()),
        400..=499 if is_busy(body) => Some(busy()),
        429 if head.retry_after.is_none() && !is_throttled(body) => Some(busy()),
        _ => Some(refusal(head, body)),
    }
}

/// Whether the vendor says that it still works on an earlier export.
fn is_busy(body: &ErrorBody) -> bool {
    let text = body.lowercase();
    !body.is_html() && !is_throttled(body) && BUSY.iter().any(|word| text.contains(word))
}

/// "Request was throttled. Expected available in 30 seconds."
fn is_throttled(body: &ErrorBody) -> bool {
    body.lowercase().contains("throttled")
}

/// The wait that the text states, rounded up to seconds.
fn wait(body: &ErrorBody) -> Option<Duration> {
    let text = body.lowercase();
    let (_, after) = text.split_once("available in")?;
    let seconds: f64 = after.split_whitespace().next()?.parse().ok()?;
    let wait = Duration::try_from_secs_f64(seconds).ok()?;
    Some(Duration::from_secs(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0))))
}
