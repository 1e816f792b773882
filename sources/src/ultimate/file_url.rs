//! The signed URLs of files.

use crate::server_url;

/// Whether the program may download a file from `url`: from any host by https, or also from this machine by http where the
/// account's own API is on it (`is_local`), as a simulated one is. The URL must not contain a user or password, which the
/// request would send along.
pub fn is_allowed(url: &str, is_local: bool) -> bool {
    server_url::parse(url).is_some_and(|url| {
        let is_here = server_url::is_loopback(&url);
        let is_safe = if is_here { is_local } else { url.scheme() == "https" };
        is_safe && matches!(url.scheme(), "http" | "https") && !server_url::has_user(&url)
    })
}

/// `url` without its signature.
pub fn without_signature(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
