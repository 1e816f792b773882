//! The network between the service and PostgreSQL goes silent without closing a connection, and heals.

use crate::harness::{AccountSettings, Engine, Process, TestDatabase, WolkvoxVendor, history, is_held, until};
use simulator::wolkvox::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A wire to a server on loopback that can be cut: it then swallows all bytes and closes nothing.
struct Wire {
    address: String,
    is_cut: Arc<AtomicBool>,
    /// The number of pieces that the wire has swallowed.
    swallowed: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Wire {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let is_cut = Arc::new(AtomicBool::new(false));
        let mut serving = JoinSet::new();
        let swallowed = Arc::<AtomicUsize>::default();
        let cut = (is_cut.clone(), swallowed.clone());
        serving.spawn(async move {
            let mut pipes = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                pipes.spawn(forward(from_client, to_server, cut.clone()));
                pipes.spawn(forward(from_server, to_client, cut.clone()));
            }
        });
        Self { address, is_cut, swallowed, _serving: serving }
    }

    fn swallowed(&self) -> usize {
        self.swallowed.load(Ordering::SeqCst)
    }

    fn set_cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
    }
}

/// Forwards bytes until an end closes. A connection that has lost bytes never forwards any again, as it could not.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    (is_cut, swallowed): (Arc<AtomicBool>, Arc<AtomicUsize>),
) {
    let (mut buffer, mut is_dead) = (vec![0; 64 << 10], false);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        is_dead |= is_cut.load(Ordering::SeqCst);
        if is_dead {
            swallowed.fetch_add(1, Ordering::SeqCst);
        } else if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    if is_dead {
        std::future::pending::<()>().await;
    }
}

/// A wire to the PostgreSQL of `database`, and the URL that leads over it.
async fn wire_to(database: &TestDatabase) -> (Wire, String) {
    let (before, after) = database.url.split_once("127.0.0.1").expect("PostgreSQL on loopback");
    let (server, name) = after.split_once('/').unwrap();
    let wire = Wire::to(format!("127.0.0.1{server}")).await;
    let url = format!("{before}{}/{name}", wire.address);
    (wire, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_after_postgres_was_silent_and_sigterm_is_obeyed() {
    let vendor = WolkvoxVendor::start(Config { row_cap: 100, ..history(6, 400.0) }).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let (wire, url) = wire_to(&database).await;
    let settings = AccountSettings::new("a", &vendor.base, "simulated-token")
        .with("since", &vendor.days().0)
        .with("row_cap", "100")
        .with("lease", "40s")
        .file(&url, "memory:")
        .replace("[database]", "[database]\ntimeout = \"2s\"");
    let mut process = Process::run(&settings, &[]);
    until("the first rows", async || database.number("SELECT COUNT(*) FROM wolkvox_chats").await > 200).await;
    wire.set_cut(true);
    tokio::time::sleep(Duration::from_secs(4)).await;
    wire.set_cut(false);
    let days = vendor.days();
    let days = (days.0.parse().unwrap(), days.1.parse().unwrap());
    until("all days", async || is_held(&settings, "a", days).await).await;
    vendor.freeze_and_catch_up(&database.database, "a").await;
    let compared = vendor.compare(&database.database, "a").await;
    assert!(compared.is_equal() && compared.vendor > 1_000, "{compared:?}\n{}", process.log());
    vendor.assert_no_breach();
    // The process ends although the database never answers.
    wire.set_cut(true);
    process.signal("TERM");
    process.ended(Duration::from_mins(2)).await;
}

/// A statement may take two hours here: the process ends because the time to drain is over, and not because a statement is.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_process_in_time_while_the_database_is_silent() {
    let vendor = WolkvoxVendor::start(history(6, 100.0)).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let (wire, url) = wire_to(&database).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").with("since", &vendor.days().0);
    let settings = account.file(&url, "memory:").replace("[database]", "[database]\ntimeout = \"2h\"");
    let mut process = Process::run(&format!("{settings}[worker]\ndrain = \"1s\"\n"), &[]);
    until("the first rows", async || database.number("SELECT COUNT(*) FROM wolkvox_chats").await > 0).await;
    wire.set_cut(true);
    until("a statement that gets no answer", async || wire.swallowed() > 0).await;
    process.signal("TERM");
    let status = process.ended(Duration::from_mins(5)).await;
    assert_eq!(status.code(), Some(0), "{}", process.log());
}
