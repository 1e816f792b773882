//! Removes personal data and secrets from a vendor's text before it enters a log or an error.

/// The most characters that the function returns.
const MAX_CHARS: usize = 200;
/// A word of letters and digits at least this long may be a credential or an id.
const MIN_TOKEN_CHARS: usize = 16;
/// A group of at least this many digits may be a phone number or an identity card.
const MIN_NUMBER_DIGITS: usize = 6;

/// `text` on one line with `…` in place of each credential, address, e-mail address and long number; at most 200
/// characters.
#[must_use]
pub fn redact(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).map(mask_word).collect();
    // The text is cut after the masking, so that no half of a number remains at the end.
    mask_numbers(&words.join(" ")).chars().take(MAX_CHARS).collect()
}

/// `word`, or `…` where it may be a credential, an e-mail address or a (signed) URL.
fn mask_word(word: &str) -> &str {
    let any = |test: fn(char) -> bool| word.chars().any(test);
    let is_long = word.chars().count() >= MIN_TOKEN_CHARS;
    // A question mark inside a word starts a query, which may hold a signature; at the end it is punctuation.
    let is_address = word.contains('@') || word.contains("://") || word.trim_end_matches('?').contains('?');
    if is_address || is_long && any(char::is_alphabetic) && any(char::is_numeric) { "…" } else { word }
}

/// Masks groups of digits, also across the separators that people write between them: `+57 (300) 111-2233`.
fn mask_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut group = String::new();
    for character in text.chars() {
        let joins = !group.is_empty() && matches!(character, ' ' | '-' | '.' | '(' | ')' | '/');
        if character.is_numeric() || joins {
            group.push(character);
        } else {
            push_group(&mut kept, &mut group);
            kept.push(character);
        }
    }
    push_group(&mut kept, &mut group);
    kept
}

/// Moves `group` to the end of `kept`, its digits masked where there are many.
fn push_group(kept: &mut String, group: &mut String) {
    let digits = group.trim_end_matches(|character: char| !character.is_numeric());
    if digits.chars().filter(|character| character.is_numeric()).count() < MIN_NUMBER_DIGITS {
        kept.push_str(group);
    } else {
        kept.push('…');
        kept.extend(group.strip_prefix(digits));
    }
    group.clear();
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn masks_personal_data_and_signatures() {
        let cases = [
            ("12345 rows", "12345 rows"),
            ("123456 rows", "… rows"),
            ("call 300 555 0101 now", "call … now"),
            ("(300) 555-0101.", "(…."),
            ("two  blanks\nand\ta line\u{0}", "two blanks and a line"),
            ("<maria@correo.example>, hello", "… hello"),
            ("eyJhbGciOiJIUzI1NiJ9 is it", "… is it"),
            ("INTERNATIONALISATION is none", "INTERNATIONALISATION is none"),
            ("٣٠٠٥٥٥٠١٠١", "…"),
            ("PER TOKEN (2)", "PER TOKEN (2)"),
            ("bot 6a41cee6fbfda88b1060d653 unknown", "bot … unknown"),
            ("see https://a/b?c=d now", "see … now"),
            ("see https://files.example/day now", "see … now"),
            ("file.json?Signature=abcdefgh", "…"),
            ("what ? is it so?", "what ? is it so?"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text), expected, "{text}");
        }
        assert_eq!(redact(&"word ".repeat(100)).chars().count(), 200);
        // Half a number at the cut is masked as well.
        let edge = format!("{} 3005550101", "a".repeat(196));
        assert!(!redact(&edge).contains("300"));
    }
}
