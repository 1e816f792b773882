//! Where a vendor's server is: the setting `base_url`.

use crate::settings::Settings;

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadAddress {
    /// It is none.
    Shape,
    /// It has a place for secrets: addresses are logged.
    Secret,
    /// Plain http to another machine.
    Readable,
}

/// `written` without its last slash: `http` or `https`, a host, perhaps a port and a path. Plain http only where it
/// does not leave the machine, because the token travels in a header.
pub fn plain_url(written: &str) -> Result<String, BadAddress> {
    let (scheme, rest) = written.split_once("://").ok_or(BadAddress::Shape)?;
    let scheme = scheme.to_ascii_lowercase();
    if rest.contains(['@', '?', '#']) {
        return Err(BadAddress::Secret);
    }
    let rest = rest.trim_end_matches('/');
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host(authority).ok_or(BadAddress::Shape)?;
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
    if !path.bytes().all(is_path) {
        return Err(BadAddress::Shape);
    }
    match scheme.as_str() {
        "https" => Ok(format!("{scheme}://{rest}")),
        "http" if is_here(host) => Ok(format!("{scheme}://{rest}")),
        "http" => Err(BadAddress::Readable),
        _ => Err(BadAddress::Shape),
    }
}

/// The setting `base_url`; where it is wrong, `instead` says what to write.
pub fn base_url(settings: &mut Settings<'_>, example: &str, instead: &str) -> Option<String> {
    let written = settings.text("base_url", example)?;
    let why = match plain_url(&written) {
        Ok(url) => return Some(url),
        Err(BadAddress::Shape) => "is no address of a server",
        Err(BadAddress::Secret) => "must hold no user, password, query or fragment",
        Err(BadAddress::Readable) => "http would send the token readable by anyone on the way",
    };
    settings.refuse("base_url", why, instead);
    None
}

/// The setting `base_url`, or `usual` where it says nothing.
pub fn base_url_or(settings: &mut Settings<'_>, usual: &str) -> Option<String> {
    match settings.value("base_url") {
        None => Some(usual.to_owned()),
        Some(_) => base_url(settings, usual, &format!("base_url = \"{usual}\"")),
    }
}

/// Whether `host` is this machine.
pub fn is_here(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].contains(&host.to_ascii_lowercase().as_str())
}

/// The host of `authority`, without its port.
pub fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+'));
    let is_name = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_v6 = inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    (is_port && (is_name || is_v6)).then_some(host)
}
