//! Polls, sessions and messages as the vendor holds them. Instants are whole seconds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What there is in a window, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// All polls.
    pub polls: Vec<Poll>,
    /// The sessions that were created in the window, oldest first; those of failing polls too.
    pub sessions: Vec<Session>,
    /// Their messages, session by session, in order.
    pub messages: Vec<Message>,
}

/// A conversation as somebody has drawn it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// The key.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// One user's way through a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The key, unique over all polls.
    pub id: u64,
    /// Of which poll.
    pub poll_id: u64,
    /// What webhooks call it. Some have none.
    pub external_id: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ended. Some never do.
    pub finished_at: Option<DateTime<Utc>>,
    /// `+57`
    pub country_code: String,
    /// Without the country's code.
    pub cellphone: String,
    /// What became of its first message: `PROCESSING`, then a word that may be unknown.
    pub deployment: String,
}

/// A message of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Of which session.
    pub session_id: u64,
    /// The how-manieth, from 0.
    pub position: usize,
    /// `HSM`, `TEXT`, `IMAGE`
    pub kind: String,
    /// `AI`, `USER`, `AGENT`
    pub sender: String,
    /// What it says; nothing where it is a file.
    pub text: Option<String>,
    /// Where its file is.
    pub file_url: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it arrived, if it has.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read, if it was.
    pub read_at: Option<DateTime<Utc>>,
}
