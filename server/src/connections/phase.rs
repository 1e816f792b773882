//! What a connection waits for, and how long it may wait.

use std::time::Duration;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The first byte of a request.
    Idle,
    /// The rest of a request's head.
    Head,
    /// The rest of a request's body.
    Body,
    /// The server's answer.
    Answer,
}

/// A reverse proxy that keeps its connections open for less never sends a request into a connection that closes: nginx's
/// default is 60 s, and so is that of the large clouds' load balancers.
const IDLE_LIMIT: Duration = Duration::from_secs(75);
/// A head has a few hundred bytes, which arrive together unless the client delays them.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// The longest query may take a minute, and a slow client needs time to read its answer. The routes that read a body have
/// a shorter limit of their own, with an answer.
const ANSWER_LIMIT: Duration = Duration::from_mins(2);
/// A client that has not sent its request when the server stops is cut off, so that it cannot delay the stop.
const DRAINING_LIMIT: Duration = Duration::from_secs(2);

impl Phase {
    /// The longest time in this phase, after which the server closes the connection.
    pub(crate) fn limit(self, is_draining: bool) -> Duration {
        match self {
            Self::Idle | Self::Head | Self::Body if is_draining => DRAINING_LIMIT,
            Self::Idle => IDLE_LIMIT,
            Self::Head => HEAD_LIMIT,
            Self::Body | Self::Answer => ANSWER_LIMIT,
        }
    }

    /// Whether the next step is the client's.
    pub(crate) fn waits_for_client(self) -> bool {
        match self {
            Self::Idle | Self::Head | Self::Body => true,
            Self::Answer => false,
        }
    }

    /// The phase in the metric of closed connections.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Head => "head",
            Self::Body => "body",
            Self::Answer => "answer",
        }
    }
}
