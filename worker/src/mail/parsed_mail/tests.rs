use super::*;

/// A mail like a vendor's report, with a text and `part`.
fn mixed(part: &str) -> String {
    let head = "From: Reports <no-reply@example.org>\r\nTo: ana@example.org\r\nMessage-ID: <a.1@example.org>\r\n\
        Date: Sat, 21 Nov 2026 10:00:00 -0500\r\nSubject: =?utf-8?q?Exportaci=C3=B3n?= lista\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"one\"\r\n\r\n--one\r\nContent-Type: text/plain\r\n\r\nHello.\r\n";
    format!("{head}--one\r\n{part}\r\n--one--\r\n")
}

fn read(text: &str) -> ParsedMail {
    ParsedMail::parse(text.as_bytes()).unwrap()
}

fn only(mail: ParsedMail) -> Attachment {
    let mut attachments = mail.attachments;
    assert_eq!(attachments.len(), 1);
    attachments.remove(0)
}

#[test]
fn headers_are_parsed() {
    let mail = read(&mixed("Content-Type: text/csv\r\n\r\na,b"));
    assert_eq!(mail.message_id.as_deref(), Some("a.1@example.org"));
    assert_eq!(mail.from.as_deref(), Some("no-reply@example.org"));
    assert_eq!(mail.date.unwrap().to_rfc3339(), "2026-11-21T15:00:00+00:00");
    assert_eq!(mail.subject.as_deref(), Some("Exportación lista"));
    let bare = read("X-Any: thing\r\n\r\nHello.\r\n");
    assert!(bare.message_id.is_none() && bare.from.is_none() && bare.date.is_none() && bare.attachments.is_empty());
}

#[test]
fn contains_searches_text_subject_and_file_names() {
    let mail = read(&mixed("Content-Type: text/csv; name=\"Report_of_B2.csv\"\r\n\r\na,b"));
    for word in ["hello", "exportación", "b2"] {
        assert!(mail.contains(word), "{word}");
    }
    assert!(!mail.contains("a,b") && !mail.contains("b3") && !mail.contains(""));
}

#[test]
fn every_csv_media_type_is_accepted() {
    let named = "Content-Disposition: attachment; filename=\"Report.CSV\"\r\n";
    let cases = [
        ("text/csv", ""),
        ("TEXT/CSV; charset=utf-8", ""),
        ("application/csv", ""),
        ("text/csv", "Content-Disposition: inline\r\n"),
        ("application/octet-stream", named),
        ("application/vnd.ms-excel", named),
        ("text/plain", named),
        ("application/octet-stream; name=\"r.csv\"", ""),
    ];
    for (kind, disposition) in cases {
        let part = only(read(&mixed(&format!("Content-Type: {kind}\r\n{disposition}\r\nid,text\r\n1,é"))));
        assert_eq!(String::from_utf8(part.bytes).unwrap(), "id,text\r\n1,é", "{kind}");
        assert_eq!(part.content_type, kind.split(';').next().unwrap().to_lowercase());
        assert_eq!(part.name.is_some(), disposition == named || kind.contains("name"), "{kind}");
    }
    for other in ["application/octet-stream", "text/plain", "text/html", "application/pdf; name=\"csv.pdf\""] {
        assert!(read(&mixed(&format!("Content-Type: {other}\r\n\r\nid"))).attachments.is_empty(), "{other}");
    }
}

#[test]
fn every_encoding_gives_the_bytes_that_were_sent() {
    // "1,é\r\n" in UTF-8, and in undeclared Latin-1; both must arrive unchanged.
    let cases: [(&str, &str, &[u8]); 5] = [
        ("text/csv", "base64\r\n\r\nMSzD\r\nqQ0K", "1,é\r\n".as_bytes()),
        ("application/octet-stream; name=a.csv", "base64\r\n\r\nMSzDqQ0K", "1,é\r\n".as_bytes()),
        ("text/csv", "quoted-printable\r\n\r\n1,=\r\n=C3=A9\r\n2,=3D\r\n", "1,é\r\n2,=\r\n".as_bytes()),
        ("text/csv", "base64\r\n\r\nMSzpDQo=", b"1,\xe9\r\n"),
        ("text/csv; charset=ISO-8859-1", "base64\r\n\r\nMSzpDQo=", "1,é\r\n".as_bytes()),
    ];
    for (kind, rest, bytes) in cases {
        let text = mixed(&format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {rest}"));
        assert_eq!(only(read(&text)).bytes, bytes, "{kind} {rest}");
    }
}

#[test]
fn file_names_in_every_encoding_are_parsed() {
    let cases = [
        ("attachment; filename*=utf-8''Exportaci%C3%B3n%201.csv", "Exportación 1.csv"),
        ("attachment; filename*0*=utf-8''Exporta; filename*1*=ci%C3%B3n; filename*2=.csv", "Exportación.csv"),
        ("attachment; filename=\"=?utf-8?B?RXhwb3J0YWNpw7NuLmNzdg==?=\"", "Exportación.csv"),
        ("attachment; filename=\"=?iso-8859-1?Q?Exportaci=F3n.csv?=\"", "Exportación.csv"),
        ("attachment; filename=plain.csv", "plain.csv"),
    ];
    for (disposition, name) in cases {
        let text =
            mixed(&format!("Content-Type: application/octet-stream\r\nContent-Disposition: {disposition}\r\n\r\nid"));
        assert_eq!(only(read(&text)).name.as_deref(), Some(name), "{disposition}");
    }
}

#[test]
fn nested_attachments_are_found() {
    let csv = "Content-Type: text/csv; name=deep.csv\r\n\r\nid\r\n1";
    let related = format!("Content-Type: multipart/related; boundary=two\r\n\r\n--two\r\n{csv}\r\n--two--\r\n");
    let nested =
        format!("Content-Type: multipart/alternative; boundary=three\r\n\r\n--three\r\n{related}\r\n--three--\r\n");
    assert_eq!(only(read(&mixed(&nested))).bytes, b"id\r\n1");

    let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{}", mixed(csv).replace("one", "inner"));
    let part = only(read(&mixed(&forwarded)));
    assert_eq!((part.name.as_deref(), part.bytes.as_slice()), (Some("deep.csv"), b"id\r\n1".as_slice()));

    let whole = "Subject: x\r\nContent-Type: text/csv\r\n\r\nid\r\n1\r\n";
    assert_eq!(only(read(whole)).bytes, b"id\r\n1\r\n");
}

#[test]
fn an_unusable_mail_is_rejected_with_a_reason() {
    assert_eq!(ParsedMail::parse(b"").err(), Some(MailParseError::NoHeader));
    let zip = "Content-Type: application/zip; name=report.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==";
    assert_eq!(ParsedMail::parse(mixed(zip).as_bytes()).err(), Some(MailParseError::Zip));
    let both = format!("{zip}\r\n--one\r\nContent-Type: text/csv\r\n\r\nid");
    assert_eq!(only(read(&mixed(&both))).bytes, b"id");
    let broken = "Content-Type: text/csv\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!";
    assert_eq!(ParsedMail::parse(mixed(broken).as_bytes()).err(), Some(MailParseError::InvalidEncoding));
}
