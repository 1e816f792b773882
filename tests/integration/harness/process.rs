//! Runs the binary `convosync`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running `convosync run` that logs to a file.
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
        Self { child: spawn_run(&config, arguments, log), folder }
    }

    /// As [`Process::run`], with these environment variables.
    pub fn run_in(variables: &[(&str, &str)], settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("convosync.toml");
        File::create(&config).unwrap().write_all(settings.as_bytes()).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(binary());
        command.arg("--config").arg(&config).arg("run").envs(variables.iter().copied());
        Self { child: command.stdout(Stdio::null()).stderr(log).spawn().unwrap(), folder }
    }

    /// Starts any command with these settings. Its stderr is the log.
    pub fn start(settings: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("convosync.toml");
        File::create(&config).unwrap().write_all(settings.as_bytes()).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(binary());
        command.arg("--config").arg(&config).args(arguments).current_dir(folder.path());
        Self { child: command.stdout(Stdio::null()).stderr(log).spawn().unwrap(), folder }
    }

    /// As [`Process::run`], but the log is a pipe that nobody reads.
    pub fn run_without_log(settings: &str, arguments: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("convosync.toml");
        File::create(&config).unwrap().write_all(settings.as_bytes()).unwrap();
        let (reader, log) = std::io::pipe().unwrap();
        drop(reader);
        Self { child: spawn_run(&config, arguments, log), folder }
    }

    /// Sends a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{name}");
    }

    /// Waits until the process ends.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let child = &mut self.child;
        super::within(patience, "the process to end", async || child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The peak resident memory in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Kills the process at once, as a loss of power does.
    pub async fn kill(mut self) {
        self.signal("KILL");
        self.ended(Duration::from_secs(5)).await;
    }

    /// The address of its server, once the log names it.
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

fn spawn_run(config: &Path, arguments: &[&str], log: impl Into<Stdio>) -> Child {
    let mut command = Command::new(binary());
    command.arg("--config").arg(config).arg("run").args(arguments);
    command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// Runs one command with these settings until it ends.
pub async fn convosync(settings: &str, arguments: &[&str]) -> Output {
    convosync_in(&[], settings, arguments).await
}

/// Runs one command with these environment variables.
pub async fn convosync_in(variables: &[(&str, &str)], settings: &str, arguments: &[&str]) -> Output {
    let (_folder, mut command) = command(settings, arguments);
    command.envs(variables.iter().copied());
    tokio::time::timeout(Duration::from_mins(2), command.output()).await.expect("the command to end").unwrap()
}

/// Runs one command in an empty folder without a settings file. Returns also the names of the files that it leaves.
pub async fn convosync_without_settings(variables: &[(&str, &str)], arguments: &[&str]) -> (Output, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let mut command = tokio::process::Command::new(binary());
    command.args(arguments).envs(variables.iter().copied()).current_dir(folder.path()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_mins(2), command.output()).await.expect("the command to end");
    let files = std::fs::read_dir(folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    (output.unwrap(), names)
}

/// Runs one command whose stdout is a pipe. The reader closes the pipe after `bytes` bytes, as `head` does.
pub async fn convosync_with_closed_pipe(settings: &str, arguments: &[&str], bytes: usize) -> Output {
    let (_folder, mut command) = command(settings, arguments);
    let (mut reader, writer) = std::io::pipe().unwrap();
    command.stdout(writer).stderr(Stdio::piped());
    let read = move || reader.read_exact(&mut vec![0; bytes]).map(|()| drop(reader));
    // Without a byte to read, the pipe is closed before the command starts.
    let child = if bytes == 0 {
        read().unwrap();
        command.spawn().unwrap()
    } else {
        let child = command.spawn().unwrap();
        tokio::task::spawn_blocking(read).await.unwrap().unwrap();
        child
    };
    tokio::time::timeout(Duration::from_mins(2), child.wait_with_output()).await.expect("the command to end").unwrap()
}

/// A command with these settings, in a folder of its own.
fn command(settings: &str, arguments: &[&str]) -> (TempDir, tokio::process::Command) {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("convosync.toml");
    File::create(&config).unwrap().write_all(settings.as_bytes()).unwrap();
    let mut command = tokio::process::Command::new(binary());
    command.arg("--config").arg(&config).args(arguments).current_dir(folder.path()).kill_on_drop(true);
    (folder, command)
}

/// The path of the binary, which is beside the folder of the test binary.
fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let found = own.parent().unwrap().parent().unwrap().join("convosync");
    assert!(found.exists(), "build it first: cargo build -p convosync");
    found
}
