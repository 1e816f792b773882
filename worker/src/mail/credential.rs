//! How the worker logs in to a mail server: by password, or by an access token that a command prints.

use super::error::MailError;
use secrecy::{ExposeSecret, SecretString};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// What proves the user to a mail server.
#[derive(Clone)]
pub enum Credential {
    /// A password.
    Password(SecretString),
    /// A command, with its arguments, that prints an OAuth access token.
    TokenCommand(Vec<String>),
}

/// The longest time that the command takes: it asks another server.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest output in bytes. An access token has some thousand.
const LONGEST: u64 = 64 << 10;

/// Runs the command and reads the token that it prints. What it prints on stderr appears in no log, because it may hold a
/// secret.
pub(super) async fn access_token(command: &[String]) -> Result<SecretString, MailError> {
    let failed = |reason: String| MailError::TokenCommand(reason);
    let Some((program, arguments)) = command.split_first() else { return Err(failed("it is empty".to_owned())) };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.map_err(|error| failed(format!("it cannot be started: {}", error.kind())))?;
    let run = async {
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(LONGEST).read_to_end(&mut output).await?;
        }
        Ok::<_, std::io::Error>((output, child.wait().await?))
    };
    let (output, status) = tokio::time::timeout(TIMEOUT, run)
        .await
        .map_err(|_| failed(format!("it did not end within {} s", TIMEOUT.as_secs())))?
        .map_err(|error| failed(error.kind().to_string()))?;
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    let token = String::from_utf8(output).unwrap_or_default();
    let token = token.trim();
    // A token is printable and has no blank (RFC 6750, 2.1).
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(failed("its output is no access token".to_owned()));
    }
    Ok(SecretString::from(token))
}

/// The first message of the SASL mechanism XOAUTH2.
pub(super) fn xoauth2(user: &str, token: &SecretString) -> String {
    format!("user={user}\u{1}auth=Bearer {}\u{1}\u{1}", token.expose_secret())
}
