//! What someone may have meant.

/// The candidate that takes the fewest typing mistakes to become `written`; case is no mistake.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let written = written.to_lowercase();
    candidates.into_iter().min_by_key(|candidate| mistakes(&written, &candidate.to_lowercase()))
}

/// Levenshtein's distance.
fn mistakes(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, one) in left.chars().enumerate() {
        let mut next = vec![at + 1];
        let mut left_of = at + 1;
        for ((above_left, above), other) in row.iter().zip(row.iter().skip(1)).zip(&right) {
            left_of = (above_left + usize::from(one != *other)).min(above + 1).min(left_of + 1);
            next.push(left_of);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        let cases =
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)];
        for (left, right, distance) in cases {
            assert_eq!(mistakes(left, right), distance, "{left} {right}");
            assert_eq!(mistakes(right, left), distance, "{right} {left}");
        }
    }

    #[test]
    fn the_nearest_is_found() {
        assert_eq!(nearest("intervall", ["source", "interval", "settle"]), Some("interval"));
        assert_eq!(nearest("america/bogota", ["America/Lima", "America/Bogota"]), Some("America/Bogota"));
        assert_eq!(nearest("cet", ["cst", "CET"]), Some("CET"), "case is no mistake");
        assert_eq!(nearest("x", []), None);
    }
}
