//! Builds the request for a query.

use super::Treble;
use super::query::Query;
use domain::source::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;

/// The sessions of a page. A public client requests as many.
pub const PAGE_SIZE: u16 = 100;
/// The characters that a query's value may not contain: all but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The request for `query`.
pub fn request(account: &Treble, query: &Query) -> Request {
    let base = &account.base;
    let url = match query {
        Query::Polls(_) => format!("{base}/poll/api/all"),
        Query::Sessions { poll, since, until, page } => {
            let rows = page.rows.unwrap_or(PAGE_SIZE);
            let next = page.start.as_ref().map(|next| format!("&next_id={}", utf8_percent_encode(next, RESERVED)));
            let next = next.unwrap_or_default();
            format!("{base}/devapi/poll/{poll}/sessions?limit={rows}&since={since}&until={until}{next}")
        }
        Query::History(session) => format!("{base}/devapi/session/{}/history", session.id),
    };
    // The key alone, without `Bearer`.
    Request::get(url, vec![("Authorization".to_owned(), account.token.expose_secret().into())])
}
