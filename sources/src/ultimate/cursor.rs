//! Where one is within a day: which of its files is next.

use domain::fault::Fault;
use domain::source::Cursor;
use serde::{Deserialize, Serialize};

/// A day's files, and how far one is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Their signed addresses, which are good for a time.
    pub urls: Vec<String>,
    /// The next one.
    pub next: usize,
    /// Whether these are the second list, asked for because an address of the first was refused.
    pub fresh: bool,
    /// Whether the second list is to be asked for; `urls` are then the first one's, without what signs them.
    #[serde(default)]
    pub again: bool,
}

impl Files {
    /// What `cursor` says; `None` at the beginning of a day.
    ///
    /// # Errors
    /// [`Fault::Refused`] where it says something else.
    pub fn read(cursor: Option<&Cursor>) -> Result<Option<Self>, Fault> {
        let Some(Cursor(text)) = cursor else { return Ok(None) };
        let files: Option<Self> = serde_json::from_str(text).ok();
        let files = files.filter(|files| files.next < files.urls.len());
        files.map(Some).ok_or_else(|| Fault::Refused("a cursor that is none of this vendor's".to_owned()))
    }

    /// As it is handed on.
    pub fn cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(self).unwrap_or_default())
    }
}
