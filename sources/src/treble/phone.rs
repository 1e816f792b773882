//! Phone numbers, by which sessions, events and reports are matched.

use crate::members::Members;

/// "Match phones on the last 10 digits": Mexican numbers may gain a 1.
const TAIL_DIGITS: usize = 10;

/// The digits of the country code and the number in `user`.
pub fn digits(user: &Members) -> Option<String> {
    let number = user.text("cellphone")?;
    digits_of(&format!("{}{number}", user.text("country_code").unwrap_or_default()))
}

/// The digits of a phone number that includes the country code.
pub fn digits_of(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (!digits.is_empty()).then_some(digits)
}

/// The last ten digits.
pub fn tail(digits: &str) -> &str {
    digits.get(digits.len().saturating_sub(TAIL_DIGITS)..).unwrap_or(digits)
}
