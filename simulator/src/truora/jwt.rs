//! JSON web tokens: HS256, and what is no HS256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of SHA-256's blocks.
const BLOCK: usize = 64;

/// `claims`, signed with `secret`.
pub(super) fn signed(claims: &Value, secret: &str) -> String {
    let head = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), claims);
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret.as_bytes(), head.as_bytes()));
    format!("{head}.{signature}")
}

/// `claims` under the algorithm `none`, without a signature.
pub(super) fn of_no_algorithm(claims: &Value) -> String {
    format!("{}.", unsigned(&json!({"alg": "none", "typ": "JWT"}), claims))
}

/// `claims` under a signature that is right but for one bit.
pub(super) fn badly_signed(claims: &Value, secret: &str) -> String {
    let head = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), claims);
    let mut signature = hmac(secret.as_bytes(), head.as_bytes());
    signature[31] ^= 1;
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `claims` under the signature of other claims.
pub(super) fn transplanted(claims: &Value, others: &Value, secret: &str) -> String {
    let head = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), claims);
    let other = signed(others, secret);
    format!("{head}.{}", other.rsplit('.').next().unwrap_or_default())
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// HMAC as RFC 2104 has it, with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5C)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{hmac, unsigned};
    use serde_json::json;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// The test cases 1, 2 and 6 of RFC 4231.
    #[test]
    fn the_hmac_is_that_of_the_rfc() {
        let table: [(&[u8], &[u8], &str); 3] = [
            (&[0x0B; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xAA; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in table {
            assert_eq!(hex(&hmac(key, message)), expected);
        }
    }

    #[test]
    fn a_header_is_written_as_everybody_writes_it() {
        let head = unsigned(&json!({"alg": "HS256", "typ": "JWT"}), &json!({}));
        assert_eq!(head, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30");
    }
}
