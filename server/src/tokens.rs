//! The tokens in the settings, and what each of them opens.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The tokens that open the guarded routes. An empty token matches no credential.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Opens every route.
    pub operator: Option<SecretString>,
    /// Opens the routes that read: dashboard, API and metrics.
    pub read: Option<SecretString>,
    /// Opens `/metrics` only.
    pub metrics: Option<SecretString>,
}

/// What a route lets a client do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Read the dashboard and the API.
    Read,
    /// Read the metrics.
    Metrics,
}

impl Tokens {
    /// Whether a route of `scope` needs a token. Without one it is open to every client.
    pub(crate) fn guard(&self, scope: Scope) -> bool {
        self.of(scope).into_iter().any(|token| token.is_some())
    }

    /// Whether `credential` opens the routes of `scope`.
    pub(crate) fn open(&self, scope: Scope, credential: &[u8]) -> bool {
        matches_one(self.of(scope), credential)
    }

    /// Whether `credential` equals any of the three tokens.
    pub(crate) fn know(&self, credential: &[u8]) -> bool {
        matches_one(self.of(Scope::Metrics), credential)
    }

    /// The tokens that open `scope`. Each of them opens the metrics.
    fn of(&self, scope: Scope) -> [Option<&SecretString>; 3] {
        let metrics = self.metrics.as_ref().filter(|_| scope == Scope::Metrics);
        [self.operator.as_ref(), self.read.as_ref(), metrics]
    }
}

/// Compares digests, and each of them in constant time, so that the time reveals neither a prefix nor the length of a token,
/// nor which one it is.
fn matches_one(tokens: [Option<&SecretString>; 3], credential: &[u8]) -> bool {
    let given = Sha256::digest(credential);
    let tokens = tokens.into_iter().flatten().map(ExposeSecret::expose_secret).filter(|token| !token.is_empty());
    tokens.fold(Choice::from(0), |found, token| found | Sha256::digest(token).ct_eq(&given)).into()
}

#[cfg(test)]
mod tests {
    use super::{Scope, Tokens};
    use secrecy::SecretString;

    fn tokens(operator: Option<&str>, read: Option<&str>, metrics: Option<&str>) -> Tokens {
        Tokens {
            operator: operator.map(SecretString::from),
            read: read.map(SecretString::from),
            metrics: metrics.map(SecretString::from),
        }
    }

    #[test]
    fn accepts_only_the_whole_token() {
        let tokens = tokens(Some("s3cret"), None, None);
        assert!(tokens.open(Scope::Read, b"s3cret"));
        for wrong in ["", "s3cre", "s3cret ", "S3cret"] {
            assert!(!tokens.open(Scope::Read, wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn an_empty_token_matches_nothing_and_guards_all_the_same() {
        let tokens = tokens(Some(""), None, None);
        assert!(tokens.guard(Scope::Read) && !tokens.open(Scope::Read, b""));
    }

    #[test]
    fn each_token_opens_its_scope() {
        let all = tokens(Some("operator"), Some("read"), Some("metrics"));
        for (token, reads) in [("operator", true), ("read", true), ("metrics", false), ("other", false)] {
            assert_eq!(all.open(Scope::Read, token.as_bytes()), reads, "{token}");
            assert_eq!(all.open(Scope::Metrics, token.as_bytes()), token != "other", "{token}");
            assert_eq!(all.know(token.as_bytes()), token != "other", "{token}");
        }
    }

    #[test]
    fn a_scope_is_guarded_by_the_tokens_that_open_it() {
        for (tokens, read, metrics) in [
            (tokens(None, None, None), false, false),
            (tokens(None, None, Some("m")), false, true),
            (tokens(None, Some("r"), None), true, true),
            (tokens(Some("o"), None, None), true, true),
        ] {
            assert_eq!((tokens.guard(Scope::Read), tokens.guard(Scope::Metrics)), (read, metrics));
        }
    }
}
