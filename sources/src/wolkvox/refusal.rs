//! The meaning of a status, and of the texts that come with it.

use crate::error_body::{ErrorBody, describe};
use crate::malformed::malformed;
use domain::fault::Fault;
use domain::source::ResponseHead;

/// The vendor's text for a window without rows, in the words that three public clients see.
const NO_ROWS: &str = "Validate dates entered";

/// The meaning of an HTTP status other than 200. `Ok` where there are no rows.
pub fn refusal_of_body(head: ResponseHead, body: &ErrorBody) -> Result<(), Fault> {
    let label = format!("HTTP {}", head.status);
    let shown = ["error", "msg"].map(|name| body.member(name).unwrap_or_default());
    // Other bodies than the vendor's own are searched, and never quoted.
    let searched = [shown[0], shown[1], body.plain_text().unwrap_or_default()];
    meaning(head.status, describe(&label, shown), head, &searched)
}

/// The meaning of a code other than 200 inside a response; `texts` are its `error`, the status in capitals, and `msg`.
/// `Ok` where there are no rows.
pub fn refusal(code: u16, label: &str, head: ResponseHead, texts: &[&str; 2]) -> Result<(), Fault> {
    meaning(code, describe(label, *texts), head, texts)
}

fn meaning(status: u16, text: String, head: ResponseHead, searched: &[&str]) -> Result<(), Fault> {
    let says = |words: &str| searched.iter().any(|text| text.to_uppercase().contains(words));
    Err(match status {
        // A report that does not exist must not pass for a day without chats, nor must the 404 of a gateway.
        404 if says("DOES NOT EXIST") => Fault::Refused(text),
        404 if says(&NO_ROWS.to_uppercase()) => return Ok(()),
        404 => malformed(format!("{text}; only {NO_ROWS:?} means no rows: check server and base_url")),
        403 if says("TOKEN LIMIT") => Fault::QuotaSpent(text),
        403 if says("SIMULTANEOUS") => Fault::Throttled { retry_after: head.retry_after, text },
        403 if says("VALIDATE TOKEN") => Fault::Unauthorised(text),
        403 => Fault::Maintenance(text),
        401 => Fault::Unauthorised(text),
        400 => Fault::Refused(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        // A gateway gave up on the vendor, which may still be at work: the token may be in use, and the window may hold
        // too much for the vendor's 60 seconds.
        504 => Fault::TimedOut(text),
        _ => Fault::Unreachable(text),
    })
}
