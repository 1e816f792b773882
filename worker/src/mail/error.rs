//! Errors of a mailbox.

/// Why a mailbox operation failed. The text is for operators; it holds no secret, no address and no part of a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server cannot be reached, the connection broke, or no answer came in time.
    #[error("the mailbox cannot be reached: {0}")]
    Unreachable(String),
    /// The connection cannot be secured; an operator must act.
    #[error("the mail server cannot be trusted: {0}")]
    Untrusted(String),
    /// The command of the setting `mailbox_token_command` brought no access token.
    #[error("mailbox_token_command brought no access token: {0}")]
    TokenCommand(String),
    /// The server refused the user, or the password or token; an operator must act.
    #[error("the mail server refused the user, or the password or token")]
    LoginRefused,
    /// The folder to read, or the folder for done mails, does not exist; an operator must act.
    #[error("the mailbox has no such folder: {0}")]
    NoSuchFolder(&'static str),
    /// The mail was deleted or moved meanwhile.
    #[error("the mail is no longer in the mailbox")]
    Gone,
    /// The mail is too long to be read.
    #[error("the mail has {bytes} bytes; at most {limit} are read")]
    TooLarge {
        /// The length of the mail.
        bytes: u64,
        /// The longest length that is read.
        limit: u64,
    },
    /// The server violated the protocol, or refused a command that it must support.
    #[error("the mail server answered unexpectedly: {0}")]
    Protocol(String),
}

impl MailError {
    /// The word that metrics and tables use for this error.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Untrusted(_) => "untrusted",
            Self::TokenCommand(_) => "token",
            Self::LoginRefused => "login",
            Self::NoSuchFolder(_) => "folder",
            Self::Gone => "gone",
            Self::TooLarge { .. } => "size",
            Self::Protocol(_) => "protocol",
        }
    }

    /// Whether an operator must act before a further attempt can succeed.
    #[must_use]
    pub fn needs_operator(&self) -> bool {
        matches!(self, Self::Untrusted(_) | Self::LoginRefused | Self::NoSuchFolder(_))
    }

    /// Whether the error concerns the whole mailbox, which must then be opened again, and not one mail.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !matches!(self, Self::Gone | Self::TooLarge { .. })
    }
}

impl From<std::io::Error> for MailError {
    fn from(error: std::io::Error) -> Self {
        // Only the kind: the error's text may quote the input.
        Self::Unreachable(error.kind().to_string())
    }
}
