//! Strangers at the door: slow clients do not keep others out, and forged webhooks neither fill the log nor change anything.

use crate::canary::get;
use crate::harness::{AccountSettings, Engine, Process, TestDatabase, until};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const SECRET: &str = "a-secret-in-an-address";

/// A service with an account of each vendor that posts webhooks; the vendors do not answer.
async fn start(database: &TestDatabase, server: &str) -> (Process, String) {
    let account = |source, name| {
        let account = AccountSettings::of(source, name, "http://127.0.0.1:9", "a-token");
        account.with("webhook_secret", SECRET).with("retry_min", "1m").with("retry_max", "2m")
    };
    let accounts = [account("treble", "treble_mx"), account("truora", "truora_co")];
    let settings = AccountSettings::file_of(&accounts, &database.url, "memory:");
    let process = Process::run(&settings.replace("[server]\n", &format!("[server]\n{server}\n")), &[]);
    until("the server to listen", async || process.address().is_some()).await;
    let address = process.address().unwrap();
    (process, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_stop_neither_the_server_nor_its_end() {
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let (mut process, server) = start(&database, "max_connections = 50").await;
    let body = format!("POST /hooks/truora/truora_co HTTP/1.1\r\nHost: {server}\r\nContent-Length: 9000\r\n\r\neyJ");
    let mut slow = Vec::new();
    for number in 0..300 {
        let mut client = TcpStream::connect(&server).await.unwrap();
        let sent = ["", "GET /livez HTTP/1.1\r\nHost: local", &body][number % 3];
        client.write_all(sent.as_bytes()).await.unwrap();
        slow.push(client);
    }
    for path in ["livez", "readyz"] {
        assert_eq!(get(&format!("http://{server}/{path}")).await, "ok");
    }
    let metrics = get(&format!("http://{server}/metrics")).await;
    assert!(metrics.contains("convosync_http_connections_closed_total{reason=\"displaced\"} "), "{metrics}");
    process.signal("TERM");
    assert!(process.ended(Duration::from_mins(5)).await.success(), "{}", process.log());
    drop(slow);
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test posts to the service as a stranger would")]
async fn forged_webhooks_get_one_answer_and_do_not_fill_the_log() {
    const ROUNDS: usize = 250;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let (process, server) = start(&database, "").await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let nested = "[".repeat(200_000);
    let forged = [
        ("treble/treble_mx/a-secret-of-a-stranger", "{}"),
        ("truora/truora_co", "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"),
        ("truora/truora_co", &nested),
        ("treble/nobody/a-secret-in-an-address", "{}"),
    ];
    let mut answers: BTreeMap<(u16, String), usize> = BTreeMap::new();
    for _ in 0..ROUNDS {
        for (path, body) in forged {
            let reply =
                client.post(format!("http://{server}/hooks/{path}")).body(body.to_owned()).send().await.unwrap();
            *answers.entry((reply.status().as_u16(), reply.text().await.unwrap())).or_default() += 1;
        }
    }
    let [((401, _), count)] = answers.iter().collect::<Vec<_>>()[..] else { panic!("{answers:?}") };
    assert_eq!(*count, forged.len() * ROUNDS);
    let log = process.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("webhook rejected")).collect();
    assert_eq!(lines.len(), 3, "one for each account, and one for all that do not exist: {lines:?}");
    assert!(!log.contains("nobody"), "a stranger's text is not in the log: {log}");
    let metrics = get(&format!("http://{server}/metrics")).await;
    for (state, count) in [("forged", 3 * ROUNDS), ("unknown", ROUNDS)] {
        let series = format!("convosync_deliveries_total{{kind=\"webhook\",state=\"{state}\"}} {count}\n");
        assert!(metrics.contains(&series), "{metrics}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM deliveries").await, 0);
    drop(process);
}
