//! Instants inside JSON that is kept as it came. The vendor writes one instant in three ways, by answer: without this, a
//! row would look changed that says the same.

use crate::json::Json;
use crate::moment::instant;
use crate::record::text;
use chrono::SecondsFormat;

/// `value` with every instant under a name that ends in `_at` written in one way.
pub fn settled(value: Json) -> Json {
    match value {
        Json::List(items) => Json::List(items.into_iter().map(settled).collect()),
        Json::Object(members) => {
            let member = |(name, value): (String, Json)| {
                let at = text(&value).filter(|_| name.ends_with("_at")).and_then(|text| instant(&text));
                let value = match at {
                    Some(at) => Json::Text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
                    None => settled(value),
                };
                (name, value)
            };
            Json::Object(members.into_iter().map(member).collect())
        }
        other => other,
    }
}
