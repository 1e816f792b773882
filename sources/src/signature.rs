//! Verifies webhook signatures and shared secrets in constant time.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether `signature` is the HMAC-SHA256 (RFC 2104) of `message` under `secret`.
#[must_use]
pub fn verify_hmac(secret: &SecretString, message: &[u8], signature: &[u8]) -> bool {
    // A key may have any length.
    let code = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    code.is_ok_and(|code| code.chain_update(message).verify_slice(signature).is_ok())
}

/// Whether `received` equals `secret`. The function compares hashes, so that the time reveals not even the length.
#[must_use]
pub fn secrets_match(secret: &SecretString, received: &SecretString) -> bool {
    let hash = |text: &SecretString| <[u8; 32]>::from(Sha256::digest(text.expose_secret()));
    hash(secret).ct_eq(&hash(received)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 4231, test case 2.
    #[test]
    fn accepts_only_the_right_signature() {
        let secret = SecretString::from("Jefe");
        let message = b"what do ya want for nothing?".as_slice();
        let good = bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(verify_hmac(&secret, message, &good));
        for bit in 0..256 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify_hmac(&secret, message, &bad), "bit {bit}");
        }
        for wrong_length in [&good[..0], &good[..31], &[good.as_slice(), &[0]].concat()] {
            assert!(!verify_hmac(&secret, message, wrong_length));
        }
        assert!(!verify_hmac(&SecretString::from("jefe"), message, &good));
        assert!(!verify_hmac(&secret, b"", &good));
    }

    #[test]
    fn accepts_only_the_same_secret() {
        let secret = SecretString::from("s3cret");
        assert!(secrets_match(&secret, &SecretString::from("s3cret")));
        for other in ["", "s3cre", "s3cret ", "S3cret", "s3creu"] {
            assert!(!secrets_match(&secret, &SecretString::from(other)), "{other}");
        }
    }
}
