//! What a status, and the words that come with it, mean.

use super::json;
use crate::quote::malformed;
use crate::quote::shown;
use domain::fault::Fault;
use domain::source::Head;

/// The vendor's words: `error` is the status in capitals, `msg` says more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// `msg`.
    pub msg: String,
    /// `error`.
    pub error: String,
    /// All of a body that is no envelope. Meaning is looked for in it, but it is never quoted.
    page: String,
}

impl Words {
    /// What the body of a refusal says; it may be an envelope, a web page, or nothing.
    pub fn read(body: &[u8]) -> Self {
        let mut words = Self::default();
        let Some(members) = json::is_value(body).then(|| json::members(body)).flatten() else {
            words.page = String::from_utf8_lossy(body).into_owned();
            return words;
        };
        for (key, value) in members {
            words.note(&key.trim().to_ascii_lowercase(), value);
        }
        words
    }

    /// Takes the value of `key`, if it is one of the two.
    pub fn note(&mut self, key: &str, value: &[u8]) {
        let is_text = value.starts_with(b"\"");
        match key {
            "msg" if is_text => self.msg = json::text(value),
            "error" if is_text => self.error = json::text(value),
            _ => {}
        }
    }

    /// How many rows the answer says it holds: "3 records were found".
    pub fn found(&self) -> Option<u64> {
        let mut words = self.msg.split_whitespace();
        let number = words.next()?.parse().ok()?;
        words.next()?.to_ascii_lowercase().starts_with("record").then_some(number)
    }

    fn say(&self, what: &str) -> bool {
        [&self.msg, &self.error, &self.page].iter().any(|text| text.to_uppercase().contains(what))
    }

    fn is_page(&self) -> bool {
        self.page.trim_start_matches('\u{feff}').trim_start().starts_with('<')
    }

    /// The words behind `status`, fit to be shown.
    fn quote(&self, status: &str) -> String {
        let words = [self.error.as_str(), self.msg.as_str()].map(shown);
        let parts = std::iter::once(status).chain(words.iter().map(String::as_str).filter(|word| !word.is_empty()));
        parts.collect::<Vec<_>>().join(": ")
    }
}

/// What a `status` other than 200 means, be it HTTP's or the `code` of an envelope. `Ok`: there are no rows.
pub fn refusal(status: u16, label: &str, head: Head, words: &Words) -> Result<(), Fault> {
    let text = words.quote(label);
    Err(match status {
        // Three public clients see 404, "Validate dates entered", where a window holds no rows. But a report that
        // is not there, or a page of some other server, must not pass for a day without chats.
        404 if words.say("DOES NOT EXIST") => Fault::Refused(text),
        404 if words.is_page() => malformed("HTML page instead of JSON, under the status 404"),
        404 => return Ok(()),
        403 if words.say("TOKEN LIMIT") => Fault::QuotaSpent(text),
        403 if words.say("SIMULTANEOUS") => Fault::Throttled { retry_after: head.retry_after, text },
        403 if words.say("VALIDATE TOKEN") => Fault::Unauthorised(text),
        403 => Fault::Maintenance(text),
        401 => Fault::Unauthorised(text),
        400 => Fault::Refused(text),
        429 => Fault::Throttled { retry_after: head.retry_after, text },
        // A gateway gave up on the vendor, who may still be at work: the token is not known to be free, and the
        // window may hold too much for the vendor's 60 seconds.
        504 => Fault::TimedOut(text),
        _ => Fault::Unreachable(text),
    })
}
