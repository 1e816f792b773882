//! What may stand before a body: a byte order mark and blanks; and the HTML page that some servers send instead.

use crate::malformed::malformed;
use domain::fault::Fault;

/// The byte order mark of UTF-8, which some editors and scripts write first.
pub const BOM: &[u8] = b"\xEF\xBB\xBF";
/// The message for an HTML page under the status 200.
const HTML: &str = "HTML page instead of JSON";

/// Watches a body that comes in chunks for its first character.
#[derive(Debug, Default)]
pub struct Preamble {
    first: Option<u8>,
}

impl Preamble {
    /// Looks for the first character in the next chunk.
    ///
    /// # Errors
    /// [`Fault::Malformed`] where the body is an HTML page.
    pub fn check(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        if self.first.is_none() {
            self.first = chunk.iter().find(|byte| !b" \r\n\t\xEF\xBB\xBF".contains(byte)).copied();
        }
        if self.first == Some(b'<') { Err(malformed(HTML)) } else { Ok(()) }
    }
}

/// The text of a whole JSON body, without byte order mark and surrounding blanks.
///
/// # Errors
/// [`Fault::Malformed`] where the body is not UTF-8, or an HTML page.
pub fn json_text(body: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("bytes that are not UTF-8"))?;
    let text = trim(text);
    if is_html(text) { Err(malformed(HTML)) } else { Ok(text) }
}

/// `text` without byte order mark and surrounding blanks.
pub fn trim(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Whether a trimmed text is a page for a browser.
pub fn is_html(text: &str) -> bool {
    text.starts_with('<')
}
