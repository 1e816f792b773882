//! Decodes the parts of a JSON web token.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// RFC 7515 leaves the padding out; some writers add it all the same.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes that `part` encodes; `None` where it is not base64url.
pub fn decode(part: &str) -> Option<Vec<u8>> {
    ENGINE.decode(part).ok()
}
