//! The address of a mailbox, as the settings write it.

use super::credential::Credential;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};

/// The address of a mailbox: `maildir:/var/mail/reports`, `imap://user@host:143/INBOX` or
/// `imaps://user@host/Folder`.
///
/// `imap://` requires STARTTLS, except to a loopback address. `imaps://` uses TLS from the first byte.
#[derive(Clone)]
pub struct MailboxAddress {
    location: Location,
}

/// Why an address is invalid, and what to write instead. The text never quotes the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The scheme is unknown.
    #[error("write maildir:/path/of/the/folder, imap://user@host/Folder or imaps://user@host/Folder")]
    Scheme,
    /// The path of a Maildir is not absolute.
    #[error("write the absolute path of the Maildir: maildir:/var/mail/reports")]
    Path,
    /// The user before the host is missing.
    #[error("write the user before the host: imaps://user@host/Folder (a slash in the user's name as %2F)")]
    User,
    /// The address contains a password.
    #[error("write no password into the address, but as mailbox_password or mailbox_password_file")]
    PasswordInside,
    /// Neither a password nor a command for an access token is given.
    #[error("write the password as mailbox_password or mailbox_password_file, or the command as mailbox_token_command")]
    NoPassword,
    /// The host or the port is invalid.
    #[error(
        "write a host name or an address, and a port up to 65535 if it is not the usual one: imaps://user@host:993"
    )]
    Host,
    /// The percent-encoding is invalid, or the text has control characters.
    #[error("write the user and the folder in UTF-8 without control characters, a percent sign as %25")]
    Text,
    /// A setting that applies to IMAP only was given with a Maildir.
    #[error("a Maildir has no password, no token, no folder for done mails and no CA file; remove these settings")]
    OnlyImap,
}

#[derive(Clone)]
pub(super) enum Location {
    Maildir(PathBuf),
    Imap(Server),
}

/// A folder on an IMAP server, and the login.
#[derive(Clone)]
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    /// TLS from the first byte.
    pub tls: bool,
    pub user: String,
    pub credential: Credential,
    pub folder: String,
    /// The folder for done mails.
    pub done_folder: Option<String>,
    /// A PEM file of CA certificates to trust besides the system's own.
    pub ca_file: Option<PathBuf>,
}

impl MailboxAddress {
    /// Parses an address.
    ///
    /// # Errors
    /// [`AddressError`], which says what to write instead.
    pub fn parse(text: &str, password: Option<SecretString>) -> Result<Self, AddressError> {
        Self::parse_with(text, password.map(Credential::Password))
    }

    /// Parses an address whose server accepts `credential`.
    ///
    /// # Errors
    /// [`AddressError`], which says what to write instead.
    pub fn parse_with(text: &str, credential: Option<Credential>) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once(':').ok_or(AddressError::Scheme)?;
        let location = match scheme.to_ascii_lowercase().as_str() {
            "maildir" if credential.is_some() => Err(AddressError::OnlyImap),
            "maildir" if !rest.starts_with('/') => Err(AddressError::Path),
            "maildir" => Ok(Location::Maildir(PathBuf::from(rest))),
            "imap" => Server::parse(rest, false, credential).map(Location::Imap),
            "imaps" => Server::parse(rest, true, credential).map(Location::Imap),
            _ => Err(AddressError::Scheme),
        }?;
        Ok(Self { location })
    }

    /// Sets the folder of the same IMAP account into which done mails are moved.
    ///
    /// # Errors
    /// For a Maildir, and for an invalid folder name.
    pub fn with_done_folder(mut self, folder: &str) -> Result<Self, AddressError> {
        self.server()?.done_folder = Some(decode(&folder.replace('%', "%25"))?);
        Ok(self)
    }

    /// Sets a PEM file of CA certificates to trust besides the system's own, such as a company's CA. The connection
    /// then always uses TLS.
    ///
    /// # Errors
    /// For a Maildir.
    pub fn with_ca_file(mut self, ca_file: &Path) -> Result<Self, AddressError> {
        self.server()?.ca_file = Some(ca_file.to_owned());
        Ok(self)
    }

    /// A key that identifies the mailbox. It holds only a digest of the user, because a user is often a mail address.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.location {
            Location::Maildir(path) => format!("maildir:{}", path.components().collect::<PathBuf>().display()),
            Location::Imap(Server { host, port, tls, user, folder, .. }) => {
                let scheme = if *tls { "imaps" } else { "imap" };
                let digest = Sha256::digest(user).iter().fold(0_u64, |digest, byte| digest << 8 | u64::from(*byte));
                format!("{scheme}://{digest:016x}@{host}:{port}/{folder}")
            }
        }
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    fn server(&mut self) -> Result<&mut Server, AddressError> {
        match &mut self.location {
            Location::Imap(server) => Ok(server),
            Location::Maildir(_) => Err(AddressError::OnlyImap),
        }
    }
}

impl fmt::Debug for MailboxAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("MailboxAddress").field(&self.key()).finish()
    }
}

impl Server {
    fn parse(rest: &str, tls: bool, credential: Option<Credential>) -> Result<Self, AddressError> {
        let rest = rest.strip_prefix("//").ok_or(AddressError::Scheme)?;
        let (authority, folder) = rest.split_once('/').unwrap_or((rest, ""));
        // From the right: the user is often a mail address, which contains an @ itself.
        let (user, host) = authority.rsplit_once('@').ok_or(AddressError::User)?;
        if user.contains(':') {
            return Err(AddressError::PasswordInside);
        }
        let user = decode(user).and_then(|user| if user.is_empty() { Err(AddressError::User) } else { Ok(user) })?;
        let is_given = |credential: &Credential| match credential {
            Credential::Password(password) => !password.expose_secret().is_empty(),
            Credential::TokenCommand(command) => !command.is_empty(),
        };
        let credential = credential.filter(is_given).ok_or(AddressError::NoPassword)?;
        let (host, port) = host_and_port(host, if tls { 993 } else { 143 })?;
        let folder = match decode(folder)? {
            // "INBOX is a special name reserved to mean 'the primary mailbox for this user on this server'", in any
            // case.
            name if name.is_empty() || name.eq_ignore_ascii_case("INBOX") => "INBOX".to_owned(),
            name => name,
        };
        Ok(Self { host, port, tls, user, credential, folder, done_folder: None, ca_file: None })
    }
}

fn host_and_port(text: &str, usual: u16) -> Result<(String, u16), AddressError> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        // An IPv6 address stands in brackets.
        rest.split_once(']').ok_or(AddressError::Host)?
    } else {
        text.split_at(text.find(':').unwrap_or(text.len()))
    };
    let port = match port {
        "" => usual,
        port => port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(AddressError::Host)?,
    };
    let host = host.to_ascii_lowercase();
    rustls::pki_types::ServerName::try_from(host.as_str()).map_err(|_| AddressError::Host)?;
    if port == 0 { Err(AddressError::Host) } else { Ok((host, port)) }
}

fn decode(text: &str) -> Result<String, AddressError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| AddressError::Text)?;
    if text.chars().any(char::is_control) { Err(AddressError::Text) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MailboxAddress, AddressError> {
        MailboxAddress::parse(text, Some(SecretString::from("horse")))
    }

    fn server(text: &str) -> Server {
        match parse(text).unwrap().location {
            Location::Imap(server) => server,
            Location::Maildir(_) => panic!("not a server"),
        }
    }

    #[test]
    fn a_server_address_is_parsed_with_its_defaults() {
        let short = server("imaps://reports@mail.example.org");
        assert_eq!((short.host.as_str(), short.port, short.tls), ("mail.example.org", 993, true));
        assert_eq!((short.user.as_str(), short.folder.as_str()), ("reports", "INBOX"));
        let long = server("IMAP://ana%40example.org@[::1]:1143/Informes%20%C3%A9/a%2fb%25");
        assert_eq!((long.host.as_str(), long.port, long.tls), ("::1", 1143, false));
        assert_eq!((long.user.as_str(), long.folder.as_str()), ("ana@example.org", "Informes é/a/b%"));
        assert_eq!(server("imap://ana@example.org@host/inbox").user, "ana@example.org");
        assert_eq!(server("imap://a@host/inbox").folder, "INBOX");
    }

    #[test]
    fn an_invalid_address_is_rejected_with_advice() {
        let cases = [
            ("imap://ana:horse@host", AddressError::PasswordInside),
            ("imap://ana:@host", AddressError::PasswordInside),
            ("imap://ana:ho/rse@host", AddressError::User),
            ("imap://host/INBOX", AddressError::User),
            ("imap://@host", AddressError::User),
            ("imap:ana@host", AddressError::Scheme),
            ("pop3://ana@host", AddressError::Scheme),
            ("/var/mail", AddressError::Scheme),
            ("imap://ana@", AddressError::Host),
            ("imap://ana@host:99999", AddressError::Host),
            ("imap://ana@host:0", AddressError::Host),
            ("imap://ana@ho st", AddressError::Host),
            ("imap://ana@[::1", AddressError::Host),
            ("imap://ana%0d%0aX@host", AddressError::Text),
            ("imap://ana@host/%ff", AddressError::Text),
            ("maildir:/var/mail", AddressError::OnlyImap),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text).err(), Some(error), "{text}");
            assert!(!error.to_string().contains("horse"));
        }
        assert_eq!(MailboxAddress::parse("maildir:mail", None).err(), Some(AddressError::Path));
        assert_eq!(MailboxAddress::parse("imap://ana@host", None).err(), Some(AddressError::NoPassword));
        assert_eq!(
            MailboxAddress::parse("imap://a@host", Some(SecretString::from(""))).err(),
            Some(AddressError::NoPassword)
        );
        let maildir = MailboxAddress::parse("maildir:/var/mail", None).unwrap();
        assert_eq!(maildir.clone().with_done_folder("Done").err(), Some(AddressError::OnlyImap));
        assert_eq!(maildir.with_ca_file(Path::new("ca.pem")).err(), Some(AddressError::OnlyImap));
        assert_eq!(parse("imap://a@host").unwrap().with_done_folder("a\r\nb").err(), Some(AddressError::Text));
    }

    #[test]
    fn a_key_identifies_a_mailbox_without_its_user() {
        let texts = [
            "imap://ana@example.org@host",
            "imap://eva@example.org@host",
            "imaps://ana@example.org@host",
            "imap://ana@example.org@host:1143",
            "imap://ana@example.org@host/Other",
        ];
        let keys: std::collections::BTreeSet<String> = texts.iter().map(|text| parse(text).unwrap().key()).collect();
        assert_eq!(keys.len(), texts.len());
        assert!(keys.iter().all(|key| !key.contains("ana") && !key.contains("horse")));
        assert_eq!(parse(texts[0]).unwrap().key(), parse("imap://ana%40example.org@HOST:143/inbox").unwrap().key());
        let shown = format!("{:?}", parse(texts[0]).unwrap());
        assert!(!shown.contains("ana") && !shown.contains("horse"), "{shown}");
        assert_eq!(MailboxAddress::parse("maildir:/var/mail/", None).unwrap().key(), "maildir:/var/mail");
    }
}
