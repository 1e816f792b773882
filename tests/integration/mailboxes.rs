//! The worker reads mailboxes on a real mail server.

use crate::harness::{ACCESS_TOKEN, Dovecot, PASSWORD, USER};
use chrono::{Days, NaiveDate};
use secrecy::SecretString;
use std::fs;
use std::time::Duration;
use worker::mail::{Credential, MailEntry, MailError, MailId, Mailbox, MailboxAddress, ParsedMail};

/// Long enough for a busy machine. The failures in these tests happen at once.
const PATIENCE: Duration = Duration::from_secs(30);

const LIMIT: u64 = 64 << 20;

fn address(text: &str) -> MailboxAddress {
    MailboxAddress::parse(text, Some(SecretString::from(PASSWORD))).unwrap()
}

fn plain(server: &Dovecot, folder: &str) -> MailboxAddress {
    address(&format!("imap://{USER}@127.0.0.1:{}/{folder}", server.port()))
}

async fn open(address: &MailboxAddress) -> Mailbox {
    Mailbox::open(address, PATIENCE).await.unwrap()
}

async fn refused(address: &MailboxAddress) -> MailError {
    Mailbox::open(address, PATIENCE).await.err().expect("a mailbox that does not open")
}

async fn list(mailbox: &mut Mailbox) -> Vec<MailEntry> {
    mailbox.list(NaiveDate::from_ymd_opt(2020, 1, 1).unwrap()).await.unwrap()
}

fn mail(subject: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: {subject}\r\n\r\nHello.\r\n").into_bytes()
}

async fn subjects(mailbox: &mut Mailbox) -> Vec<String> {
    let mut subjects = Vec::new();
    for entry in list(mailbox).await {
        let raw = mailbox.fetch(&entry.id, LIMIT).await.unwrap();
        assert_eq!(raw.len() as u64, entry.bytes);
        subjects.push(ParsedMail::parse(&raw).unwrap().subject.unwrap());
    }
    subjects
}

#[tokio::test]
async fn only_a_marked_mail_leaves_the_list() {
    let server = Dovecot::start().await;
    for subject in ["first", "second", "third"] {
        server.deliver("INBOX", &mail(subject));
    }
    let mut mailbox = open(&plain(&server, "INBOX")).await;
    let listed = list(&mut mailbox).await;
    assert_eq!(subjects(&mut mailbox).await, ["first", "second", "third"]);
    assert_eq!(list(&mut mailbox).await, listed, "fetching marks nothing");
    assert!(server.mails("INBOX").iter().all(|name| !name.contains('S')), "{:?}", server.mails("INBOX"));
    for _ in 0..2 {
        mailbox.mark(&listed[1].id).await.unwrap();
    }

    let mut again = open(&plain(&server, "INBOX")).await;
    assert_eq!(list(&mut again).await, [listed[0].clone(), listed[2].clone()], "the same ids without the marked one");
    assert_eq!(again.fetch(&listed[1].id, LIMIT).await.unwrap(), mail("second"), "a marked mail can be fetched too");
    let arrived = listed[0].received_at.date_naive();
    assert_eq!(again.list(arrived - Days::new(2)).await.unwrap().len(), 2);
    assert_eq!(again.list(arrived + Days::new(2)).await.unwrap(), []);
}

#[tokio::test]
async fn a_mail_read_by_a_person_is_still_listed() {
    let server = Dovecot::start().await;
    server.deliver("INBOX", &mail("read"));
    let name = server.mails("INBOX").remove(0);
    let maildir = server.maildir("INBOX");
    fs::rename(maildir.join("new").join(&name), maildir.join("cur").join(format!("{name}:2,S"))).unwrap();
    let mut mailbox = open(&plain(&server, "INBOX")).await;
    assert_eq!(subjects(&mut mailbox).await, ["read"]);
    let id = list(&mut mailbox).await.remove(0).id;
    mailbox.mark(&id).await.unwrap();
    assert_eq!(list(&mut mailbox).await, []);
}

#[tokio::test]
async fn a_folder_without_keywords_marks_mails_as_seen() {
    let server = Dovecot::start().await;
    server.deliver("Plain", &mail("one"));
    let mut mailbox = open(&plain(&server, "Plain")).await;
    let id = list(&mut mailbox).await.remove(0).id;
    mailbox.mark(&id).await.unwrap();
    mailbox.mark(&id).await.unwrap();
    assert_eq!(list(&mut open(&plain(&server, "Plain")).await).await, []);
    assert!(server.mails("Plain")[0].ends_with(":2,S"), "{:?}", server.mails("Plain"));
}

#[tokio::test]
async fn a_read_only_folder_refuses_a_mark() {
    let server = Dovecot::start().await;
    server.deliver("Fixed", &mail("one"));
    let mut mailbox = open(&plain(&server, "Fixed")).await;
    let id = list(&mut mailbox).await.remove(0).id;
    assert_eq!(mailbox.mark(&id).await.unwrap_err().kind(), "protocol");
}

#[tokio::test]
async fn a_marked_mail_moves_to_the_done_folder() {
    let server = Dovecot::start().await;
    server.deliver("INBOX", &mail("one"));
    let mut mailbox = open(&plain(&server, "INBOX").with_done_folder("Done").unwrap()).await;
    let id = list(&mut mailbox).await.remove(0).id;
    mailbox.mark(&id).await.unwrap();
    assert_eq!((server.mails("INBOX").len(), server.mails("Done").len()), (0, 1));
    assert_eq!(mailbox.mark(&id).await, Err(MailError::Gone));
    assert_eq!(list(&mut open(&plain(&server, "Done")).await).await, [], "the mail keeps its mark in the other folder");
    let nowhere = plain(&server, "INBOX").with_done_folder("Nowhere").unwrap();
    assert_eq!(refused(&nowhere).await.kind(), "folder");
}

#[tokio::test]
async fn waiting_ends_when_a_mail_arrives() {
    let server = Dovecot::start().await;
    let mut mailbox = open(&plain(&server, "INBOX")).await;
    assert_eq!(list(&mut mailbox).await, []);
    let arrival = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.deliver("INBOX", &mail("while waiting"));
    };
    // Without IDLE the wait would take the hour.
    let hour = Duration::from_hours(1);
    let (waited, ()) = tokio::join!(tokio::time::timeout(PATIENCE, mailbox.wait(hour)), arrival);
    waited.expect("the arrival ends it").unwrap();
    assert_eq!(subjects(&mut mailbox).await, ["while waiting"]);

    server.deliver("INBOX", &mail("between"));
    tokio::time::timeout(PATIENCE, mailbox.wait(hour)).await.expect("an arrival before the wait ends it").unwrap();
    assert_eq!(list(&mut mailbox).await.len(), 2);

    server.deliver("INBOX", &mail("during a fetch"));
    let first = list(&mut mailbox).await.remove(0).id;
    server.deliver("INBOX", &mail("during a fetch"));
    mailbox.fetch(&first, LIMIT).await.unwrap();
    tokio::time::timeout(PATIENCE, mailbox.wait(hour)).await.expect("an arrival during a fetch ends the wait").unwrap();
    assert_eq!(list(&mut mailbox).await.len(), 4);

    mailbox.wait(Duration::from_millis(50)).await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), mailbox.wait(hour)).await;
    assert!(quiet.is_err(), "the wait goes on without a new mail");
}

#[tokio::test]
async fn waiting_fails_when_the_server_stops() {
    let mut server = Dovecot::start().await;
    let mut mailbox = open(&plain(&server, "INBOX")).await;
    list(&mut mailbox).await;
    let end = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(300));
        server.stop();
    });
    let (waited, ended) = tokio::join!(tokio::time::timeout(PATIENCE, mailbox.wait(Duration::from_hours(1))), end);
    ended.unwrap();
    let mut error = waited.expect("the end is noticed").err();
    if error.is_none() {
        // The server's BYE ended the wait; the next command fails.
        error = mailbox.list(NaiveDate::MIN).await.err();
    }
    let error = error.expect("the server has stopped");
    assert!(error.kind() == "unreachable" && error.is_closed(), "{error}");
    assert_eq!(mailbox.list(NaiveDate::MIN).await.unwrap_err().kind(), "unreachable");
}

#[tokio::test]
async fn each_failure_to_open_a_mailbox_has_its_own_error() {
    let server = Dovecot::start().await;
    let text = format!("imap://{USER}@127.0.0.1:{}", server.port());
    let wrong = MailboxAddress::parse(&text, Some(SecretString::from("a staple"))).unwrap();
    let error = refused(&wrong).await;
    assert!(error == MailError::LoginRefused && error.needs_operator());
    assert!(!error.to_string().contains(USER) && !error.to_string().contains("staple"));
    assert_eq!(refused(&plain(&server, "Nowhere")).await.kind(), "folder");

    let mut closed = server;
    closed.stop();
    let error = refused(&address(&text)).await;
    assert!(error.kind() == "unreachable" && !error.needs_operator(), "{error}");
}

#[tokio::test]
async fn an_access_token_that_a_command_prints_opens_a_mailbox() {
    let server = Dovecot::start().await;
    server.deliver("INBOX", &mail("one"));
    let text = format!("imap://{USER}@127.0.0.1:{}", server.port());
    let with = |command: &[&str]| {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        MailboxAddress::parse_with(&text, Some(Credential::TokenCommand(command))).unwrap()
    };
    assert_eq!(subjects(&mut open(&with(&["echo", ACCESS_TOKEN])).await).await, ["one"]);
    assert_eq!(refused(&with(&["echo", "another"])).await, MailError::LoginRefused);
    for command in [&["/no/such/program"][..], &["false"], &["true"], &["echo", "two words"]] {
        let error = refused(&with(command)).await;
        assert!(error.kind() == "token" && !error.to_string().contains("words"), "{command:?}: {error}");
    }
    assert!(MailboxAddress::parse_with("maildir:/m", Some(Credential::TokenCommand(vec!["true".to_owned()]))).is_err());
}

#[tokio::test]
async fn each_failure_to_fetch_a_mail_has_its_own_error() {
    let server = Dovecot::start().await;
    for subject in ["stays", "vanishes"] {
        server.deliver("INBOX", &mail(subject));
    }
    let mut mailbox = open(&plain(&server, "INBOX")).await;
    let listed = list(&mut mailbox).await;
    let bytes = listed[0].bytes;
    let too_large = Err(MailError::TooLarge { bytes, limit: bytes - 1 });
    assert_eq!(mailbox.fetch(&listed[0].id, bytes - 1).await, too_large);

    let maildir = server.maildir("INBOX");
    let name = server.mails("INBOX").into_iter().find(|name| name.contains("M1P")).unwrap();
    for folder in ["new", "cur"] {
        let _ = fs::remove_file(maildir.join(folder).join(&name));
    }
    assert_eq!(mailbox.fetch(&listed[1].id, LIMIT).await, Err(MailError::Gone));
    assert_eq!(mailbox.mark(&listed[1].id).await, Err(MailError::Gone));
    let (validity, uid) = listed[0].id.as_str().split_once('/').unwrap();
    for foreign in
        [format!("{}/{uid}", validity.parse::<u32>().unwrap() + 1), format!("{validity}/1:*"), "x".to_owned()]
    {
        assert_eq!(mailbox.fetch(&MailId::from(foreign), LIMIT).await, Err(MailError::Gone));
    }
    assert_eq!(mailbox.fetch(&listed[0].id, bytes).await.unwrap(), mail("stays"), "the connection still works");
}

#[tokio::test]
async fn a_report_of_20_megabytes_arrives_unchanged() {
    let server = Dovecot::start().await;
    let row = "4711,2026-11-21T10:00:00Z,\"Buenos días, ¿en qué puedo ayudarle?\"\r\n";
    let report = row.repeat((20 << 20) / row.len());
    let head = "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/csv; name=report.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    server.deliver("INBOX", format!("{head}{}\r\n--b--\r\n", base64(report.as_bytes())).as_bytes());
    let mut mailbox = open(&plain(&server, "INBOX")).await;
    let entry = list(&mut mailbox).await.remove(0);
    let raw = mailbox.fetch(&entry.id, LIMIT).await.unwrap();
    let parsed = ParsedMail::parse(&raw).unwrap();
    assert!(parsed.attachments[0].bytes == report.as_bytes(), "{} bytes", parsed.attachments[0].bytes.len());
    mailbox.mark(&entry.id).await.unwrap();
}

/// Encodes in lines of 76 characters, as mails do.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 28);
    for line in bytes.chunks(57) {
        for three in line.chunks(3) {
            let number = (0..3).fold(0, |number, at| number << 8 | u32::from(*three.get(at).unwrap_or(&0)));
            for at in 0..4 {
                let sextet = ALPHABET[(number >> (18 - 6 * at) & 63) as usize];
                text.push(if at <= three.len() { char::from(sextet) } else { '=' });
            }
        }
        text.push_str("\r\n");
    }
    text
}

#[tokio::test]
async fn the_client_sends_the_password_only_to_a_trusted_server() {
    let server = Dovecot::start().await;
    server.deliver("INBOX", &mail("safe"));
    let from_the_start = format!("imaps://{USER}@localhost:{}", server.tls_port());
    let later = format!("imap://{USER}@localhost:{}", server.port());
    for text in [&from_the_start, &later] {
        let trusted = address(text).with_ca_file(&server.ca_file()).unwrap();
        assert_eq!(subjects(&mut open(&trusted).await).await, ["safe"], "{text}");
    }
    let error = refused(&address(&from_the_start)).await;
    assert!(error.kind() == "untrusted" && error.needs_operator(), "{error}");
    let named_otherwise = from_the_start.replace("localhost", "127.0.0.1");
    let error = refused(&address(&named_otherwise).with_ca_file(&server.ca_file()).unwrap()).await;
    assert_eq!(error.kind(), "untrusted", "{error}");
    let no_file = address(&from_the_start).with_ca_file(&server.maildir("INBOX")).unwrap();
    assert_eq!(refused(&no_file).await.kind(), "untrusted");
}
