//! The meaning of a status other than 200. The vendor documents none.

use crate::error_body::ErrorBody;
use crate::malformed::malformed;
use crate::status_fault::status_fault;
use domain::fault::Fault;
use domain::source::ResponseHead;

/// The fault of a status. `missing` is the meaning of a 404.
pub fn refusal(head: ResponseHead, body: &ErrorBody, missing: &str) -> Fault {
    let text = body.describe(&format!("HTTP {}", head.status));
    match head.status {
        // The page of a firewall says nothing about the key.
        403 if body.is_html() => Fault::Unreachable("HTTP 403 with an HTML page instead of JSON".to_owned()),
        // A poll that the key may not read must not stop the other polls.
        403 => Fault::Refused(format!("{text}; check that the key may read it")),
        404 | 410 => Fault::Refused(format!("{missing} ({text})")),
        // A success other than 200 has no conversations.
        201..=299 => malformed(text),
        _ => status_fault(head, text),
    }
}
