//! Where mails come from.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where mails come from, as the settings write it: `maildir:/var/mail/reports`, `imap://user@host:143/INBOX` or
/// `imaps://user@host/Folder`.
///
/// `imap://` means that TLS is demanded by STARTTLS; only to the own machine it may go without.
/// `imaps://` means TLS from the first byte.
#[derive(Clone)]
pub struct Address {
    place: Place,
}

/// What an address says that cannot be followed, and what to write instead. It never quotes the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It begins with something else.
    #[error("write maildir:/path/of/the/folder, imap://user@host/Folder or imaps://user@host/Folder")]
    Scheme,
    /// Not a path from the root.
    #[error("write the whole path of the Maildir, from the root: maildir:/var/mail/reports")]
    Path,
    /// No user name before the host.
    #[error("write the user before the host: imaps://user@host/Folder (a slash in the user's name as %2F)")]
    User,
    /// A password inside the address.
    #[error("write no password into the address, but as mailbox_password or mailbox_password_file")]
    PasswordInside,
    /// No password at all.
    #[error("write the password as mailbox_password or mailbox_password_file")]
    NoPassword,
    /// The host or its port makes no sense.
    #[error(
        "write a host name or an address, and a port up to 65535 if it is not the usual one: imaps://user@host:993"
    )]
    Host,
    /// Broken percent-encoding, or control characters.
    #[error("write the user and the folder in UTF-8 without control characters, a percent sign as %25")]
    Text,
    /// A setting for IMAP, given with a Maildir.
    #[error("a Maildir takes no password, no folder for mails that are done and no CA file; leave these out")]
    OnlyImap,
}

#[derive(Clone)]
pub(super) enum Place {
    Maildir(PathBuf),
    Imap(Server),
}

/// A folder on an IMAP server, and how to get in.
#[derive(Clone)]
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    /// TLS from the first byte.
    pub tls: bool,
    pub user: String,
    pub password: SecretString,
    pub folder: String,
    /// Where mails go that are done.
    pub done_folder: Option<String>,
    /// Certificates to trust beside the system's own, as PEM.
    pub ca_file: Option<PathBuf>,
}

impl Address {
    /// Reads it.
    ///
    /// # Errors
    /// Says what to write instead.
    pub fn parse(text: &str, password: Option<SecretString>) -> Result<Self, AddressError> {
        let (scheme, rest) = text.trim().split_once(':').ok_or(AddressError::Scheme)?;
        let place = match scheme.to_ascii_lowercase().as_str() {
            "maildir" if password.is_some() => Err(AddressError::OnlyImap),
            "maildir" if !rest.starts_with('/') => Err(AddressError::Path),
            "maildir" => Ok(Place::Maildir(PathBuf::from(rest))),
            "imap" => Server::parse(rest, false, password).map(Place::Imap),
            "imaps" => Server::parse(rest, true, password).map(Place::Imap),
            _ => Err(AddressError::Scheme),
        }?;
        Ok(Self { place })
    }

    /// Moves mails that are done into this folder of the same account.
    ///
    /// # Errors
    /// For a Maildir, and for a name that no folder can have.
    pub fn filing_into(mut self, folder: &str) -> Result<Self, AddressError> {
        self.server()?.done_folder = Some(decoded(&folder.replace('%', "%25"))?);
        Ok(self)
    }

    /// Trusts the certificates in this PEM file too, as a company's own CA. The connection is then always by TLS.
    ///
    /// # Errors
    /// For a Maildir.
    pub fn trusting(mut self, ca_file: &Path) -> Result<Self, AddressError> {
        self.server()?.ca_file = Some(ca_file.to_owned());
        Ok(self)
    }

    /// Tells mailboxes apart. Users are often called by their mail address, so only a digest of the name is in it.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.place {
            Place::Maildir(path) => format!("maildir:{}", path.components().collect::<PathBuf>().display()),
            Place::Imap(Server { host, port, tls, user, folder, .. }) => {
                let scheme = if *tls { "imaps" } else { "imap" };
                let digest = Sha256::digest(user).iter().fold(0_u64, |digest, byte| digest << 8 | u64::from(*byte));
                format!("{scheme}://{digest:016x}@{host}:{port}/{folder}")
            }
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    fn server(&mut self) -> Result<&mut Server, AddressError> {
        match &mut self.place {
            Place::Imap(server) => Ok(server),
            Place::Maildir(_) => Err(AddressError::OnlyImap),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Address").field(&self.key()).finish()
    }
}

impl Server {
    fn parse(rest: &str, tls: bool, password: Option<SecretString>) -> Result<Self, AddressError> {
        let rest = rest.strip_prefix("//").ok_or(AddressError::Scheme)?;
        let (authority, folder) = rest.split_once('/').unwrap_or((rest, ""));
        // From the right: a user is often called by a mail address, with an @ of its own.
        let (user, host) = authority.rsplit_once('@').ok_or(AddressError::User)?;
        if user.contains(':') {
            return Err(AddressError::PasswordInside);
        }
        let user = decoded(user).and_then(|user| if user.is_empty() { Err(AddressError::User) } else { Ok(user) })?;
        let password = password.filter(|password| !password.expose_secret().is_empty());
        let password = password.ok_or(AddressError::NoPassword)?;
        let (host, port) = host_and_port(host, if tls { 993 } else { 143 })?;
        let folder = match decoded(folder)? {
            // "INBOX is a special name reserved to mean 'the primary mailbox for this user on this server'", in any case.
            name if name.is_empty() || name.eq_ignore_ascii_case("INBOX") => "INBOX".to_owned(),
            name => name,
        };
        Ok(Self { host, port, tls, user, password, folder, done_folder: None, ca_file: None })
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

fn decoded(text: &str) -> Result<String, AddressError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| AddressError::Text)?;
    if text.chars().any(char::is_control) { Err(AddressError::Text) } else { Ok(text.into_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, Some(SecretString::from("horse")))
    }

    fn server(text: &str) -> Server {
        match parse(text).unwrap().place {
            Place::Imap(server) => server,
            Place::Maildir(_) => panic!("not a server"),
        }
    }

    #[test]
    fn a_server_is_read_with_its_defaults() {
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
    fn what_cannot_be_followed_is_told() {
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
        assert_eq!(Address::parse("maildir:mail", None).err(), Some(AddressError::Path));
        assert_eq!(Address::parse("imap://ana@host", None).err(), Some(AddressError::NoPassword));
        assert_eq!(Address::parse("imap://a@host", Some(SecretString::from(""))).err(), Some(AddressError::NoPassword));
        let maildir = Address::parse("maildir:/var/mail", None).unwrap();
        assert_eq!(maildir.clone().filing_into("Done").err(), Some(AddressError::OnlyImap));
        assert_eq!(maildir.trusting(Path::new("ca.pem")).err(), Some(AddressError::OnlyImap));
        assert_eq!(parse("imap://a@host").unwrap().filing_into("a\r\nb").err(), Some(AddressError::Text));
    }

    #[test]
    fn a_key_tells_apart_and_tells_nothing() {
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
        assert_eq!(Address::parse("maildir:/var/mail/", None).unwrap().key(), "maildir:/var/mail");
    }
}
