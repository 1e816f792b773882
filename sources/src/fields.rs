//! An object's values by the names of its columns, as they are written and without copying them.
//!
//! Vendors spell the name of one column in many ways, so names are compared without case and without blanks around them.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The names that columns go by.
#[derive(Debug)]
pub struct Names {
    /// By the length of the name: few names have one length.
    by_length: Vec<Vec<Name>>,
    columns: usize,
}

#[derive(Debug)]
struct Name {
    written: &'static str,
    column: usize,
    /// Which of the column's names it is.
    choice: u8,
}

/// Something that has columns.
pub trait Record {
    /// Their names.
    fn names() -> &'static Names;
}

/// The values of one `R`.
pub struct Fields<'a, R> {
    columns: Vec<Option<Field<'a>>>,
    /// What belongs to no column, or came a second time; in the order in which it came.
    pub extra: Vec<(Cow<'a, str>, &'a RawValue)>,
    record: PhantomData<fn() -> R>,
}

struct Field<'a> {
    /// The lower, the nearer to the documented spelling.
    rank: u8,
    name: Cow<'a, str>,
    value: &'a RawValue,
}

impl Names {
    /// The names of each column, the preferred one first.
    #[must_use]
    pub fn new<'n>(columns: impl IntoIterator<Item = &'n [&'static str]>) -> Self {
        let mut names = Self { by_length: Vec::new(), columns: 0 };
        for (column, spellings) in columns.into_iter().enumerate() {
            names.columns += 1;
            for (choice, written) in (0..).zip(spellings) {
                if names.by_length.len() <= written.len() {
                    names.by_length.resize_with(written.len() + 1, Vec::new);
                }
                names.by_length[written.len()].push(Name { written, column, choice });
            }
        }
        names
    }

    /// The column that is called `name`, and how far that is from its documented spelling.
    fn find(&self, name: &str) -> Option<(usize, u8)> {
        let name = name.trim();
        let known = self.by_length.get(name.len())?;
        // Most come as they are documented.
        if let Some(known) = known.iter().find(|known| known.written == name) {
            return Some((known.column, known.choice * 2));
        }
        let known = known.iter().find(|known| known.written.eq_ignore_ascii_case(name))?;
        Some((known.column, known.choice * 2 + 1))
    }
}

impl<'a, R> Fields<'a, R> {
    /// What is written in `column`; nothing where it says `null`.
    #[must_use]
    pub fn get(&self, column: usize) -> Option<&'a RawValue> {
        let field = self.columns.get(column)?.as_ref()?;
        Some(field.value).filter(|value| value.get() != "null")
    }

    /// Of two values for one column the one whose name is nearer to the documented one is taken, else the later one.
    fn put(&mut self, names: &Names, name: Cow<'a, str>, value: &'a RawValue) {
        let Some((column, rank)) = names.find(&name) else {
            self.extra.push((name, value));
            return;
        };
        let Some(place) = self.columns.get_mut(column) else { return };
        let field = Field { rank, name, value };
        let other = match place {
            Some(known) if known.rank < rank => Some(field),
            _ => place.replace(field),
        };
        self.extra.extend(other.map(|other| (other.name, other.value)));
    }
}

impl<R> fmt::Debug for Fields<'_, R> {
    /// Values may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

impl<'de: 'a, 'a, R: Record> Deserialize<'de> for Fields<'a, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<R>(PhantomData<fn() -> R>);

        impl<'de, R: Record> Visitor<'de> for Members<R> {
            type Value = Fields<'de, R>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let names = R::names();
                let columns = std::iter::repeat_with(|| None).take(names.columns).collect();
                let mut fields = Fields { columns, extra: Vec::new(), record: PhantomData };
                while let Some(Written(name)) = map.next_key()? {
                    fields.put(names, name, map.next_value()?);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// A name, borrowed where it is written without escapes.
struct Written<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Written<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Written<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Written(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Written(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    struct Pair;

    impl Record for Pair {
        fn names() -> &'static Names {
            static NAMES: LazyLock<Names> = LazyLock::new(|| {
                let columns: [&[&str]; 2] = [&["conversationId"], &["data", "datum"]];
                Names::new(columns)
            });
            &NAMES
        }
    }

    /// Both columns, and what is left.
    fn read(text: &str) -> (Option<&str>, Option<&str>, Vec<(String, &str)>) {
        let fields: Fields<'_, Pair> = serde_json::from_str(text).unwrap();
        let value = |column| fields.get(column).map(RawValue::get);
        let extra = fields.extra.iter().map(|(name, value)| (name.to_string(), value.get())).collect();
        (value(0), value(1), extra)
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for name in ["conversationId", "CONVERSATIONID", "conversationid", " conversationId ", "c\\u006fnversationId"] {
            assert_eq!(read(&format!("{{\"{name}\": [1, 2]}}")), (Some("[1, 2]"), None, vec![]), "{name}");
        }
        assert_eq!(read(r#"{"DATUM":"x"}"#), (None, Some("\"x\""), vec![]));
        assert_eq!(read(r#"{"data":null}"#), (None, None, vec![]));
        assert_eq!(read("{}"), (None, None, vec![]));
    }

    #[test]
    fn what_has_no_column_is_kept_in_order() {
        let extra = vec![("z".to_owned(), "1"), ("dat".to_owned(), "{}"), ("É\n".to_owned(), "null")];
        assert_eq!(read(r#"{"z":1,"data":2,"dat":{},"É\n":null}"#), (None, Some("2"), extra));
    }

    #[test]
    fn of_two_the_documented_spelling_is_taken_and_the_other_kept() {
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
    fn values_are_borrowed() {
        let text = r#"{"data":{"a": "\u00e9"}}"#.to_owned();
        let fields: Fields<'_, Pair> = serde_json::from_str(&text).unwrap();
        let value = fields.get(1).unwrap().get();
        assert!(text.as_bytes().as_ptr_range().contains(&value.as_ptr()));
        assert!(!format!("{fields:?}").contains('a'.to_string().repeat(2).as_str()));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "5", "\"x\"", "null", "[{}]"] {
            assert!(serde_json::from_str::<Fields<'_, Pair>>(text).is_err(), "{text}");
        }
    }
}
