//! How the connection to the database is protected on its way.

use domain::loopback::is_loopback;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgSslMode};

/// How a connection to a PostgreSQL server is protected against others on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The server is on this machine: a loopback address or a socket file.
    Local,
    /// TLS, and the server must prove its identity by a certificate of a trusted authority.
    Verified,
    /// No TLS, because the address says `sslmode=disable`.
    Plain,
    /// TLS without proof of the server's identity, or none where the server offers none: `require`, `prefer`, which is the
    /// driver's default, and `allow`. Anyone on the way can pose as the server.
    Unverified,
}

/// The protection of a connection to `url`, as the driver would open it; `None` for another database than PostgreSQL, or an
/// address that the driver cannot parse.
#[must_use]
pub fn transport_of(url: &str) -> Option<Transport> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return None;
    }
    let options: PgConnectOptions = url.parse().ok()?;
    if options.get_socket().is_some() || is_this_machine(options.get_host()) {
        return Some(Transport::Local);
    }
    Some(match options.get_ssl_mode() {
        PgSslMode::VerifyFull | PgSslMode::VerifyCa => Transport::Verified,
        PgSslMode::Disable => Transport::Plain,
        PgSslMode::Allow | PgSslMode::Prefer | PgSslMode::Require => Transport::Unverified,
    })
}

/// Whether a host is this machine: a loopback address, or the folder of a socket file.
fn is_this_machine(host: &str) -> bool {
    host.starts_with('/') || is_loopback(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verified_connection_leaves_this_machine_unless_the_address_says_so() {
        let cases = [
            ("postgres://user:secret@127.0.0.1:5432/name", Some(Transport::Local)),
            ("postgresql://localhost/name", Some(Transport::Local)),
            ("postgres://[::1]/name?sslmode=require", Some(Transport::Local)),
            ("postgres://user@%2Fvar%2Frun%2Fpostgresql/name", Some(Transport::Local)),
            ("postgres:///name?host=/var/run/postgresql", Some(Transport::Local)),
            ("postgres://db/name?sslmode=verify-full", Some(Transport::Verified)),
            ("postgres://db/name?sslmode=verify-ca&sslrootcert=/etc/ssl/db.pem", Some(Transport::Verified)),
            ("postgres://db/name?sslmode=disable", Some(Transport::Plain)),
            ("postgres://db/name", Some(Transport::Unverified)),
            ("postgresql://db/name?sslmode=prefer", Some(Transport::Unverified)),
            ("postgres://db/name?sslmode=allow", Some(Transport::Unverified)),
            ("postgres://10.0.0.5/name?sslmode=require", Some(Transport::Unverified)),
            ("postgres://localhost.evil.example/name", Some(Transport::Unverified)),
            ("sqlite://convosync.db", None),
            ("postgres://db:port/name", None),
        ];
        for (url, transport) in cases {
            assert_eq!(transport_of(url), transport, "{url}");
        }
    }
}
