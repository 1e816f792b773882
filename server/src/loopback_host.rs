//! The names under which a browser may ask a server without a token.
//!
//! A page of a stranger cannot read the answers of another origin. But its host name may begin to lead to 127.0.0.1 once the
//! page is loaded (DNS rebinding), and then this server is its own origin. Such a request still has the stranger's name in
//! `Host`.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use domain::loopback::is_loopback;

/// Whether each host that the request names is this machine's loopback. A request without one comes from no browser.
pub(crate) fn names_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    hosts.all(is_loopback_header) && uri.authority().is_none_or(|authority| is_loopback(authority.host()))
}

fn is_loopback_header(host: &HeaderValue) -> bool {
    host.to_str().ok().and_then(|host| host.parse().ok()).is_some_and(|host: Authority| is_loopback(host.host()))
}

#[cfg(test)]
mod tests {
    use super::names_loopback;
    use axum::http::{HeaderMap, HeaderValue, Uri, header};

    fn is_named_by(uri: &str, hosts: &[&'static str]) -> bool {
        let uri: Uri = uri.parse().expect("a URI");
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_static(host));
        }
        names_loopback(&uri, &headers)
    }

    #[test]
    fn accepts_the_names_of_loopback_with_any_port() {
        for host in ["localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "127.8.8.8"] {
            assert!(is_named_by("/", &[host]), "{host}");
        }
        assert!(is_named_by("/", &[]), "a browser always sends a host");
    }

    #[test]
    fn refuses_every_other_name() {
        for host in [
            "rebound.example",
            "rebound.example:8080",
            "127.0.0.1.rebound.example",
            "localhost.rebound.example",
            "10.0.0.1",
            "[2001:db8::1]:8080",
            "0.0.0.0",
            "::1",
            "",
            "two names",
        ] {
            assert!(!is_named_by("/", &[host]), "{host}");
        }
        assert!(!is_named_by("/", &["localhost", "rebound.example"]), "each one counts");
        assert!(!is_named_by("http://rebound.example/", &["localhost"]), "the address counts, too");
    }
}
