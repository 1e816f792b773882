//! What may be quoted of a vendor's words, which may name people, or repeat a credential.

use domain::fault::Fault;

/// The most characters that are quoted.
const QUOTED: usize = 200;
/// A word at least this long, of letters and digits, may be a credential or an id.
const TOKEN: usize = 16;
/// So many digits may be a phone number or someone's identity card.
const DIGITS: usize = 6;

/// `text` without what could be personal or secret.
#[must_use]
pub fn shown(text: &str) -> String {
    let words = text.split(|character: char| character.is_whitespace() || character.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).map(masked).collect();
    without_numbers(&words.join(" ")).chars().take(QUOTED).collect()
}

/// An answer that cannot be read. `why` never has a word of it: it may be someone's name.
pub fn malformed(why: &str) -> Fault {
    Fault::Malformed(why.to_owned())
}

/// A word, unless it may be a credential, a mail address, or an address that is signed.
fn masked(word: &str) -> &str {
    let has = |what: fn(char) -> bool| word.chars().any(what);
    let is_long = word.chars().count() >= TOKEN;
    // A question mark at the end asks; inside a word begins what may be a signature.
    let is_address = word.contains('@') || word.contains("://") || word.trim_end_matches('?').contains('?');
    if is_address || is_long && has(char::is_alphabetic) && has(char::is_numeric) { "…" } else { word }
}

/// Digits that belong together, also across the signs that people write between them: `+57 (300) 111-2233`.
fn without_numbers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut run = String::new();
    for character in text.chars() {
        let joins = !run.is_empty() && matches!(character, ' ' | '-' | '.' | '(' | ')' | '/');
        if character.is_numeric() || joins {
            run.push(character);
        } else {
            close(&mut run, &mut kept);
            kept.push(character);
        }
    }
    close(&mut run, &mut kept);
    kept
}

fn close(run: &mut String, kept: &mut String) {
    let digits = run.trim_end_matches(|character: char| !character.is_numeric());
    if digits.chars().filter(|character| character.is_numeric()).count() < DIGITS {
        kept.push_str(run);
    } else {
        kept.push('…');
        kept.extend(run.strip_prefix(digits));
    }
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn nothing_personal_and_no_signature_is_quoted() {
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
        for (said, quoted) in cases {
            assert_eq!(shown(said), quoted, "{said}");
        }
        assert_eq!(shown(&"word ".repeat(100)).chars().count(), 200);
        // Cut after masking: half a number must not slip through at the end.
        let edge = format!("{} 3005550101", "a".repeat(196));
        assert!(!shown(&edge).contains("300"));
    }
}
