//! The parameters of the list of processes. No document describes them, so each is a setting.

use crate::page_position::PagePosition;
use crate::settings::Settings;
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use domain::window::Window;

/// The query before its placeholders are filled. A public client sends `page_size`; the rest is a guess.
const QUERY: &str = "page_size={page_size}&start_date={from}&end_date={to}";
/// The rows of a page. No document says how many the vendor permits.
const PAGE_SIZE: u16 = 100;
/// The parameter by which `next` names the next page; a guess.
const NEXT_PARAMETER: &str = "start_key";
/// The placeholder of the rows of a page.
const PAGE_SIZE_PLACEHOLDER: &str = "{page_size}";
/// The placeholders of the query.
const PLACEHOLDERS: [&str; 5] = [PAGE_SIZE_PLACEHOLDER, "{from}", "{to}", "{from_seconds}", "{to_seconds}"];

/// How an account calls the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCall {
    query: String,
    /// The most rows of a page.
    pub page_size: u16,
    /// The parameter that names the next page.
    pub next_parameter: String,
}

impl ListCall {
    /// Reads the settings of the list. Problems go to `settings`.
    pub fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let (query, page_size, next_parameter) = (query(settings), page_size(settings), next_parameter(settings));
        Some(Self { query: query?, page_size: page_size?, next_parameter: next_parameter? })
    }

    /// Whether the call tells the vendor how many rows a page may have.
    pub fn has_page_size(&self) -> bool {
        self.query.contains(PAGE_SIZE_PLACEHOLDER)
    }

    /// The path and query of a page of `window`.
    pub fn path(&self, window: Window, page: &PagePosition) -> String {
        let (from, to) = (window.from(), round_up(window.to()));
        let values = [
            page.rows.unwrap_or(self.page_size).to_string(),
            to_seconds(from),
            to_seconds(to),
            from.timestamp().to_string(),
            to.timestamp().to_string(),
        ];
        let filled = PLACEHOLDERS.iter().zip(&values);
        let query = filled.fold(self.query.clone(), |query, (placeholder, value)| query.replace(placeholder, value));
        let next = page.start.as_ref().map(|start| format!("{}={start}", self.next_parameter));
        let query: Vec<_> = [Some(query).filter(|query| !query.is_empty()), next].into_iter().flatten().collect();
        if query.is_empty() { "/v1/processes".to_owned() } else { format!("/v1/processes?{}", query.join("&")) }
    }
}

fn query(settings: &mut Settings<'_>) -> Option<String> {
    match settings.value("list_query").map(|value| value.as_str().map(str::trim)) {
        None => return Some(QUERY.to_owned()),
        Some(Some("")) => return Some(String::new()),
        Some(_) => {}
    }
    let query = settings.text("list_query", QUERY)?;
    let instead = format!("list_query = \"{QUERY}\"");
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%+=&:,[]{}".contains(&byte);
    if !query.bytes().all(is_allowed) {
        return settings.wrong("list_query", "must have only characters of a query, without a ? at its start", instead);
    }
    let literal = PLACEHOLDERS.iter().fold(query.clone(), |query, placeholder| query.replace(placeholder, ""));
    if let Some(at) = literal.find(['{', '}']) {
        let end = literal[at..].find('}').map_or(literal.len(), |end| at + end + 1);
        let why = format!("{} is no placeholder; there are {}", &literal[at..end], PLACEHOLDERS.join(", "));
        return settings.wrong("list_query", why, instead);
    }
    Some(query)
}

fn page_size(settings: &mut Settings<'_>) -> Option<u16> {
    if settings.value("list_page_size").is_none() {
        return Some(PAGE_SIZE);
    }
    let size = settings.whole("list_page_size", u64::from(PAGE_SIZE))?;
    if size == 0 {
        return settings.wrong(
            "list_page_size",
            "a page must have at least one row",
            format!("list_page_size = {PAGE_SIZE}"),
        );
    }
    Some(size)
}

fn next_parameter(settings: &mut Settings<'_>) -> Option<String> {
    if settings.value("list_next_parameter").is_none() {
        return Some(NEXT_PARAMETER.to_owned());
    }
    let name = settings.text("list_next_parameter", NEXT_PARAMETER)?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.[]".contains(&byte)) {
        let instead = format!("list_next_parameter = \"{NEXT_PARAMETER}\"");
        return settings.wrong("list_next_parameter", "this is not the name of a parameter", instead);
    }
    Some(name)
}

/// `at` to the second.
fn to_seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The first whole second from `at` on.
fn round_up(at: DateTime<Utc>) -> DateTime<Utc> {
    let second = at.trunc_subsecs(0);
    if second == at { at } else { second + TimeDelta::seconds(1) }
}
