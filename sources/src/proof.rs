//! Whether something comes from somebody who knows a secret. All comparing takes the same time, whatever is wrong.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Bytes that SHA-256 takes at once.
const BLOCK: usize = 64;

/// Whether `signature` is the HMAC-SHA256 (RFC 2104) of `message` under `secret`.
#[must_use]
pub fn is_signed(secret: &SecretString, message: &[u8], signature: &[u8]) -> bool {
    hmac(secret.expose_secret().as_bytes(), message).as_slice().ct_eq(signature).into()
}

/// Whether `told` is `secret`. Their hashes are compared, so that not even a length is told.
#[must_use]
pub fn is_same(secret: &SecretString, told: &SecretString) -> bool {
    let hash = |text: &SecretString| <[u8; 32]>::from(Sha256::digest(text.expose_secret()));
    hash(secret).ct_eq(&hash(told)).into()
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let hashed = <[u8; 32]>::from(Sha256::digest(key));
    let key = if key.len() > BLOCK { &hashed } else { key };
    let pad = |with: u8| {
        let mut pad = [with; BLOCK];
        pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        pad
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// RFC 4231, test cases 2, 3 and 7: a short key, bytes beyond text, a key longer than a block.
    #[test]
    fn codes_are_those_of_the_standard() {
        let long = "This is a test using a larger than block-size key and a larger than block-size data. The key needs \
                    to be hashed before being used by the HMAC algorithm.";
        let cases: [(&[u8], &[u8], &str); 3] = [
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&[0xaa; 131], long.as_bytes(), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        ];
        for (key, message, code) in cases {
            assert_eq!(hmac(key, message).to_vec(), bytes(code));
        }
    }

    #[test]
    fn only_the_right_signature_is_taken() {
        let secret = SecretString::from("Jefe");
        let message = b"what do ya want for nothing?".as_slice();
        let good = bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(is_signed(&secret, message, &good));
        for bit in 0..256 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_signed(&secret, message, &bad), "bit {bit}");
        }
        for short in [&good[..0], &good[..31], &[good.as_slice(), &[0]].concat()] {
            assert!(!is_signed(&secret, message, short));
        }
        assert!(!is_signed(&SecretString::from("jefe"), message, &good));
        assert!(!is_signed(&secret, b"", &good));
    }

    #[test]
    fn only_the_same_secret_is_the_same() {
        let secret = SecretString::from("s3cret");
        assert!(is_same(&secret, &SecretString::from("s3cret")));
        for other in ["", "s3cre", "s3cret ", "S3cret", "s3creu"] {
            assert!(!is_same(&secret, &SecretString::from(other)), "{other}");
        }
    }
}
