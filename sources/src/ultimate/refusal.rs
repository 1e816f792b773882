//! The meaning of a status, and of the texts that come with it.

use crate::error_body::{ErrorBody, describe};
use crate::malformed::malformed;
use domain::fault::Fault;
use domain::source::ResponseHead;

/// The meaning of a status other than 200 of the list of files. `Ok` where there are no files.
pub fn list_refusal(head: ResponseHead, body: &ErrorBody) -> Result<(), Fault> {
    let status = head.status;
    let texts = texts(body);
    let text = describe(&format!("HTTP {status}"), [texts.as_str()]);
    Err(match status {
        // The page of another server, or a gateway that does not know the path, must not pass for a day without
        // conversations.
        404 if body.is_html() => malformed("HTML page instead of JSON, under the status 404"),
        404 if is_unknown_path(&texts) => Fault::Refused(text),
        404 if is_no_export(body) => return Ok(()),
        404 => malformed(format!("{text}; only the API's own \"Not Found\" means no files: check base_url")),
        400 => Fault::Refused(text),
        401 | 403 => Fault::Unauthorised(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        // A gateway gave up on the vendor, which may still be at work.
        504 => Fault::TimedOut(text),
        _ => Fault::Unreachable(text),
    })
}

/// Whether the bot has no export for the day: the API's own 404, which repeats the status in its body.
fn is_no_export(body: &ErrorBody) -> bool {
    let message = body.member("message").unwrap_or_default();
    message.trim().eq_ignore_ascii_case("Not Found") && body.number("statusCode") == Some(404)
}

/// Whether a gateway ("no Route matched with those values") or the API ("Cannot POST /…") does not know the path.
fn is_unknown_path(texts: &str) -> bool {
    let texts = texts.to_uppercase();
    texts.contains("NO ROUTE") || texts.contains("CANNOT POST")
}

/// The texts of a refusal: `{"message": …}` of a gateway, or a few words.
fn texts(body: &ErrorBody) -> String {
    match body.plain_text() {
        // Text that begins like JSON and is not valid may hold anything.
        Some(text) if text.starts_with(['{', '[', '"', '<']) => String::new(),
        Some(text) => text.to_owned(),
        None => {
            let members = ["error", "message", "msg"].into_iter().filter_map(|name| body.member(name));
            members.chain(body.json_text()).collect::<Vec<_>>().join(": ")
        }
    }
}

/// Whether a file's status may mean that its URL has expired. No document says what storage services answer then.
pub fn is_expired(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404 | 410)
}

/// The meaning of any other status than 200 of a file.
pub fn file_refusal(head: ResponseHead) -> Fault {
    let text = format!("HTTP {} for a file", head.status);
    match head.status {
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        _ => Fault::Unreachable(text),
    }
}
