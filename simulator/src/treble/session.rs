//! Polls, sessions and messages as the vendor holds them. Instants are whole seconds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The dataset of a window in its current state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// All polls.
    pub polls: Vec<Poll>,
    /// The sessions created in the window, oldest first, those of failing polls included.
    pub sessions: Vec<Session>,
    /// Their messages, session by session, in order.
    pub messages: Vec<Message>,
}

/// A poll: a flow that an operator has drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The key.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// One user's session with a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The key, unique over all polls.
    pub id: u64,
    /// The poll's id.
    pub poll_id: u64,
    /// The id in webhooks. Some sessions have none.
    pub external_id: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it closed. Some never close.
    pub finished_at: Option<DateTime<Utc>>,
    /// `+57`
    pub country_code: String,
    /// Without the country's code.
    pub cellphone: String,
    /// The state of its first message: `PROCESSING`, then a word that may be undocumented.
    pub deployment: String,
}

/// A message of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The session's id.
    pub session_id: u64,
    /// Its number in the session, from 0.
    pub position: usize,
    /// `HSM`, `TEXT`, `IMAGE`
    pub kind: String,
    /// `AI`, `USER`, `AGENT`
    pub sender: String,
    /// The text; `None` for a file.
    pub text: Option<String>,
    /// The address of its file.
    pub file_url: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it arrived, if it did.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read, if it was.
    pub read_at: Option<DateTime<Utc>>,
}
