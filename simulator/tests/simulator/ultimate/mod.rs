//! The simulated data export of Ultimate, by a client that follows the vendor's pages.

mod files;
mod reader;
mod rows;
mod rules;

use crate::{at, day, window};
use chrono::TimeDelta;
use domain::window::Window;
use reqwest::StatusCode;
use serde_json::{Value, json};
use simulator::SimulatedVendor;
use simulator::gateway::{Faults, Rule};
use simulator::ultimate::{
    BAD_LINK, Config, Conversation, FileFaults, KEY_SENT_TO_FILE_HOST, MALFORMED, OTHER_ORGANIZATION, TOO_OLD,
    Ultimate, Version,
};
use std::time::Duration;

const KEY: &str = "simulated-key";
const ORGANIZATION: &str = "64b1f0c2a9e14f0012345678";
const BOT: &str = "6a41cee6fbfda88b1060d653";
const OTHER_BOT: &str = "6a41cee6fbfda88b1060d654";

type Bench = crate::Bench<Ultimate>;

/// Wednesday 2026-08-12, one in the morning: the newest file is that of the 11th.
fn config() -> Config {
    Config { seed: 7, conversations_per_day: 40.0, latency: Duration::from_millis(1), ..Config::default() }
}

async fn bench(config: Config) -> Bench {
    Bench::start("2026-08-12T01:00:00Z", KEY, |clock| Ultimate::new(config, clock)).await
}

fn whole(text: &str) -> Window {
    Window::of_day(day(text), chrono_tz::Tz::UTC).unwrap()
}

impl Bench {
    fn call(&self, version: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}/data-export/{version}/get-signed-urls", self.serving.base());
        let request = self.client.post(url).header("organizationid", ORGANIZATION).header("botid", BOT);
        request.header("content-type", "application/json").body(body.to_string())
    }

    async fn list_of(&self, version: Version, day: &str) -> (StatusCode, String) {
        let version = if version == Version::V2 { "v2" } else { "v3" };
        let call = self.call(version, &json!({"date": day, "ttl": 10})).header("authorization", KEY);
        let response = call.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// The URLs of a day, whatever they are called.
    async fn urls(&self, version: Version, day: &str) -> Vec<String> {
        let (status, text) = self.list_of(version, day).await;
        assert_eq!(status, 200, "{text}");
        let list: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(list["date"], day);
        let key = ["urls", "signed_urls", "signedUrls"].into_iter().find(|key| list.get(*key).is_some()).unwrap();
        serde_json::from_value(list[key].clone()).unwrap()
    }

    async fn file(&self, url: &str) -> (StatusCode, Vec<u8>) {
        let response = self.client.get(url).send().await.unwrap();
        (response.status(), response.bytes().await.unwrap().to_vec())
    }

    /// All rows of a day, in the order in which they come.
    async fn rows(&self, version: Version, day: &str) -> Vec<Conversation> {
        let mut rows = Vec::new();
        for url in self.urls(version, day).await {
            let (status, bytes) = self.file(&url).await;
            assert_eq!(status, 200);
            rows.extend(reader::read(&bytes, version));
        }
        rows
    }

    /// What the vendor holds of a day, in `version`.
    fn held(&self, version: Version, day: &str) -> Vec<Conversation> {
        self.vendor.dataset(BOT, whole(day)).into_iter().map(|row| row.in_version(version)).collect()
    }
}

/// The state of each conversation that ends last.
fn latest(rows: Vec<Conversation>) -> Vec<Conversation> {
    let mut kept: std::collections::HashMap<String, Conversation> = std::collections::HashMap::new();
    for row in rows {
        let older =
            kept.get(&row.conversation_id).is_none_or(|it| it.conversation_end_time < row.conversation_end_time);
        if older {
            kept.insert(row.conversation_id.clone(), row);
        }
    }
    let mut kept: Vec<Conversation> = kept.into_values().collect();
    kept.sort_by(|one, other| {
        (one.conversation_end_time, &one.conversation_id).cmp(&(other.conversation_end_time, &other.conversation_id))
    });
    kept
}
