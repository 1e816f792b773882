//! The token's information: the daily quota, and how much of it all tokens of the operation have used today.

use super::Wolkvox;
use super::request::headers;
use crate::json::Json;
use crate::members::Members;
use domain::quota::QuotaReport;
use domain::source::{Request, ResponseHead};

/// `information.php?api=token_info`, of the collection "wolkvox APIs (ES)". "Calling it costs 1 unit".
pub fn request(account: &Wolkvox) -> Request {
    Request::get(format!("{}/api/v2/information.php?api=token_info", account.base), headers(account))
}

/// Reads `data[0]`, whose numbers are texts. Without a limit above 0 the vendor states no quota.
pub fn read(head: ResponseHead, body: &[u8]) -> Option<QuotaReport> {
    if head.status != 200 {
        return None;
    }
    let envelope = Members::of(Json::parse(std::str::from_utf8(body).ok()?.trim())?)?;
    if !matches!(envelope.text("code")?.as_str(), "200" | "0") {
        return None;
    }
    // A client in production also meets a single object instead of the list.
    let data = match envelope.get("data")? {
        Json::List(items) => items.first()?.clone(),
        object => object.clone(),
    };
    let data = Members::of(data)?;
    let number = |name: &str| data.text(name).and_then(|text| text.trim().parse::<u32>().ok());
    let used = number("all_token_today")?.max(number("token_use_today").unwrap_or(0));
    Some(QuotaReport { limit: number("token_limit").filter(|limit| *limit > 0)?, used })
}
