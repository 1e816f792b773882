//! Decides whether a mail is believed: anyone can mail a mailbox, and anyone can write any sender.

use crate::authentication_results::AuthenticationResults;

/// Which mails of a mailbox an account believes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailPolicy {
    /// The senders that are believed; every sender if the list is empty.
    pub senders: Vec<AllowedSender>,
    /// The name of the mail server whose headers `Authentication-Results` are believed.
    pub authserv_id: Option<String>,
    /// Whether only trusted programs can put a mail into the mailbox, as into a Maildir on the own host.
    pub is_trusted_folder: bool,
}

/// A sender whose mails are believed. Case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedSender {
    /// One address.
    Address(String),
    /// Every address of a domain, but not of the domains in it.
    Domain(String),
}

/// The headers of a mail that show who sent it.
#[derive(Clone, Copy, Debug)]
pub struct MailHeaders<'a> {
    /// The address in the header `From`; `None` unless the mail has exactly one.
    pub from: Option<&'a str>,
    /// The values of the headers `Authentication-Results`, the topmost one first.
    pub authentication_results: &'a [String],
}

/// Why a mail is not believed. The text names no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// The settings do not say whose results are believed, and anyone can mail the mailbox.
    #[error(
        "anyone can mail the mailbox: set mailbox_from and mailbox_authserv_id, then run `convosync import` with the mail's attachment"
    )]
    OpenMailbox,
    /// No sender, or several.
    #[error("the mail does not have exactly one sender")]
    NoSender,
    /// The sender is not in the list.
    #[error(
        "mailbox_from does not allow the mail's sender; if it is the vendor, correct the setting and run `convosync import` with the mail's attachment"
    )]
    OtherSender,
    /// The server has not checked the mail.
    #[error("the mail has no header Authentication-Results of {authserv_id}, the value of mailbox_authserv_id")]
    Unchecked {
        /// The server's name in the settings.
        authserv_id: String,
    },
    /// The server has checked the mail in vain.
    #[error(
        "{authserv_id} did not find the sender authentic: neither DMARC passed, nor DKIM or SPF for the sender's domain"
    )]
    Unauthenticated {
        /// The server's name in the settings.
        authserv_id: String,
    },
}

impl AllowedSender {
    /// Parses `reports@example.com` or `@example.com`; `None` if the text is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (user, domain) = text.rsplit_once('@')?;
        let is_domain = domain.split('.').all(|label| !label.is_empty()) && domain.contains('.');
        let is_printable = text.chars().all(|character| !character.is_whitespace() && !character.is_control());
        if !is_domain || !is_printable {
            return None;
        }
        Some(if user.is_empty() { Self::Domain(domain.to_owned()) } else { Self::Address(text) })
    }

    /// Whether mails from `address` are believed.
    #[must_use]
    pub fn allows(&self, address: &str) -> bool {
        match self {
            Self::Address(allowed) => allowed.eq_ignore_ascii_case(address),
            Self::Domain(allowed) => domain_of(address).is_some_and(|domain| allowed.eq_ignore_ascii_case(domain)),
        }
    }
}

impl MailPolicy {
    /// Whether no mail of the mailbox is believed before the settings name the server whose results count.
    #[must_use]
    pub fn believes_nothing(&self) -> bool {
        self.authserv_id.is_none() && !self.is_trusted_folder
    }

    /// Checks whether a mail with these headers is believed. Of the results only the topmost ones of the named server count: a
    /// mail server adds its header above those that came with the mail.
    ///
    /// # Errors
    /// Why the mail is not believed.
    pub fn check(&self, headers: MailHeaders<'_>) -> Result<(), Distrust> {
        if self.believes_nothing() {
            return Err(Distrust::OpenMailbox);
        }
        if self.senders.is_empty() && self.authserv_id.is_none() {
            return Ok(());
        }
        let from = headers.from.ok_or(Distrust::NoSender)?;
        let domain = domain_of(from).ok_or(Distrust::NoSender)?;
        if !self.senders.is_empty() && !self.senders.iter().any(|sender| sender.allows(from)) {
            return Err(Distrust::OtherSender);
        }
        let Some(authserv_id) = &self.authserv_id else { return Ok(()) };
        let mut own = headers.authentication_results.iter().filter_map(|value| AuthenticationResults::parse(value));
        match own.find(|results| results.is_by(authserv_id)) {
            None => Err(Distrust::Unchecked { authserv_id: authserv_id.clone() }),
            Some(results) if results.authenticates(domain) => Ok(()),
            Some(_) => Err(Distrust::Unauthenticated { authserv_id: authserv_id.clone() }),
        }
    }
}

fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}
