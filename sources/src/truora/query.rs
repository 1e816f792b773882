//! Builds the request for a window or an id.

use super::Truora;
use crate::page_position::PagePosition;
use domain::fault::Fault;
use domain::slice::Slice;
use domain::source::{Cursor, Request};
use domain::window::Window;
use secrecy::ExposeSecret;

/// The longest id in bytes.
const MAX_ID: usize = 64;
/// The longest name of a next page in bytes.
const MAX_START_KEY: usize = 2048;

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A page of the list of processes that began in a window.
    List {
        /// The window.
        window: Window,
        /// The page, as the page before names it.
        page: PagePosition,
    },
    /// One process.
    Process(String),
}

impl Query {
    /// The query for `slice` after a step that returned `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Err(Fault::Refused(why.to_owned()));
        match (slice, cursor) {
            (Slice::Window(window), cursor) => {
                let page = PagePosition::of(cursor);
                if page.start.as_deref().is_some_and(|start| !is_start_key(start)) {
                    return refused("this is not a cursor of Truora");
                }
                Ok(Self::List { window: *window, page })
            }
            (Slice::Item(id), None) if is_id(id) => Ok(Self::Process(id.clone())),
            (Slice::Item(_), None) => refused("this is not the id of a process"),
            (Slice::Item(_), Some(_)) => refused("a process has no cursor"),
            (Slice::Export(_) | Slice::Partition(..) | Slice::Delivery(_), _) => {
                refused("Truora answers windows of time and ids only")
            }
        }
    }
}

/// Whether `text` can be an id. The characters of an id need no encoding in a URL.
pub fn is_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether the source can send `text` back as the name of a next page, unchanged.
pub fn is_start_key(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%+=:/,|!*'();@$".contains(&byte);
    (1..=MAX_START_KEY).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// The request for `query`.
pub fn request(account: &Truora, query: &Query) -> Request {
    let base = &account.base;
    let url = match query {
        Query::Process(id) => format!("{base}/v1/processes/{id}/result"),
        Query::List { window, page } => format!("{base}{}", account.list.path(*window, page)),
    };
    Request::get(url, vec![("Truora-API-Key".to_owned(), account.token.expose_secret().into())])
}
