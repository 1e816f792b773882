//! Why a mailbox could not be read.

/// What went wrong. The text is for people; it holds no secret, no address and nothing of a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No connection, or it broke, or no answer came in time.
    #[error("the mailbox cannot be reached: {0}")]
    Unreachable(String),
    /// The connection cannot be made safe: a person must act.
    #[error("the mail server cannot be trusted: {0}")]
    Untrusted(String),
    /// The server does not accept the user or the password: a person must act.
    #[error("the mail server refused the user or the password")]
    LoginRefused,
    /// The folder, or the one for mails that are done, does not exist: a person must act.
    #[error("the mailbox has no such folder: {0}")]
    NoSuchFolder(&'static str),
    /// The mail was deleted or moved away meanwhile.
    #[error("the mail is no longer in the mailbox")]
    Gone,
    /// The mail is too long to be read.
    #[error("the mail has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
    /// The server said something that it should not, or no to something that it should do.
    #[error("the mail server answered unexpectedly: {0}")]
    Protocol(String),
}

impl MailError {
    /// One word for metrics and tables.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Untrusted(_) => "untrusted",
            Self::LoginRefused => "login",
            Self::NoSuchFolder(_) => "folder",
            Self::Gone => "gone",
            Self::TooLarge { .. } => "size",
            Self::Protocol(_) => "protocol",
        }
    }

    /// Whether trying again is pointless until a person has changed something.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::Untrusted(_) | Self::LoginRefused | Self::NoSuchFolder(_))
    }

    /// Whether it is about the mailbox and not about one mail: the mailbox must be opened anew.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !matches!(self, Self::Gone | Self::TooLarge { .. })
    }
}

impl From<std::io::Error> for MailError {
    fn from(error: std::io::Error) -> Self {
        // The kind only: an error's own text may quote what was read.
        Self::Unreachable(error.kind().to_string())
    }
}
