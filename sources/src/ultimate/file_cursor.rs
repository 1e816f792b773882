//! The cursor within a day: its files, and the next one to read.

use domain::fault::Fault;
use domain::source::Cursor;
use serde::{Deserialize, Serialize};

/// The files of a day, and how many were read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCursor {
    /// The signed URLs, which expire.
    pub urls: Vec<String>,
    /// The index of the next file.
    pub next: usize,
    /// Whether the URLs are from a second list, which the source requested because a URL of the first had expired.
    pub fresh: bool,
    /// Whether the source must request the second list. The URLs are then without their signatures.
    #[serde(default)]
    pub again: bool,
}

impl FileCursor {
    /// Parses a cursor; `None` at the beginning of a day.
    ///
    /// # Errors
    /// [`Fault::Refused`] where the text is not such a cursor.
    pub fn parse(cursor: Option<&Cursor>) -> Result<Option<Self>, Fault> {
        let Some(Cursor(text)) = cursor else { return Ok(None) };
        let files: Option<Self> = serde_json::from_str(text).ok();
        let files = files.filter(|files| files.next < files.urls.len());
        files.map(Some).ok_or_else(|| Fault::Refused("this is not a cursor of Ultimate".to_owned()))
    }

    /// The cursor as text.
    pub fn to_cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(self).unwrap_or_default())
    }
}
