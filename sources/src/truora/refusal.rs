//! The meaning of a status other than 200.

use crate::error_body::ErrorBody;
use crate::malformed::malformed;
use crate::status_fault::status_fault;
use domain::fault::Fault;
use domain::source::ResponseHead;

/// The text of the gateway before the service for an unknown path. Its status is that of a bad key.
const NO_ROUTE: &str = "missing authentication token";

/// The fault of a status. `missing` is the meaning of a 404.
pub fn refusal(head: ResponseHead, body: &ErrorBody, missing: &str) -> Fault {
    let text = body.describe(&format!("HTTP {}", head.status));
    match head.status {
        403 if text.to_ascii_lowercase().contains(NO_ROUTE) => {
            Fault::Refused(format!("{text}; the gateway answers so for an unknown path: check base_url"))
        }
        // The page of a firewall says nothing about the key.
        403 if body.is_html() => Fault::Unreachable("HTTP 403 with an HTML page instead of JSON".to_owned()),
        403 => Fault::Unauthorised(text),
        404 => Fault::Refused(format!("{missing} ({text})")),
        // A success other than 200 has no processes.
        201..=299 => malformed(text),
        _ => status_fault(head, text),
    }
}
