//! What a server in order never does. What it does is tried on a real one, in `tests/integration/mailboxes.rs`.

use super::super::{Address, Mailbox};
use super::*;
use secrecy::SecretString;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What it answers: a command's beginning, and the lines, where `@` stands for the command's tag.
type Script<'a> = &'a [(&'a str, &'a str)];

const PATIENCE: Duration = Duration::from_secs(30);

const OPENS: Script<'static> = &[
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

    fn address(&self) -> Address {
        let text = format!("imap://ana@127.0.0.1:{}", self.0.local_addr().unwrap().port());
        Address::parse(&text, Some(SecretString::from("horse"))).unwrap()
    }

    /// Serves one connection until a command that is in neither script, or its end; gives back what it was told.
    async fn serve(&self, greeting: &str, script: Script<'_>, more: Script<'_>) -> Vec<String> {
        let (socket, _) = self.0.accept().await.unwrap();
        let mut socket = BufReader::new(socket);
        socket.write_all(greeting.as_bytes()).await.unwrap();
        let mut told = Vec::new();
        let mut line = String::new();
        while socket.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let (tag, command) = line.trim_end().split_once(' ').unwrap();
            told.push(command.to_owned());
            let Some((_, answer)) = more.iter().chain(script).find(|(begins, _)| command.starts_with(begins)) else {
                break;
            };
            socket.write_all(answer.replace('@', tag).as_bytes()).await.unwrap();
            line.clear();
        }
        told
    }

    /// The error with which a mailbox does not open, and what the server was told.
    async fn refused(&self, address: &Address, greeting: &str, script: Script<'_>) -> (MailError, Vec<String>) {
        let open = async { Mailbox::open(address, PATIENCE).await.err().expect("a mailbox that does not open") };
        tokio::join!(open, self.serve(greeting, script, &[]))
    }
}

#[tokio::test]
async fn nothing_is_told_to_a_server_that_keeps_tls_away() {
    let server = Server::listen().await;
    let trusting = server.address().trusting(Path::new("none.pem")).unwrap();
    let (error, told) = server.refused(&trusting, "* OK hello\r\n", OPENS).await;
    assert_eq!((error.kind(), told), ("untrusted", vec!["CAPABILITY".to_owned()]));
    let disabled: Script = &[("CAPABILITY", "* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n@ OK done\r\n")];
    let (error, told) = server.refused(&server.address(), "* OK hello\r\n", disabled).await;
    assert_eq!((error.kind(), told), ("untrusted", vec!["CAPABILITY".to_owned()]));
    let (error, told) = server.refused(&trusting, "* PREAUTH hello\r\n", OPENS).await;
    assert_eq!((error.kind(), told), ("protocol", Vec::new()));
}

#[tokio::test]
async fn a_server_that_is_busy_is_no_wrong_password() {
    let server = Server::listen().await;
    let (error, _) = server.refused(&server.address(), "* BYE ana, too many of you\r\n", OPENS).await;
    assert_eq!(error.kind(), "unreachable");
    let cases =
        [("NO [UNAVAILABLE] ana must wait", "unreachable"), ("NO ana is unknown", "login"), ("BAD ana", "protocol")];
    for (answer, kind) in cases {
        let answer = format!("@ {answer}\r\n");
        let script = [OPENS[0], ("LOGIN", answer.as_str())];
        let (error, _) = server.refused(&server.address(), "* OK hello\r\n", &script).await;
        assert_eq!(error.kind(), kind);
        assert!(!format!("{error} {error:?}").contains("ana"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Server::listen().await;
    let error = Mailbox::open(&server.address(), Duration::from_millis(100)).await.err().unwrap();
    assert_eq!(error.kind(), "unreachable");
}

#[tokio::test]
async fn a_list_is_whole_or_an_error() {
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
            let mut mailbox = Mailbox::open(&address, PATIENCE).await.unwrap();
            mailbox.list(NaiveDate::from_ymd_opt(2026, 10, 5).unwrap()).await
        };
        let (listed, _) = tokio::join!(listing, server.serve("* OK hello\r\n", OPENS, script));
        if let Ok(entries) = &listed {
            assert_eq!((entries[0].id.as_str(), entries[0].bytes), ("7/3", 9));
            assert_eq!(entries[0].received.to_rfc3339(), "2026-11-01T15:00:00+00:00");
        }
        assert_eq!(listed.map(|entries| entries.len()).map_err(|error| error.kind()), expected);
    }
}

#[tokio::test]
async fn after_a_late_answer_nothing_more_is_asked() {
    let server = Server::listen().await;
    let address = server.address();
    let late: Script = &[("NOOP", "")];
    let asking = async {
        let mut mailbox = Mailbox::open(&address, Duration::from_millis(500)).await.unwrap();
        let errors = [mailbox.list(NaiveDate::MIN).await.err(), mailbox.list(NaiveDate::MIN).await.err()];
        errors.map(|error| error.map(|error| error.kind()))
    };
    let (errors, told) = tokio::join!(asking, server.serve("* OK hello\r\n", OPENS, late));
    assert_eq!(errors, [Some("unreachable"); 2]);
    assert_eq!(told.iter().filter(|command| *command == "NOOP").count(), 1);
}

#[tokio::test]
async fn where_there_is_no_idle_waiting_says_nothing() {
    let server = Server::listen().await;
    let address = server.address();
    let waiting = async {
        let mut mailbox = Mailbox::open(&address, PATIENCE).await.unwrap();
        mailbox.wait(Duration::from_millis(20)).await
    };
    let (waited, told) = tokio::join!(waiting, server.serve("* OK hello\r\n", OPENS, &[]));
    assert_eq!(waited, Ok(()));
    assert!(told.last().unwrap().starts_with("SELECT"), "{told:?}");
}
