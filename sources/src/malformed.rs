//! The fault of a response that cannot be parsed.

use domain::fault::Fault;

/// A response that cannot be parsed. `why` must quote nothing of the response: it may contain personal data.
pub fn malformed(why: impl Into<String>) -> Fault {
    Fault::Malformed(why.into())
}
