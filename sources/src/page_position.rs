//! The position of a page within a list, and how many rows the page may have.

use domain::source::Cursor;

/// Separates the number of rows from the vendor's own name of the position. It is no character that a vendor sends there.
const SEPARATOR: char = '\u{1f}';
/// A page that was too large is read again with a quarter of its rows.
const SHARE: u16 = 4;

/// A page. Its rows are fewer than usual if a page at that position, or an earlier one of the same list, was too large.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PagePosition {
    /// The vendor's name of the position; `None` at the beginning of the list.
    pub start: Option<String>,
    /// The most rows of the page; `None` for as many as usual.
    pub rows: Option<u16>,
}

impl PagePosition {
    /// The position that `cursor` names.
    pub fn of(cursor: Option<&Cursor>) -> Self {
        let Some(Cursor(text)) = cursor else { return Self::default() };
        let cut = text.strip_prefix(SEPARATOR).and_then(|rest| rest.split_once(SEPARATOR));
        match cut.and_then(|(rows, start)| Some((rows.parse().ok()?, start))) {
            Some((rows, start)) => {
                Self { start: (!start.is_empty()).then(|| start.to_owned()), rows: Some(std::cmp::max(rows, 1)) }
            }
            None => Self { start: Some(text.clone()), rows: None },
        }
    }

    /// The page at `start`, with as many rows as this one.
    pub fn next(&self, start: String) -> Self {
        Self { start: Some(start), rows: self.rows }
    }

    /// The same position with fewer rows than now; `usual` is how many a page has that was not cut. `None` if the page has a
    /// single row already.
    pub fn with_fewer_rows(&self, usual: u16) -> Option<Self> {
        let rows = self.rows.unwrap_or(usual);
        (rows > 1).then(|| Self { start: self.start.clone(), rows: Some((rows / SHARE).max(1)) })
    }

    /// The position as a cursor.
    pub fn to_cursor(&self) -> Cursor {
        let start = self.start.as_deref().unwrap_or_default();
        Cursor(self.rows.map_or_else(|| start.to_owned(), |rows| format!("{SEPARATOR}{rows}{SEPARATOR}{start}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_survives_its_cursor(start in prop::option::of("[a-z0-9%.&=é]{1,9}"), rows in prop::option::of(1_u16..)) {
            let position = PagePosition { start, rows };
            if position == PagePosition::default() {
                return Ok(());
            }
            prop_assert_eq!(PagePosition::of(Some(&position.to_cursor())), position);
        }

        /// Cutting ends at a page of one row, after a few requests.
        #[test]
        fn pages_are_cut_to_a_single_row(usual: u16) {
            let mut position = PagePosition::default();
            for _ in 0..9 {
                let Some(fewer) = position.with_fewer_rows(usual) else {
                    prop_assert!(position.rows.unwrap_or(usual) <= 1);
                    return Ok(());
                };
                prop_assert!(fewer.rows.unwrap() < position.rows.unwrap_or(usual));
                position = fewer;
            }
            prop_assert!(false, "{position:?}");
        }
    }
}
