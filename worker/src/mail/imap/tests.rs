//! Servers that misbehave. A correct server is tested in `tests/integration/mailboxes.rs`.

use super::super::{Mailbox, MailboxAddress};
use super::*;
use secrecy::SecretString;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A server's script: the beginning of a command and the lines to answer, where `@` stands for the command's tag.
type Script<'a> = &'a [(&'a str, &'a str)];

const TIME_LIMIT: Duration = Duration::from_secs(30);

const LOGIN_SCRIPT: Script<'static> = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\n@ OK done\r\n"),
    ("LOGIN", "@ OK in\r\n"),
    ("SELECT", "* OK [UIDVALIDITY 7] v\r\n* OK [PERMANENTFLAGS (\\Seen)] f\r\n@ OK [READ-WRITE] done\r\n"),
    ("NOOP", "@ OK done\r\n"),
];

struct Server(TcpListener);

impl Server {
    async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> MailboxAddress {
        let text = format!("imap://ana@127.0.0.1:{}", self.0.local_addr().unwrap().port());
        MailboxAddress::parse(&text, Some(SecretString::from("horse"))).unwrap()
    }

    /// Serves one connection until it ends or sends a command that is in neither script; returns the received commands.
    async fn serve(&self, greeting: &str, script: Script<'_>, more: Script<'_>) -> Vec<String> {
        let (socket, _) = self.0.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        socket.write_all(greeting.as_bytes()).await.unwrap();
        let mut commands = Vec::new();
        let mut line = String::new();
        while socket.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let (tag, command) = line.trim_end().split_once(' ').unwrap();
            commands.push(command.to_owned());
            let Some((_, answer)) = more.iter().chain(script).find(|(begins, _)| command.starts_with(begins)) else {
                break;
            };
            socket.write_all(answer.replace('@', tag).as_bytes()).await.unwrap();
            line.clear();
        }
        commands
    }

    /// The error with which the mailbox fails to open, and the commands that the server received.
    async fn refused(&self, address: &MailboxAddress, greeting: &str, script: Script<'_>) -> (MailError, Vec<String>) {
        let open = async { Mailbox::open(address, TIME_LIMIT).await.err().expect("a mailbox that does not open") };
        tokio::join!(open, self.serve(greeting, script, &[]))
    }
}

#[tokio::test]
async fn sends_no_password_to_a_server_without_tls() {
    let server = Server::listen().await;
    let with_ca = server.address().with_ca_file(Path::new("none.pem")).unwrap();
    let (error, commands) = server.refused(&with_ca, "* OK hello\r\n", LOGIN_SCRIPT).await;
    assert_eq!((error.kind(), commands), ("untrusted", vec!["CAPABILITY".to_owned()]));
    let disabled: Script = &[("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n@ OK done\r\n")];
    let (error, commands) = server.refused(&server.address(), "* OK hello\r\n", disabled).await;
    assert_eq!((error.kind(), commands), ("untrusted", vec!["CAPABILITY".to_owned()]));
    let (error, commands) = server.refused(&with_ca, "* PREAUTH hello\r\n", LOGIN_SCRIPT).await;
    assert_eq!((error.kind(), commands), ("protocol", Vec::new()));
}

#[tokio::test]
async fn a_busy_server_is_not_a_wrong_password() {
    let server = Server::listen().await;
    let (error, _) = server.refused(&server.address(), "* BYE ana, too many of you\r\n", LOGIN_SCRIPT).await;
    assert_eq!(error.kind(), "unreachable");
    let cases =
        [("NO [UNAVAILABLE] ana must wait", "unreachable"), ("NO ana is unknown", "login"), ("BAD ana", "protocol")];
    for (answer, kind) in cases {
        let answer = format!("@ {answer}\r\n");
        let script = [LOGIN_SCRIPT[0], ("LOGIN", answer.as_str())];
        let (error, _) = server.refused(&server.address(), "* OK hello\r\n", &script).await;
        assert_eq!(error.kind(), kind);
        assert!(!format!("{error} {error:?}").contains("ana"), "{error:?}");
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let server = Server::listen().await;
    let error = Mailbox::open(&server.address(), Duration::from_millis(100)).await.err().unwrap();
    assert_eq!(error.kind(), "unreachable");
}

#[tokio::test]
async fn a_list_is_complete_or_an_error() {
    let one = "* 1 FETCH (UID 3 RFC822.SIZE 9 INTERNALDATE \" 1-Nov-2026 10:00:00 -0500\")\r\n";
    let whole = format!("{one}@ OK done\r\n");
    let refused = format!("{one}@ NO half of it\r\n");
    let found = ("UID SEARCH UNSEEN UNDELETED SINCE 5-Oct-2026", "* SEARCH 3 4\r\n@ OK done\r\n");
    let cases: [(Script, Result<usize, &str>); 4] = [
        (&[found, ("UID FETCH 3,4 (", &whole)], Ok(1)),
        (&[found, ("UID FETCH", &refused)], Err("protocol")),
        (&[found], Err("unreachable")),
        (&[("UID SEARCH", "* SEARCH 3 4\r\n@ NO\r\n")], Err("protocol")),
    ];
    for (script, expected) in cases {
        let server = Server::listen().await;
        let address = server.address();
        let listing = async {
            let mut mailbox = Mailbox::open(&address, TIME_LIMIT).await.unwrap();
            mailbox.list(NaiveDate::from_ymd_opt(2026, 10, 5).unwrap()).await
        };
        let (listed, _) = tokio::join!(listing, server.serve("* OK hello\r\n", LOGIN_SCRIPT, script));
        if let Ok(entries) = &listed {
            assert_eq!((entries[0].id.as_str(), entries[0].bytes), ("7/3", 9));
            assert_eq!(entries[0].received_at.to_rfc3339(), "2026-11-01T15:00:00+00:00");
        }
        assert_eq!(listed.map(|entries| entries.len()).map_err(|error| error.kind()), expected);
    }
}

#[tokio::test]
async fn after_a_late_answer_no_command_is_sent() {
    let server = Server::listen().await;
    let address = server.address();
    let late: Script = &[("NOOP", "")];
    let asking = async {
        let mut mailbox = Mailbox::open(&address, Duration::from_millis(500)).await.unwrap();
        let errors = [mailbox.list(NaiveDate::MIN).await.err(), mailbox.list(NaiveDate::MIN).await.err()];
        errors.map(|error| error.map(|error| error.kind()))
    };
    let (errors, commands) = tokio::join!(asking, server.serve("* OK hello\r\n", LOGIN_SCRIPT, late));
    assert_eq!(errors, [Some("unreachable"); 2]);
    assert_eq!(commands.iter().filter(|command| *command == "NOOP").count(), 1);
}

#[tokio::test]
async fn without_idle_waiting_sends_no_command() {
    let server = Server::listen().await;
    let address = server.address();
    let waiting = async {
        let mut mailbox = Mailbox::open(&address, TIME_LIMIT).await.unwrap();
        mailbox.wait(Duration::from_millis(20)).await
    };
    let (waited, commands) = tokio::join!(waiting, server.serve("* OK hello\r\n", LOGIN_SCRIPT, &[]));
    assert_eq!(waited, Ok(()));
    assert!(commands.last().unwrap().starts_with("SELECT"), "{commands:?}");
}
