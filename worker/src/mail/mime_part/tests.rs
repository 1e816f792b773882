use super::super::parsed_mail::ParsedMail;
use super::*;
use std::fmt::Write;

fn error(raw: &str) -> Option<MailParseError> {
    ParsedMail::parse(raw.as_bytes()).err()
}

fn nested(depth: usize) -> String {
    "Content-Type: message/rfc822\r\n\r\n".repeat(depth) + "Content-Type: text/csv\r\n\r\nid\r\n1\r\n"
}

fn wide(parts: usize) -> String {
    let head = "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    format!("{head}{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(parts))
}

#[test]
fn a_mail_within_the_bounds_is_read() {
    assert_eq!(ParsedMail::parse(nested(DEEPEST).as_bytes()).unwrap().attachments[0].bytes, b"id\r\n1\r\n");
    assert_eq!(leaves(wide(MOST_PARTS - 1).as_bytes()).unwrap().len(), MOST_PARTS - 1);
}

#[test]
fn a_mail_beyond_a_bound_is_rejected_with_a_reason() {
    assert_eq!(error(&nested(DEEPEST + 1)), Some(MailParseError::TooDeep));
    assert_eq!(error(&wide(MOST_PARTS)), Some(MailParseError::TooManyParts));
    let long = format!("From: a@example.org\r\nX-Long: {}\r\n\r\n", "x".repeat(LONGEST_HEADER));
    assert_eq!(error(&long), Some(MailParseError::HeaderTooLong));
    let mut files = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned();
    for file in 0..11 {
        write!(files, "--b\r\nContent-Type: text/csv; name={file}.csv\r\n\r\nid\r\n").unwrap();
    }
    assert_eq!(error(&files), Some(MailParseError::TooManyFiles));
    for error in [MailParseError::TooDeep, MailParseError::TooManyParts, MailParseError::HeaderTooLong] {
        let text = error.to_string();
        assert!(text.contains(char::is_numeric) && text.contains("mail"), "{text}");
    }
}

/// Each of these mails would take a parser that follows every part gigabytes of memory or all of its stack.
#[test]
fn a_mail_of_a_million_parts_takes_no_more_than_its_bounds() {
    assert_eq!(error(&nested(500_000)), Some(MailParseError::TooDeep));
    assert_eq!(error(&wide(1_000_000)), Some(MailParseError::TooManyParts));
    assert_eq!(error(&"a:\n".repeat(5_000_000)), Some(MailParseError::HeaderTooLong));
    let multiparts = "Content-Type: multipart/mixed; boundary=b\n\n--b\n".repeat(300_000);
    assert_eq!(error(&multiparts), Some(MailParseError::TooManyParts));
    // A mail in an encoded part is not opened: no program may send one.
    let inner = "Q29udGVudC1UeXBlOiB0ZXh0L2NzdgoKaWQ=";
    let encoded = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{inner}");
    assert!(ParsedMail::parse(encoded.as_bytes()).unwrap().attachments.is_empty());
}

#[test]
fn a_delimiter_is_a_whole_line() {
    let body = "preamble --b\r\n--b \t\r\none\r\n--bc\r\n --b\r\n\r\n--b\r\n\r\n--b--\r\n--b\r\nepilogue";
    let parts: Vec<&[u8]> = Delimited::new(body.as_bytes(), "b").collect();
    assert_eq!(parts, [b"one\r\n--bc\r\n --b\r\n".as_slice(), b""]);
    assert_eq!(Delimited::new(b"no delimiter", "b").count(), 0);
    assert_eq!(Delimited::new(b"--b\ncut off", "b").collect::<Vec<_>>(), [b"cut off"]);
    assert_eq!(Delimited::new(b"--b--\n", "b").count(), 0);
}

#[test]
fn only_one_sender_is_a_sender() {
    let from = |head: &str| ParsedMail::parse(format!("{head}\r\n\r\nHello.").as_bytes()).unwrap().from;
    assert_eq!(from("From: Reports <a@example.org>").as_deref(), Some("a@example.org"));
    assert_eq!(from("From: \"b@example.org\" <a@example.org>").as_deref(), Some("a@example.org"));
    for head in [
        "From: a@example.org, b@example.org",
        "From: a@example.org\r\nFrom: b@example.org",
        "From: b@example.org\r\nSubject: x\r\nFROM: a@example.org",
        "From: group: a@example.org, b@example.org;",
        "Subject: x",
    ] {
        assert_eq!(from(head), None, "{head}");
    }
}

#[test]
fn the_results_of_mail_servers_keep_their_order() {
    let raw = "Authentication-Results: mx.example.com;\r\n\tdkim=pass header.d=example.org\r\nReceived: x\r\n\
               authentication-results: \"other\u{ff}\"; none\r\nFrom: a@example.org\r\n\r\nAuthentication-Results: body\r\n";
    let raw: Vec<u8> = raw.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    let results = ParsedMail::parse(&raw).unwrap().authentication_results;
    assert_eq!(results.len(), 2);
    assert!(results[0].starts_with("mx.example.com;") && results[0].ends_with("header.d=example.org"), "{results:?}");
    assert!(results[1].ends_with("; none"), "{results:?}");
}

/// Every beginning of a mail, and the mail with any of its bytes replaced, is read or rejected.
#[test]
fn a_damaged_mail_never_ends_the_parser() {
    let csv = "Content-Type: text/csv; name=\"a.csv\"; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\nMSzpDQo=";
    let inner = format!("Content-Type: message/rfc822\r\n\r\nFrom: <b@example.org>\r\n{csv}");
    let raw = format!(
        "Authentication-Results: mx.example.com; dkim=pass\r\nFrom: A <a@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 -0500\r\n\
         Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\r\nHello.\r\n--b\r\n{csv}\r\n--b\r\n{inner}\r\n--b--\r\n"
    )
    .into_bytes();
    assert_eq!(ParsedMail::parse(&raw).unwrap().attachments.len(), 2);
    for at in 0..raw.len() {
        let _ = ParsedMail::parse(&raw[..at]);
        for byte in [b'\n', b'\r', b' ', b'-', b'"', b'(', b'=', 0, 0xff] {
            let mut damaged = raw.clone();
            damaged[at] = byte;
            let _ = ParsedMail::parse(&damaged);
        }
    }
}
