//! A mail by RFC 5322 and MIME.

use crate::random::generator;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, Utc};
use rand::Rng;

/// A mail.
#[derive(Clone)]
pub(super) struct Email {
    from: String,
    to: String,
    subject: String,
    date: DateTime<Utc>,
    /// Decides `Message-ID`, boundary and the attachment's type.
    seed: u64,
    text: String,
    attachment: Option<Vec<u8>>,
}

/// The name of the mail server that delivers the mails, in their headers `Authentication-Results`.
pub const AUTHSERV_ID: &str = "mx.example.com";

const SALT_AGAIN: u64 = 0xA6A1;
const SALT_HEADERS: u64 = 0x3A11;
/// Characters in a line of base64.
const LINE: usize = 76;

impl Email {
    /// A report with its CSV.
    pub(super) fn report(
        (from, to): (&str, &str),
        about: Option<(&str, NaiveDate, NaiveDate)>,
        (date, seed): (DateTime<Utc>, u64),
        csv: Vec<u8>,
    ) -> Self {
        let about =
            about.map_or_else(String::new, |(bot, from, to)| format!("Bot: {bot}\r\nFrom: {from}\r\nTo: {to}\r\n"));
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            subject: String::from("Your message report is ready"),
            date,
            seed,
            text: format!("Hello,\r\n\r\nplease find your message report attached.\r\n{about}\r\nCertainly\r\n"),
            attachment: Some(csv),
        }
    }

    /// A mail without a report.
    pub(super) fn newsletter(to: &str, date: DateTime<Utc>, seed: u64) -> Self {
        Self {
            from: String::from("news@certainly.io"),
            to: to.to_owned(),
            subject: String::from("What is new: better reports"),
            date,
            seed,
            text: String::from("Hello,\r\n\r\nreports by mail are faster than ever. No message report attached.\r\n"),
            attachment: None,
        }
    }

    /// The same mail under another `Message-ID`.
    pub(super) fn again(&self) -> Self {
        Self { seed: self.seed ^ SALT_AGAIN, ..self.clone() }
    }

    /// The bytes, with CR LF after each line.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut random = generator(self.seed, SALT_HEADERS);
        let (id, boundary): (u64, u64) = (random.random(), random.random());
        // The mailbox's own server has checked the sender.
        let head = format!(
            "Authentication-Results: {AUTHSERV_ID}; dmarc=pass header.from={}\r\nFrom: Certainly <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{id:016x}@certainly.io>\r\n\
             MIME-Version: 1.0\r\n",
            self.from.rsplit('@').next().unwrap_or_default(),
            self.from,
            self.to,
            self.subject,
            self.date.to_rfc2822()
        );
        let plain = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n";
        let Some(csv) = &self.attachment else { return format!("{head}{plain}\r\n{}", self.text).into_bytes() };
        let name = format!("message_report_{}.csv", self.date.date_naive());
        let kind = if random.random() { "text/csv; charset=utf-8" } else { "application/octet-stream" };
        let mut mail = format!(
            "{head}Content-Type: multipart/mixed; boundary=\"={boundary:016x}=\"\r\n\r\n--={boundary:016x}=\r\n\
             {plain}\r\n{}\r\n--={boundary:016x}=\r\nContent-Type: {kind}; name=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n",
            self.text
        );
        let encoded = STANDARD.encode(csv);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(LINE));
            mail.push_str(line);
            mail.push_str("\r\n");
            rest = after;
        }
        format!("{mail}--={boundary:016x}=--\r\n").into_bytes()
    }
}
