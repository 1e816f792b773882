//! The queries of a slice. A window leads to the polls, each a part of the stream; a poll to its sessions; a session, by its
//! key, to its history.

use crate::page_position::PagePosition;
use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::slice::Slice;
use domain::source::Cursor;
use domain::window::Window;

/// The longest id in bytes.
const MAX_ID: usize = 64;
/// The longest `next_id` in bytes.
const MAX_NEXT_ID: usize = 2048;

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// All polls. The worker then fetches the sessions of each in this window.
    Polls(Window),
    /// A page of the sessions of a poll.
    Sessions {
        /// The poll's id.
        poll: String,
        /// The start in seconds since 1970.
        since: i64,
        /// The end in seconds since 1970.
        until: i64,
        /// The page, at the `next_id` of the page before.
        page: PagePosition,
    },
    /// The history of a session.
    History(Session),
}

/// A session, and the time of its start, which its history does not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: String,
    /// When the session began.
    pub created: DateTime<Utc>,
}

impl Query {
    /// The query for `slice` after a step that returned `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Fault::Refused(why.to_owned());
        let query = match slice {
            Slice::Window(window) => Self::Polls(*window),
            Slice::Partition(poll, window) if is_id(poll) => Self::sessions(poll, *window),
            Slice::Item(key) => {
                Session::of(key).map(Self::History).ok_or_else(|| refused("this is not the key of a session"))?
            }
            _ => return Err(refused("Treble answers windows of time, polls and sessions only")),
        };
        match (query, cursor) {
            (query, None) => Ok(query),
            (Self::Sessions { poll, since, until, .. }, Some(_)) => {
                let page = PagePosition::of(cursor);
                let is_valid = page.start.as_deref().map_or(page.rows.is_some(), is_next_id);
                let query = Self::Sessions { poll, since, until, page };
                is_valid.then_some(query).ok_or_else(|| refused("this is not a cursor of Treble"))
            }
            _ => Err(refused("this is not a cursor of Treble")),
        }
    }

    /// The sessions of a poll in every second that the window touches.
    fn sessions(poll: &str, window: Window) -> Self {
        let end = window.to() + TimeDelta::nanoseconds(999_999_999);
        let (poll, page) = (poll.to_owned(), PagePosition::default());
        Self::Sessions { poll, since: window.from().timestamp(), until: end.timestamp(), page }
    }
}

impl Session {
    /// The slice of the session's history.
    pub fn slice(&self) -> Slice {
        Slice::Item(format!("session/{}/{}", self.id, self.created.timestamp_micros()))
    }

    fn of(key: &str) -> Option<Self> {
        let (id, created) = key.strip_prefix("session/")?.split_once('/')?;
        let micros: i64 = created.parse().ok().filter(|micros: &i64| micros.to_string() == created)?;
        is_id(id).then_some(Self { id: id.to_owned(), created: DateTime::from_timestamp_micros(micros)? })
    }
}

/// Whether `text` can be an id. The characters of an id need no encoding in a URL.
pub fn is_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_allowed)
}

/// Whether `text` can be a `next_id`.
pub fn is_next_id(text: &str) -> bool {
    (1..=MAX_NEXT_ID).contains(&text.len())
}
