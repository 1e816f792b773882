//! Mails that a test writes itself: those of strangers, and those that a mail server has checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

static DELIVERED: AtomicU32 = AtomicU32::new(0);

/// A report with a CSV. `headers` are lines above the others, such as a mail server adds them.
pub fn report_mail(headers: &[&str], from: &str, csv: &[u8], now: DateTime<Utc>) -> Vec<u8> {
    let above: String = headers.iter().flat_map(|header| [*header, "\r\n"]).collect();
    let date = now.to_rfc2822();
    let encoded = STANDARD.encode(csv);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "{above}From: Certainly <{from}>\r\nTo: <user@example.com>\r\nSubject: Your message report is ready\r\nDate: {date}\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=b=\"\r\n\r\n--=b=\r\nContent-Type: text/plain\r\n\r\n\
         Hello.\r\n--=b=\r\nContent-Type: text/csv; name=report.csv\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
         --=b=--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

/// Delivers a mail into a Maildir, as a mail server does: written to `tmp`, then moved to `new`.
pub fn deliver_to_maildir(maildir: &Path, mail: &[u8]) {
    let count = DELIVERED.fetch_add(1, Ordering::Relaxed);
    let name = format!("stranger.M{count}P{}.test", std::process::id());
    let aside = maildir.join("tmp").join(&name);
    super::write_dated(&aside, mail);
    std::fs::rename(aside, maildir.join("new").join(name)).unwrap();
}
