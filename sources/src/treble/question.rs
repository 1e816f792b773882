//! What is asked: a window leads to its polls, a poll to its sessions, a session to its history. The last two are keys,
//! which say all that is to be known of them.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
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
    /// When it was made, to the second.
    pub created: DateTime<Utc>,
    /// Whether it is known to have ended.
    pub is_over: bool,
}

impl Question {
    /// What `slice` asks after a step that named `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Fault::Refused(why.to_owned());
        let question = match slice {
            Slice::Window(window) => Self::Polls(*window),
            Slice::Key(key) => Self::of_key(key).ok_or_else(|| refused("this is no poll or session of Treble's"))?,
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

    fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let (kind, id) = (parts.next()?, parts.next().filter(|id| is_id(id))?.to_owned());
        let (first, second) = (parts.next()?, parts.next()?);
        let number: i64 = first.parse().ok().filter(|number: &i64| number.to_string() == first)?;
        if parts.next().is_some() {
            return None;
        }
        match (kind, second) {
            ("poll", until) => {
                let until = until.parse().ok().filter(|until| number < *until)?;
                Some(Self::Sessions { poll: id, since: number, until, next: None })
            }
            ("session", "0" | "1") => {
                let created = DateTime::from_timestamp(number, 0)?;
                Some(Self::History(Session { id, created, is_over: second == "1" }))
            }
            _ => None,
        }
    }
}

impl Session {
    /// The slice that asks for its history. A session that has ended since is another question.
    pub fn slice(&self) -> Slice {
        Slice::Key(format!("session/{}/{}/{}", self.id, self.created.timestamp(), u8::from(self.is_over)))
    }
}

/// The slice that asks for the sessions of `poll` in `window`: whole seconds, as many as it touches.
pub fn sessions(poll: &str, window: Window) -> Slice {
    let up = window.to() + TimeDelta::nanoseconds(999_999_999);
    Slice::Key(format!("poll/{poll}/{}/{}", window.from().trunc_subsecs(0).timestamp(), up.timestamp()))
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
