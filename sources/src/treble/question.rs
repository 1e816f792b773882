//! What is asked: a window leads to its polls, each a part of the stream; a poll to its sessions; a session, by its key, to its
//! history.

use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::source::Cursor;
use domain::want::Slice;
use domain::window::Window;

/// The longest id, and the longest `next_id`.
const LONGEST: (usize, usize) = (64, 2048);

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which polls there are, each of which is to be asked for its sessions of a window.
    Polls(Window),
    /// A page of the sessions of a poll.
    Sessions {
        /// The poll.
        poll: String,
        /// From when on, in seconds since 1970.
        since: i64,
        /// Until when.
        until: i64,
        /// Where the page begins: the page before's `next_id`.
        next: Option<String>,
    },
    /// All that was said in a session.
    History(Session),
}

/// A session, and what its history does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: DateTime<Utc>,
}

impl Question {
    /// What `slice` asks after a step that named `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Fault::Refused(why.to_owned());
        let question = match slice {
            Slice::Window(window) => Self::Polls(*window),
            Slice::Part(poll, window) if is_id(poll) => Self::sessions(poll, *window),
            Slice::Key(key) => {
                Session::of(key).map(Self::History).ok_or_else(|| refused("this is no session of Treble's"))?
            }
            _ => return Err(refused("Treble is asked by windows of time, polls and sessions only")),
        };
        match (question, cursor) {
            (question, None) => Ok(question),
            (Self::Sessions { poll, since, until, .. }, Some(Cursor(next))) if is_next(next) => {
                Ok(Self::Sessions { poll, since, until, next: Some(next.clone()) })
            }
            _ => Err(refused("Treble has nothing to go on with")),
        }
    }

    /// Whole seconds, as many as the window touches.
    fn sessions(poll: &str, window: Window) -> Self {
        let up = window.to() + TimeDelta::nanoseconds(999_999_999);
        Self::Sessions { poll: poll.to_owned(), since: window.from().timestamp(), until: up.timestamp(), next: None }
    }
}

impl Session {
    /// The slice that asks for its history.
    pub fn slice(&self) -> Slice {
        Slice::Key(format!("session/{}/{}", self.id, self.created.timestamp_micros()))
    }

    fn of(key: &str) -> Option<Self> {
        let (id, created) = key.strip_prefix("session/")?.split_once('/')?;
        let micros: i64 = created.parse().ok().filter(|micros: &i64| micros.to_string() == created)?;
        is_id(id).then_some(Self { id: id.to_owned(), created: DateTime::from_timestamp_micros(micros)? })
    }
}

/// Whether `text` can be an id: it stands in an address, as it is, because no such letter has to be encoded there.
pub fn is_id(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=LONGEST.0).contains(&text.len()) && text.bytes().all(is_sign)
}

/// Whether `text` can be a `next_id`.
pub fn is_next(text: &str) -> bool {
    (1..=LONGEST.1).contains(&text.len())
}
