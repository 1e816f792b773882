//! A window or an id → the request for it.

use super::Truora;
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use domain::fault::Fault;
use domain::source::{Cursor, Request};
use domain::want::Slice;
use domain::window::Window;
use secrecy::ExposeSecret;

/// Rows of a page. How many the vendor permits is not said.
pub const ROWS: usize = 100;
/// The longest id, and the longest `start_key`.
const LONGEST: (usize, usize) = (64, 2048);

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A page of the list of processes that began in a window.
    List {
        /// The window.
        window: Window,
        /// Where the page begins, as the page before has written it.
        start: Option<String>,
    },
    /// One process.
    Process(String),
}

impl Question {
    /// What `slice` asks after a step that named `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Err(Fault::Refused(why.to_owned()));
        match (slice, cursor) {
            (Slice::Window(window), cursor) => {
                let start = cursor.map(|cursor| cursor.0.clone());
                if start.as_deref().is_some_and(|start| !is_key(start)) {
                    return refused("Truora has nothing to go on with");
                }
                Ok(Self::List { window: *window, start })
            }
            (Slice::Key(id), None) if is_id(id) => Ok(Self::Process(id.clone())),
            (Slice::Key(_), None) => refused("this is no id of a process of Truora's"),
            (Slice::Key(_), Some(_)) => refused("Truora tells a process at once"),
            (Slice::Export(_) | Slice::Part(..) | Slice::Delivery(_), _) => {
                refused("Truora is asked by windows of time and by ids only")
            }
        }
    }
}

/// Whether `text` can be an id: it stands in an address, as it is, because no such letter has to be encoded there.
pub fn is_id(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=LONGEST.0).contains(&text.len()) && text.bytes().all(is_sign)
}

/// Whether `text` can be sent back as `start_key`, to the letter.
pub fn is_key(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%+=:/,|!*'();@$".contains(&byte);
    (1..=LONGEST.1).contains(&text.len()) && text.bytes().all(is_sign)
}

/// Asks `question`.
pub fn request(account: &Truora, question: &Question) -> Request {
    let base = &account.base;
    let url = match question {
        Question::Process(id) => format!("{base}/v1/processes/{id}/result"),
        Question::List { window, start } => {
            let (from, to) = (written(window.from()), written(up(window.to())));
            let start = start.as_ref().map(|start| format!("&start_key={start}")).unwrap_or_default();
            format!("{base}/v1/processes?page_size={ROWS}&start_date={from}&end_date={to}{start}")
        }
    };
    Request::get(url, vec![("Truora-API-Key".to_owned(), account.token.expose_secret().into())])
}

/// To the second: windows are cut there.
fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn up(at: DateTime<Utc>) -> DateTime<Utc> {
    let second = at.trunc_subsecs(0);
    if second == at { at } else { second + TimeDelta::seconds(1) }
}
