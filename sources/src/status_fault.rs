//! The meaning of HTTP statuses that is the same for vendors that document none.

use domain::fault::Fault;
use domain::source::ResponseHead;

/// The fault that a status other than 2xx stands for. `text` is for people.
pub fn status_fault(head: ResponseHead, text: String) -> Fault {
    match head.status {
        401 => Fault::Unauthorised(text),
        408 | 504 => Fault::TimedOut(text),
        // 409 Conflict, 423 Locked, 425 Too Early: another request is in the way; a later attempt may succeed.
        409 | 423 | 425 => Fault::Unreachable(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        400..=499 => Fault::Refused(text),
        _ => Fault::Unreachable(text),
    }
}
