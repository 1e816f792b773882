//! Suggests the known word that is closest to a mistyped one.

/// The candidate with the smallest edit distance (Levenshtein) to `written`, ignoring case; the first one of equals.
pub fn suggest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    candidates.into_iter().min_by_key(|candidate| strsim::levenshtein(&written, &candidate.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_closest_candidate() {
        assert_eq!(suggest("intervall", ["source", "interval", "settle"]), Some("interval"));
        assert_eq!(suggest("america/bogota", ["America/Lima", "America/Bogota"]), Some("America/Bogota"));
        assert_eq!(suggest("cet", ["cst", "CET"]), Some("CET"), "case does not count");
        assert_eq!(suggest("x", []), None);
    }

    #[test]
    fn counts_single_letter_edits() {
        // One edit against two, at the start, in the middle and at the end; a swap of two letters counts as two edits.
        for (written, closest, other) in
            [("sitting", "kitting", "kitten"), ("flaw", "flow", "lawn"), ("ab", "abb", "ba"), ("", "a", "ab")]
        {
            assert_eq!(suggest(written, [other, closest]), Some(closest), "{written}");
        }
    }
}
