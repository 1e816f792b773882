//! Rewrites timestamps inside JSON. The vendor writes one instant in three ways, depending on the response; without this, a
//! row would look changed although it is not.

use crate::json::Json;
use crate::members::scalar_text;
use crate::timestamp;
use chrono::SecondsFormat;

/// `value` with every timestamp in RFC 3339, where the member's name ends in `_at`.
pub fn normalize_timestamps(value: Json) -> Json {
    match value {
        Json::List(items) => Json::List(items.into_iter().map(normalize_timestamps).collect()),
        Json::Object(members) => {
            let member = |(name, value): (String, Json)| {
                let text = scalar_text(&value).filter(|_| name.ends_with("_at"));
                let value = match text.and_then(|text| timestamp::parse(&text)) {
                    Some(at) => Json::Text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                    None => normalize_timestamps(value),
                };
                (name, value)
            };
            Json::Object(members.into_iter().map(member).collect())
        }
        other => other,
    }
}
