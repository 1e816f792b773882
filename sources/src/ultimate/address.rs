//! Addresses of files, which are signed.

use crate::address::{host, is_here};

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
