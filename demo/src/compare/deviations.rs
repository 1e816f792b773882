//! Where a stored row deviates from what its vendor writes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// What a row holds beyond its columns, or in a form in which its vendor does not write it; by column. The vendor's own
/// rows have none, so that a deviation makes a row differ.
#[derive(Default)]
pub struct Deviations(Map<String, Value>);

impl Deviations {
    /// The members of a row's `extra`, but not the undocumented ones: simulated vendors send them, and they mean nothing.
    pub fn new(extra: &Value, is_undocumented: impl Fn(&str) -> bool) -> Self {
        let mut found = Self::default();
        found.add_extra(extra, is_undocumented);
        found
    }

    /// Adds the members of another `extra`, as [`Deviations::new`] does.
    pub fn add_extra(&mut self, extra: &Value, is_undocumented: impl Fn(&str) -> bool) {
        let members = extra.as_object().into_iter().flatten().filter(|(name, _)| !is_undocumented(name));
        self.0.extend(members.map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Adds those of another row.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Notes a value in `column`.
    pub fn add(&mut self, column: &str, value: Value) {
        self.0.insert(column.to_owned(), value);
    }

    /// Notes the value of a column that must be empty.
    pub fn expect_absent(&mut self, column: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.add(column, json!(value));
        }
    }

    /// A nested value; an absent one is empty, as in a file's cell.
    pub fn read<T: DeserializeOwned + Default>(&mut self, column: &str, value: Option<Value>) -> T {
        let Some(value) = value else { return T::default() };
        serde_json::from_value(value).unwrap_or_else(|error| {
            self.add(column, json!(error.to_string()));
            T::default()
        })
    }

    /// An id that vendors write as a number.
    pub fn id(&mut self, column: &str, text: Option<&str>) -> Option<u64> {
        let id = text?.parse().ok();
        if id.is_none() {
            self.add(column, json!(text));
        }
        id
    }

    /// An id that every row must have.
    pub fn required_id(&mut self, column: &str, text: Option<&str>) -> u64 {
        self.id(column, text).unwrap_or_else(|| {
            self.add(column, json!(text));
            0
        })
    }

    /// A boolean that every row must have.
    pub fn boolean(&mut self, column: &str, value: Option<bool>) -> bool {
        value.unwrap_or_else(|| {
            self.add(column, Value::Null);
            false
        })
    }

    /// All of them, as an object.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}
