//! The signed URLs of files.

use crate::server_url;

/// Whether the program may download a file from `url`: from any host by https, or from this machine by http. The URL
/// must not contain a user or password, which the request would send along.
pub fn is_allowed(url: &str) -> bool {
    server_url::parse(url).is_some_and(|url| {
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && server_url::is_loopback(&url);
        is_safe && !server_url::has_user(&url)
    })
}

/// `url` without its signature.
pub fn without_signature(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
