//! The binary itself, as a user runs it.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running `convosync run`, its talk in a file.
pub struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    /// Starts `convosync run` with these settings and further arguments.
    pub fn run(settings: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("convosync.toml");
        File::create(&config).unwrap().write_all(settings.as_bytes()).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(binary())
            .arg("--config")
            .arg(&config)
            .arg("run")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{name}");
    }

    /// Waits for its end.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let child = &mut self.child;
        super::within(patience, "the process to end", async || child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends it as a loss of power does, at once and without a word.
    pub async fn kill(mut self) {
        self.signal("KILL");
        self.ended(Duration::from_secs(5)).await;
    }

    /// Where its server listens, once it does; read from its log.
    pub fn address(&self) -> Option<String> {
        let log = self.log();
        let (_, after) = log.split_once("listening at http://")?;
        Some(after.split_whitespace().next()?.trim_matches(|c: char| !c.is_ascii_digit()).to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs one command with these settings to its end.
pub async fn convosync(settings: &str, arguments: &[&str]) -> Output {
    convosync_in(&[], settings, arguments).await
}

/// The same with these variables in its environment.
pub async fn convosync_in(variables: &[(&str, &str)], settings: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("convosync.toml");
    File::create(&config).unwrap().write_all(settings.as_bytes()).unwrap();
    let mut command = tokio::process::Command::new(binary());
    command.arg("--config").arg(&config).args(arguments).current_dir(folder.path()).kill_on_drop(true);
    command.envs(variables.iter().copied());
    tokio::time::timeout(Duration::from_mins(2), command.output()).await.expect("the command to end").unwrap()
}

/// The binary lies beside the folder that holds this test's own.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let found = own.parent().unwrap().parent().unwrap().join("convosync");
    assert!(found.exists(), "build it first: cargo build -p convosync");
    found
}
