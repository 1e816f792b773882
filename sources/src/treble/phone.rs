//! Phones, by which sessions, events and reports are matched.

use crate::record::Members;

/// "Match phones on the last 10 digits": Mexican numbers may gain a 1.
const TAIL: usize = 10;

/// The digits of the country's code and the number in `user`.
pub fn digits(user: &Members) -> Option<String> {
    let number = user.text("cellphone")?;
    digits_of(&format!("{}{number}", user.text("country_code").unwrap_or_default()))
}

/// The digits of a phone that is written with its country's code.
pub fn digits_of(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

/// Its last ten digits.
pub fn tail(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(TAIL)..).unwrap_or(digits)
}
