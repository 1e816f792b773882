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
    has_tls: bool,
}

impl RedisServer {
    /// Starts a server that stores nothing on disk.
    pub async fn start() -> Self {
        let server = Self::spawn(false);
        server.answers().await;
        server
    }

    /// As [`RedisServer::start`], but the server takes only TLS. [`RedisServer::authority`] signs its certificate. Wait for an
    /// answer before a test relies on it.
    pub fn start_with_tls() -> Self {
        Self::spawn(true)
    }

    fn spawn(has_tls: bool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = TempDir::new().unwrap();
        if has_tls {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
            std::fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        }
        let child = spawn(port, &folder, has_tls);
        Self { port, child, folder, has_tls }
    }

    /// The file of the certificate that a client of a server with TLS must trust.
    pub fn authority(&self) -> String {
        self.folder.path().join("cert.pem").to_str().unwrap().to_owned()
    }

    /// The URL for the settings.
    pub fn url(&self) -> String {
        if self.has_tls {
            return format!("rediss://localhost:{}/0", self.port);
        }
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Kills the server, waits, and starts it again without data.
    pub async fn restart(&mut self, after: Duration) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        tokio::time::sleep(after).await;
        self.child = spawn(self.port, &self.folder, self.has_tls);
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

fn spawn(port: u16, folder: &TempDir, has_tls: bool) -> Child {
    let port = port.to_string();
    let mut command = Command::new(setting("CONVOSYNC_TEST_REDIS_SERVER"));
    if has_tls {
        command.args(["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"]);
        command.args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem"]);
    } else {
        command.args(["--port", &port]);
    }
    command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--dir", folder.path().to_str().unwrap()])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts")
}
