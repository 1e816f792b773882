//! A private Redis, because tests also kill it.

use super::database::setting;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running Redis on a private port.
pub struct RedisServer {
    port: u16,
    child: Child,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server that stores nothing on disk.
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = TempDir::new().unwrap();
        let child = spawn(port, &folder);
        let server = Self { port, child, folder };
        server.answers().await;
        server
    }

    /// The URL for the settings.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills the server, waits, and starts it again without data.
    pub async fn restart(&mut self, after: Duration) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        tokio::time::sleep(after).await;
        self.child = spawn(self.port, &self.folder);
        self.answers().await;
    }

    /// A connection.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    async fn answers(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        super::until("Redis to answer", async || client.get_multiplexed_async_connection().await.is_ok()).await;
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    Command::new(setting("CONVOSYNC_TEST_REDIS_SERVER"))
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--dir", folder.path().to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts")
}
