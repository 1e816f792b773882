//! The setting `base_url`: the address of a vendor's server.

use crate::settings::Settings;
use url::{Host, Url};

/// Why the program refuses an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// The text is not the address of a server.
    Invalid,
    /// The address holds a user, password, query or fragment. The log shows addresses, so secrets do not belong there.
    HoldsSecret,
    /// The address uses plain http to another machine, and a header of each request holds the token.
    Unencrypted,
}

/// Parses the address of a server: `http` or `https`, a host, an optional port and path. Returns it without a slash at
/// the end. Plain http is for this machine only.
pub fn parse_server_url(text: &str) -> Result<String, UrlError> {
    let url = parse(text).ok_or(UrlError::Invalid)?;
    if has_user(&url) || text.contains('@') || url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::HoldsSecret);
    }
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
    if !url.path().bytes().all(is_path) {
        return Err(UrlError::Invalid);
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(UrlError::Unencrypted),
        _ => return Err(UrlError::Invalid),
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The setting `base_url`. `instead` says what to write where it is wrong.
pub fn base_url(settings: &mut Settings<'_>, example: &str, instead: &str) -> Option<String> {
    let written = settings.text("base_url", example)?;
    let why = match parse_server_url(&written) {
        Ok(url) => return Some(url),
        Err(UrlError::Invalid) => "this is not the address of a server",
        Err(UrlError::HoldsSecret) => "the address must not contain a user, password, query or fragment",
        Err(UrlError::Unencrypted) => "http would send the token unencrypted",
    };
    settings.refuse("base_url", why, instead);
    None
}

/// The setting `base_url`, or `default` where the account does not set it.
pub fn base_url_or(settings: &mut Settings<'_>, default: &str) -> Option<String> {
    match settings.value("base_url") {
        None => Some(default.to_owned()),
        Some(_) => base_url(settings, default, &format!("base_url = \"{default}\"")),
    }
}

/// Parses the URL of a server or of a file on one. Refuses what the `url` crate would repair silently: spaces,
/// backslashes, a missing host, port 0.
pub fn parse(text: &str) -> Option<Url> {
    let (_, rest) = text.split_once("://")?;
    if rest.starts_with('/') || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let is_host = match url.host()? {
        Host::Domain(name) => !name.is_empty() && is_name(name),
        Host::Ipv4(_) | Host::Ipv6(_) => true,
    };
    (is_host && url.port() != Some(0)).then_some(url)
}

/// Whether `url` names a user or holds a password.
pub fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether the host of `url` is this machine.
pub fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::UrlError::{HoldsSecret, Invalid, Unencrypted};
    use super::*;

    #[test]
    fn accepts_servers_that_may_receive_the_token() {
        let good = [
            ("https://wv0042.wolkvox.com", "https://wv0042.wolkvox.com"),
            ("HTTPS://wv0042.wolkvox.com/", "https://wv0042.wolkvox.com"),
            ("https://proxy.example:8443/wolkvox//", "https://proxy.example:8443/wolkvox"),
            ("https://api.ultimate.ai", "https://api.ultimate.ai"),
            ("https://acme.zendesk.com/ai-agents/api//", "https://acme.zendesk.com/ai-agents/api"),
            ("http://127.0.0.1:4010/", "http://127.0.0.1:4010"),
            ("http://localhost", "http://localhost"),
            ("http://localhost:4010/a", "http://localhost:4010/a"),
            ("http://[::1]:4010", "http://[::1]:4010"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ];
        for (written, url) in good {
            assert_eq!(parse_server_url(written), Ok(url.to_owned()), "{written}");
        }
    }

    #[test]
    fn refuses_servers_that_must_not_receive_the_token() {
        let bad = [
            ("http://wv0042.wolkvox.com", Unencrypted),
            ("http://127.0.0.1.evil.example", Unencrypted),
            ("http://localhost.evil.example:80", Unencrypted),
            ("http://10.0.0.1", Unencrypted),
            ("http://[::2]", Unencrypted),
            ("https://user:password@wv0042.wolkvox.com", HoldsSecret),
            ("http://localhost@evil.example", HoldsSecret),
            ("https://wv0042.wolkvox.com?token=1", HoldsSecret),
            ("https://host/?key=1", HoldsSecret),
            ("https://wv0042.wolkvox.com#x", HoldsSecret),
            ("wv0042.wolkvox.com", Invalid),
            ("ftp://wv0042.wolkvox.com", Invalid),
            ("https://", Invalid),
            ("https:///path", Invalid),
            ("https://:443", Invalid),
            ("https://host:port", Invalid),
            ("https://host:+80", Invalid),
            ("https://host:0", Invalid),
            ("https://ho st", Invalid),
            ("https://host\\evil", Invalid),
            ("https://[::1", Invalid),
            ("https://[zz]", Invalid),
            ("https://host/a b", Invalid),
            ("https://{subdomain}.zendesk.com/ai-agents/api", Invalid),
        ];
        for (written, why) in bad {
            assert_eq!(parse_server_url(written), Err(why), "{written}");
        }
    }
}
