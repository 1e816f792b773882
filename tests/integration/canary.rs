//! Logs, metrics, pages, errors and queue entries hold no secret and no personal data (P10).

use crate::harness::{
    AccountSettings, Engine, Process, RedisServer, TestDatabase, WolkvoxVendor, convosync, history, until,
};
use simulator::gateway::Faults;
use simulator::wolkvox::{Config, WolkvoxFaults};
use std::time::Duration;

const TOKEN: &str = "canary-token-7f3a91";
const PHONE: &str = "573009990042";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_phone_numbers_appear_only_in_rows() {
    let vendor = WolkvoxVendor::start(Config {
        tokens: vec![TOKEN.to_owned()],
        canary_phone: Some(PHONE.to_owned()),
        row_cap: 60,
        faults: Faults { server_500: 0.1, html_200: 0.1, cut_body: 0.1, ..Faults::default() },
        wolkvox_faults: WolkvoxFaults { error_in_200: 0.1, ..WolkvoxFaults::default() },
        ..history(6, 100.0)
    })
    .await;
    let redis = RedisServer::start().await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = AccountSettings::new("a", &vendor.base, TOKEN).with("row_cap", "60").with("since", &vendor.days().0);
    for format in ["text", "json"] {
        let settings =
            format!("{}[log]\nlevel = \"trace\"\nformat = \"{format}\"\n", account.file(&database.url, &redis.url()));
        let mut process = Process::run(&settings, &[]);
        until("the server to listen", async || process.address().is_some()).await;
        let enough = database.number("SELECT COUNT(*) FROM requests").await + 15;
        let mut seen = String::new();
        until("some requests", async || {
            seen += &redis_entries(&redis).await;
            database.number("SELECT COUNT(*) FROM requests").await >= enough
        })
        .await;
        let address = process.address().unwrap();
        for path in ["/metrics", "/", "/api/v1/status", "/readyz?verbose"] {
            seen += &get(&format!("http://{address}{path}")).await;
        }
        for arguments in [&["status"][..], &["--output", "json", "status"], &["jobs", "list"], &["check"], &["doctor"]]
        {
            let shown = convosync(&settings, arguments).await;
            seen += &String::from_utf8_lossy(&shown.stdout);
            seen += &String::from_utf8_lossy(&shown.stderr);
        }
        process.signal("TERM");
        process.ended(Duration::from_secs(30)).await;
        seen += &process.log();
        seen += &database.texts("SELECT coalesce(error, '') FROM requests").await.join("\n");
        seen += &database.texts("SELECT coalesce(last_error, '') FROM streams").await.join("\n");
        seen += &database.texts("SELECT lane || coalesce(closed_reason, '') FROM lanes").await.join("\n");
        assert!(
            seen.contains("convosync_vendor_requests_total") && seen.contains("judge"),
            "the search misses the metrics or the log"
        );
        for canary in [TOKEN, PHONE] {
            let at = seen.find(canary).map(|at| seen[at.saturating_sub(200)..at].to_owned());
            assert_eq!(at, None, "{canary} appears after this text");
        }
    }
    let rows = format!("SELECT COUNT(*) FROM wolkvox_chats WHERE customer_phone = '{PHONE}'");
    assert!(database.number(&rows).await > 0, "the table holds the phone number");
}

/// Treble's webhooks carry phone numbers, and their address carries a secret.
#[tokio::test(flavor = "multi_thread")]
async fn webhook_secrets_and_phone_numbers_appear_only_in_rows() {
    const SECRET: &str = "canary-secret-5b8e20";
    const MOBILE: &str = "3009990042";
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = AccountSettings::of("treble", "a", "http://127.0.0.1:9", TOKEN).with("webhook_secret", SECRET);
    let settings = format!("{}[log]\nlevel = \"trace\"\n", account.file(&database.url, "memory:"));
    let process = Process::run(&settings, &[]);
    until("the server to listen", async || process.address().is_some()).await;
    let server = process.address().unwrap();
    let event = format!(
        r#"{{"event_id":"e1","event_type":"session.close","timestamp":"2026-11-20T10:00:00Z",
        "user":{{"country_code":"+57","cellphone":"{MOBILE}"}},"messages":[{{"text":{{"message":"{PHONE}"}}}}]}}"#
    );
    let cut = &event[..event.len() - 4];
    let (right, wrong) = (format!("a/{SECRET}"), format!("a/{SECRET}x"));
    let mut seen = String::new();
    for (path, body, status) in
        [(&right, event.as_str(), 200), (&right, &event, 200), (&right, cut, 400), (&wrong, &event, 401)]
    {
        let (code, reply) = post(&format!("http://{server}/hooks/treble/{path}"), body).await;
        assert_eq!(code, status, "{reply}");
        seen += &reply;
    }
    for path in ["/metrics", "/", "/api/v1/status"] {
        seen += &get(&format!("http://{server}{path}")).await;
    }
    let shown = convosync(&settings, &["status"]).await;
    seen += &String::from_utf8_lossy(&shown.stdout);
    seen += &String::from_utf8_lossy(&shown.stderr);
    seen += &process.log();
    let noted = "SELECT identity || coalesce(reason, '') || coalesce(slice_key, '') FROM deliveries";
    seen += &database.texts(noted).await.join("\n");
    assert!(
        seen.contains("convosync_webhook_events_7d{account=\"a\"} 1") && seen.contains("webhook rejected"),
        "{seen}"
    );
    for canary in [SECRET, MOBILE, PHONE, TOKEN] {
        let at = seen.find(canary).map(|at| seen[at.saturating_sub(200)..at].to_owned());
        assert_eq!(at, None, "{canary} appears after this text");
    }
    let rows = format!("SELECT COUNT(*) FROM treble_events WHERE phone_tail = '{MOBILE}'");
    assert_eq!(database.number(&rows).await, 1, "the table holds the phone number");
    drop(process);
}

/// Posts `body` to `url` and returns the status and the text of the answer.
#[expect(clippy::disallowed_methods, reason = "a test asks the product as a vendor would")]
async fn post(url: &str, body: &str) -> (u16, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reply = reqwest::Client::new().post(url).body(body.to_owned()).send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

/// All keys and values of Redis.
async fn redis_entries(redis: &RedisServer) -> String {
    let mut connection = redis.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let mut all = String::new();
    for key in keys {
        let held: Option<Vec<u8>> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap();
        all += &key;
        all += &String::from_utf8_lossy(&held.unwrap_or_default());
    }
    all
}

/// Fetches `url` and returns the text of the answer.
#[expect(clippy::disallowed_methods, reason = "a test asks the product as a user would")]
pub async fn get(url: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new().get(url).send().await.unwrap().text().await.unwrap()
}
