//! The secrets that prove an account's webhooks: the current one, and the previous one while the vendor still uses it.

use crate::settings::Settings;
use crate::signature::{secrets_match, verify_hmac};
use secrecy::{ExposeSecret, SecretString};

/// The setting of the current secret.
pub const CURRENT: &str = "webhook_secret";
/// The setting of the secret before it.
pub const PREVIOUS: &str = "webhook_secret_previous";
/// The fewest characters of a secret that cannot be guessed.
const MIN_LENGTH: usize = 16;

/// The secrets of one account; none where it takes no webhooks.
#[derive(Clone, Debug, Default)]
pub struct WebhookSecrets(Vec<SecretString>);

impl WebhookSecrets {
    /// Reads both settings by `read`. Problems go to `settings`.
    pub fn read<'a>(
        settings: &mut Settings<'a>,
        read: fn(&mut Settings<'a>, &str) -> Option<SecretString>,
    ) -> Option<Self> {
        let instead = |key: &str| format!("{key} = \"…\", some 32 random letters and digits");
        let mut secrets = Vec::new();
        let mut are_valid = true;
        for key in [CURRENT, PREVIOUS] {
            if settings.value(key).is_none() {
                continue;
            }
            match read(settings, key) {
                None => are_valid = false,
                Some(secret) if secret.expose_secret().chars().count() < MIN_LENGTH => {
                    let why = format!("has fewer than {MIN_LENGTH} characters, so that it can be guessed");
                    settings.refuse(key, why, instead(key));
                    are_valid = false;
                }
                Some(secret) => secrets.push(secret),
            }
        }
        if settings.value(CURRENT).is_none() && settings.value(PREVIOUS).is_some() {
            let why = format!("needs the secret that follows it in {CURRENT}");
            settings.refuse(PREVIOUS, why, instead(CURRENT));
            are_valid = false;
        }
        are_valid.then_some(Self(secrets))
    }

    /// Whether the account has no secret, and so takes no webhooks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `received` equals one of the secrets.
    #[must_use]
    pub fn contain(&self, received: &SecretString) -> bool {
        // Each one is compared, so that the time does not tell which one is right.
        self.0.iter().fold(false, |found, secret| found | secrets_match(secret, received))
    }

    /// Whether `signature` is the HMAC-SHA256 of `message` under one of the secrets.
    #[must_use]
    pub fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.iter().fold(false, |found, secret| found | verify_hmac(secret, message, signature))
    }
}
