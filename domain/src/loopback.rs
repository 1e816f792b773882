//! The names of this machine: connections to them need no encryption, because nothing else sees them.

use std::net::IpAddr;

/// Whether `host` is `localhost` in any case, or a loopback address with or without brackets.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
