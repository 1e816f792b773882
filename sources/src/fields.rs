//! The members of a JSON object by the table's columns, borrowed from the text.
//!
//! Vendors spell a column in several ways, so names are compared without case and without blanks around them.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The spellings of every column of a record.
#[derive(Debug)]
pub struct ColumnNames {
    /// By length, because few spellings have the same length.
    by_length: Vec<Vec<Spelling>>,
    columns: usize,
}

#[derive(Debug)]
struct Spelling {
    text: &'static str,
    column: usize,
    /// The place among the column's spellings; 0 is the documented one.
    rank: u8,
}

/// A kind of object that a vendor sends.
pub trait Record {
    /// The spellings of its columns.
    fn names() -> &'static ColumnNames;
}

/// The members of one `R`.
pub struct Fields<'a, R> {
    columns: Vec<Option<Field<'a>>>,
    /// Members without a column, and the second of two members for one column; in the order of the text.
    pub extra: Vec<(Cow<'a, str>, &'a RawValue)>,
    record: PhantomData<fn() -> R>,
}

struct Field<'a> {
    /// The smaller, the closer to the documented spelling.
    rank: u8,
    name: Cow<'a, str>,
    value: &'a RawValue,
}

impl ColumnNames {
    /// The spellings of each column, the documented one first.
    #[must_use]
    pub fn new<'n>(columns: impl IntoIterator<Item = &'n [&'static str]>) -> Self {
        let mut names = Self { by_length: Vec::new(), columns: 0 };
        for (column, spellings) in columns.into_iter().enumerate() {
            names.columns += 1;
            for (rank, text) in (0..).zip(spellings) {
                if names.by_length.len() <= text.len() {
                    names.by_length.resize_with(text.len() + 1, Vec::new);
                }
                names.by_length[text.len()].push(Spelling { text, column, rank });
            }
        }
        names
    }

    /// The column called `name`, and how far `name` is from the documented spelling.
    fn find(&self, name: &str) -> Option<(usize, u8)> {
        let name = name.trim();
        let spellings = self.by_length.get(name.len())?;
        // Most names come exactly as documented.
        if let Some(found) = spellings.iter().find(|spelling| spelling.text == name) {
            return Some((found.column, found.rank * 2));
        }
        let found = spellings.iter().find(|spelling| spelling.text.eq_ignore_ascii_case(name))?;
        Some((found.column, found.rank * 2 + 1))
    }
}

impl<'a, R> Fields<'a, R> {
    /// The value of `column`; `None` where it is absent or `null`.
    #[must_use]
    pub fn get(&self, column: usize) -> Option<&'a RawValue> {
        let field = self.columns.get(column)?.as_ref()?;
        Some(field.value).filter(|value| value.get() != "null")
    }

    /// Adds a member. Of two members for one column the one closer to the documented spelling wins, else the later one.
    fn add(&mut self, names: &ColumnNames, name: Cow<'a, str>, value: &'a RawValue) {
        let Some((column, rank)) = names.find(&name) else {
            self.extra.push((name, value));
            return;
        };
        let Some(slot) = self.columns.get_mut(column) else { return };
        let field = Field { rank, name, value };
        let loser = match slot {
            Some(known) if known.rank < rank => Some(field),
            _ => slot.replace(field),
        };
        self.extra.extend(loser.map(|loser| (loser.name, loser.value)));
    }
}

impl<R> fmt::Debug for Fields<'_, R> {
    /// Without the values, which may be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

impl<'de: 'a, 'a, R: Record> Deserialize<'de> for Fields<'a, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor<R>(PhantomData<fn() -> R>);

        impl<'de, R: Record> Visitor<'de> for MembersVisitor<R> {
            type Value = Fields<'de, R>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let names = R::names();
                let columns = std::iter::repeat_with(|| None).take(names.columns).collect();
                let mut fields = Fields { columns, extra: Vec::new(), record: PhantomData };
                while let Some(MemberName(name)) = map.next_key()? {
                    fields.add(names, name, map.next_value()?);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

/// The name of a member, borrowed where it has no escapes.
struct MemberName<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for MemberName<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = MemberName<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(MemberName(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(MemberName(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    struct Pair;

    impl Record for Pair {
        fn names() -> &'static ColumnNames {
            static NAMES: LazyLock<ColumnNames> = LazyLock::new(|| {
                let columns: [&[&str]; 2] = [&["conversationId"], &["data", "datum"]];
                ColumnNames::new(columns)
            });
            &NAMES
        }
    }

    /// The two columns, and the rest.
    fn read(text: &str) -> (Option<&str>, Option<&str>, Vec<(String, &str)>) {
        let fields: Fields<'_, Pair> = serde_json::from_str(text).unwrap();
        let value = |column| fields.get(column).map(RawValue::get);
        let extra = fields.extra.iter().map(|(name, value)| (name.to_string(), value.get())).collect();
        (value(0), value(1), extra)
    }

    #[test]
    fn finds_a_column_in_any_spelling() {
        for name in ["conversationId", "CONVERSATIONID", "conversationid", " conversationId ", "c\\u006fnversationId"] {
            assert_eq!(read(&format!("{{\"{name}\": [1, 2]}}")), (Some("[1, 2]"), None, vec![]), "{name}");
        }
        assert_eq!(read(r#"{"DATUM":"x"}"#), (None, Some("\"x\""), vec![]));
        assert_eq!(read(r#"{"data":null}"#), (None, None, vec![]));
        assert_eq!(read("{}"), (None, None, vec![]));
    }

    #[test]
    fn keeps_members_without_a_column_in_order() {
        let extra = vec![("z".to_owned(), "1"), ("dat".to_owned(), "{}"), ("É\n".to_owned(), "null")];
        assert_eq!(read(r#"{"z":1,"data":2,"dat":{},"É\n":null}"#), (None, Some("2"), extra));
    }

    #[test]
    fn prefers_the_documented_spelling_and_keeps_the_other_value() {
        let kept = |name: &str| vec![(name.to_owned(), "2")];
        let cases = [
            (r#"{"data":1,"DATA":2}"#, "DATA"),
            (r#"{"DATA":2,"data":1}"#, "DATA"),
            (r#"{"datum":2,"DATA":1}"#, "datum"),
            (r#"{"DATA":1,"datum":2}"#, "datum"),
            (r#"{"data":2,"data":1}"#, "data"),
            (r#"{"Data":2,"DATA":1}"#, "Data"),
        ];
        for (text, other) in cases {
            assert_eq!(read(text), (None, Some("1"), kept(other)), "{text}");
        }
    }

    #[test]
    fn borrows_the_values() {
        let text = r#"{"data":{"a": "\u00e9"}}"#.to_owned();
        let fields: Fields<'_, Pair> = serde_json::from_str(&text).unwrap();
        let value = fields.get(1).unwrap().get();
        assert!(text.as_bytes().as_ptr_range().contains(&value.as_ptr()));
        assert!(!format!("{fields:?}").contains('a'.to_string().repeat(2).as_str()));
    }

    #[test]
    fn rejects_everything_but_objects() {
        for text in ["[]", "5", "\"x\"", "null", "[{}]"] {
            assert!(serde_json::from_str::<Fields<'_, Pair>>(text).is_err(), "{text}");
        }
    }
}
