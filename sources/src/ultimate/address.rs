//! Where the vendor's service and its files are.

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
/// does not leave the machine, because the key travels in a header.
pub fn base(written: &str) -> Result<String, BadAddress> {
    let (scheme, rest) = written.split_once("://").ok_or(BadAddress::Shape)?;
    if rest.contains(['@', '?', '#']) {
        return Err(BadAddress::Secret);
    }
    let rest = rest.trim_end_matches('/');
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host(authority).ok_or(BadAddress::Shape)?;
    if !path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte)) {
        return Err(BadAddress::Shape);
    }
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(format!("https://{rest}")),
        "http" if is_here(host) => Ok(format!("http://{rest}")),
        "http" => Err(BadAddress::Readable),
        _ => Err(BadAddress::Shape),
    }
}

/// Whether `url` may be the signed address of a file: any host by https, or this machine by http. Nobody's name and
/// password is in it, which would be sent along.
pub fn is_file(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_clean = url.bytes().all(|byte| byte.is_ascii_graphic());
    let scheme = scheme.to_ascii_lowercase();
    is_clean && host(authority).is_some_and(|host| scheme == "https" || scheme == "http" && is_here(host))
}

/// An address without what signs it.
pub fn unsigned(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn is_here(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].contains(&host.to_ascii_lowercase().as_str())
}

/// The host of `authority`, without its port.
fn host(authority: &str) -> Option<&str> {
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
