//! A question → the request for it.

use super::Treble;
use super::question::Question;
use domain::source::Request;
use secrecy::ExposeSecret;
use std::fmt::Write;

/// Sessions of a page: as many as a public client asks for.
pub const ROWS: usize = 100;

/// Asks `question`.
pub fn request(account: &Treble, question: &Question) -> Request {
    let base = &account.base;
    let url = match question {
        Question::Polls(_) => format!("{base}/poll/api/all"),
        Question::Sessions { poll, since, until, next } => {
            let next = next.as_ref().map(|next| format!("&next_id={}", encoded(next))).unwrap_or_default();
            format!("{base}/devapi/poll/{poll}/sessions?limit={ROWS}&since={since}&until={until}{next}")
        }
        Question::History(session) => format!("{base}/devapi/session/{}/history", session.id),
    };
    // The key alone, without `Bearer`.
    Request::get(url, vec![("Authorization".to_owned(), account.token.expose_secret().into())])
}

/// `text` as the value of a parameter.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // A text takes all that is written to it.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
