//! Exports: from a POST to its mail.

use super::*;
use base64::Engine;
use simulator::certainly::{BusyAnswer, ExportState, Mail};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A parsed mail: its `Message-ID`, its text, its file.
struct ParsedMail {
    id: String,
    text: String,
    file: Option<(String, Vec<u8>)>,
}

fn parse(mail: &[u8]) -> ParsedMail {
    let mail = String::from_utf8(mail.to_vec()).unwrap();
    assert!(mail.lines().all(|line| line.len() < 200) && mail.matches('\n').count() == mail.matches("\r\n").count());
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    for name in ["From: ", "To: <user@example.com>", "Subject: ", "MIME-Version: 1.0"] {
        assert!(head.contains(name), "{head}");
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    assert!(DateTime::parse_from_rfc2822(&field("Date: ")).is_ok());
    let id = field("Message-ID: ");
    let Some((_, boundary)) = head.split_once("boundary=\"") else { return ParsedMail { id, text: mail, file: None } };
    let boundary = format!("--{}", boundary.split('"').next().unwrap());
    assert!(body.trim_end().ends_with(&format!("{boundary}--")));
    let parts: Vec<&str> = body.split(boundary.as_str()).collect();
    assert_eq!(parts.len(), 4, "before, text, file, after");
    let (kind, encoded) = parts[2].split_once("\r\n\r\n").unwrap();
    let name = kind.split("filename=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let encoded: String = encoded.split_whitespace().collect();
    let file = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    let kind = if kind.contains("text/csv") { "csv" } else { "octets" };
    assert!(kind == "csv" || parts[2].contains("application/octet-stream"));
    ParsedMail { id, text: parts[1].to_owned(), file: Some((name, file)) }
}

fn mails(bench: &Bench) -> Vec<ParsedMail> {
    bench.vendor.take_mail().iter().map(|mail| parse(mail)).collect()
}

#[tokio::test]
async fn an_export_mails_all_days_as_of_its_completion() {
    let bench = bench(Config { export_takes: Duration::from_millis(1500), ..config() }).await;
    let accepted = bench.order("2026-10-01", "2026-11-20").await;
    assert_eq!(accepted, (200, json!({"message": "The report will be sent to user@example.com"})));
    assert_eq!(bench.vendor.exports()[0].state, ExportState::Running);
    assert!(bench.vendor.take_mail().is_empty());
    bench.clock.forward(TimeDelta::hours(4));
    bench.vendor.idle().await;
    let mails = mails(&bench);
    assert_eq!(mails.len(), 1);
    let (name, file) = mails[0].file.as_ref().unwrap();
    assert_eq!(name, "message_report_2026-11-20.csv");
    let truth = bench.vendor.dataset(BOT, days("2026-10-01", "2026-11-20"));
    assert_eq!(reader::file(file), truth);
    assert!(truth.last().unwrap().timestamp > at("2026-11-20T12:00:00Z"));
    assert!(mails[0].text.contains(BOT) && mails[0].text.contains("2026-10-01"));
    let export = &bench.vendor.exports()[0];
    assert_eq!(
        (export.state, export.rows, export.ready_at),
        (ExportState::Mailed, truth.len(), Some(bench.clock.now()))
    );
    assert_eq!((bench.outcomes(), bench.vendor.busy_count()), (vec!["accepted"], 0));
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn runs_one_export_at_a_time_and_answers_busy_as_configured() {
    let long = Duration::from_hours(1);
    let text = json!({"message": "There is already a report being generated, please wait"});
    for (busy, status) in [(BusyAnswer::Conflict409, 409), (BusyAnswer::TooMany429, 429), (BusyAnswer::Ok200, 200)] {
        let bench = bench(Config { busy, export_takes: long, ..config() }).await;
        assert_eq!(bench.order("2026-11-10", "2026-11-10").await.0, 200);
        let body = json!({"fromDate": "2026-11-10", "toDate": "2026-11-10", "reportId": 1, "botId": OTHER_BOT});
        let response = bench.post(&body).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers().get("retry-after")), (status, None));
        assert_eq!(serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap(), text);
        assert_eq!((bench.outcomes(), bench.vendor.busy_count()), (vec!["accepted", "busy"], 1));
        assert_eq!((bench.vendor.exports().len(), bench.broken_rules()), (1, vec![]));
        // A GET is answered meanwhile.
        assert_eq!(bench.ask(&question("2026-11-10", "2026-11-10")).await.0, 200);
    }
    let tokens = vec![config().token(), String::from("second-token")];
    let bench = bench(Config { tokens, export_takes: long, ..config() }).await;
    let mut statuses = BTreeSet::new();
    bench.order("2026-11-10", "2026-11-10").await;
    for _ in 0..30 {
        statuses.insert(bench.order("2026-11-10", "2026-11-10").await.0);
    }
    assert_eq!((statuses, bench.vendor.busy_count()), (BTreeSet::from([200, 409, 429]), 30));
    // Another token can start an export of its own; a new token in the place of the old one cannot.
    let body = json!({"fromDate": "2026-11-10", "toDate": "2026-11-10", "reportId": 1, "botId": BOT});
    let post = |token: &str| {
        let request = bench.client.post(bench.url("reports/messages/")).header("Content-Type", "application/json");
        sent(request.header("Authorization", format!("JWT {token}")).body(body.to_string()))
    };
    assert!(post("second-token").await.1["message"].as_str().unwrap().contains("will be sent"));
    bench.vendor.set_tokens(vec![String::from("renewed")]);
    assert!(post("renewed").await.1["message"].as_str().unwrap().contains("already"));
    assert_eq!(bench.vendor.exports().len(), 2);
}

#[tokio::test]
async fn a_lost_mail_never_comes_and_the_next_export_is_accepted() {
    let bench = bench(config()).await;
    bench.vendor.set_mail_faults(MailFaults { lost: 1.0, ..MailFaults::default() });
    bench.order("2026-11-10", "2026-11-10").await;
    bench.vendor.idle().await;
    assert!(bench.vendor.take_mail().is_empty());
    bench.vendor.set_mail_faults(MailFaults::default());
    bench.order("2026-11-10", "2026-11-10").await;
    bench.vendor.idle().await;
    assert_eq!(mails(&bench).len(), 1);
    let exports = bench.vendor.exports();
    assert_eq!((exports[0].state, exports[0].fault), (ExportState::Lost, Some("mail_lost")));
    assert_eq!((exports[1].state, exports[1].fault, exports[1].rows), (ExportState::Mailed, None, 40));
    assert_eq!(bench.vendor.busy_count(), 0);
}

#[tokio::test]
async fn a_late_mail_comes_after_the_next_mail() {
    let bench = bench(config()).await;
    let late = MailFaults { late: 1.0, late_by: Duration::from_secs(2), ..MailFaults::default() };
    bench.vendor.set_mail_faults(late);
    bench.order("2026-11-10", "2026-11-10").await;
    while bench.vendor.exports()[0].state == ExportState::Running {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bench.vendor.exports()[0].state, ExportState::Ready);
    bench.vendor.set_mail_faults(MailFaults::default());
    assert_eq!(bench.order("2026-11-11", "2026-11-11").await.0, 200);
    bench.vendor.idle().await;
    let sizes: Vec<usize> =
        mails(&bench).iter().map(|mail| reader::file(&mail.file.as_ref().unwrap().1).len()).collect();
    assert_eq!(sizes, [499, 40]);
    assert_eq!(bench.vendor.exports()[0].state, ExportState::Mailed);
}

#[tokio::test]
async fn a_duplicated_mail_has_the_same_message_id_or_another() {
    let bench = bench(config()).await;
    bench.vendor.set_mail_faults(MailFaults { duplicated: 1.0, ..MailFaults::default() });
    let mut same = BTreeSet::new();
    for _ in 0..12 {
        bench.order("2026-11-10", "2026-11-10").await;
        bench.vendor.idle().await;
        let mails = mails(&bench);
        assert_eq!(mails.len(), 2);
        same.insert(mails[0].id == mails[1].id);
        assert_eq!(mails[0].file.as_ref().unwrap().1, mails[1].file.as_ref().unwrap().1);
    }
    assert_eq!(same.len(), 2);
}

#[tokio::test]
async fn a_foreign_mail_comes_before_the_report() {
    let bench = bench(config()).await;
    bench.vendor.set_mail_faults(MailFaults { foreign: 1.0, ..MailFaults::default() });
    let truth = bench.vendor.dataset(BOT, days("2026-11-10", "2026-11-11"));
    let mut kinds = BTreeSet::new();
    for _ in 0..20 {
        bench.order("2026-11-10", "2026-11-11").await;
        bench.vendor.idle().await;
        let mails = mails(&bench);
        assert_eq!(mails.len(), 2);
        assert_ne!(mails[0].id, mails[1].id);
        assert_eq!(reader::file(&mails[1].file.as_ref().unwrap().1), truth);
        kinds.insert(mails[0].file.as_ref().map_or("newsletter", |(_, file)| {
            let rows = reader::file(file);
            assert!(rows.iter().all(|row| !truth.contains(row)));
            if rows[0].timestamp < at("2026-11-01T00:00:00Z") { "other days" } else { "other bot" }
        }));
        assert!(mails[0].text.contains(OTHER_BOT) || !mails[0].text.contains("2026-11-11"));
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[tokio::test]
async fn a_cut_mail_file_ends_inside_a_row() {
    let bench = bench(config()).await;
    bench.vendor.set_mail_faults(MailFaults { cut: 1.0, ..MailFaults::default() });
    for _ in 0..12 {
        bench.order("2026-11-10", "2026-11-10").await;
        bench.vendor.idle().await;
        let mail = mails(&bench).remove(0);
        let file = mail.file.unwrap().1;
        let text = String::from_utf8(file).unwrap();
        let head = text.trim_start_matches('\u{feff}').lines().next().unwrap();
        let delimiter = [b';', b'\t', b','].into_iter().find(|byte| head.contains(char::from(*byte))).unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
        let lengths: Vec<usize> = reader.records().map(|record| record.unwrap().len()).collect();
        let (last, whole) = lengths.split_last().unwrap();
        assert!(*last < 32 && whole.iter().all(|length| *length == 32) && lengths.len() <= 40, "{lengths:?}");
    }
    assert!(bench.vendor.exports().iter().all(|export| export.rows == 40 && export.state == ExportState::Mailed));
}

fn listed(folder: &Path) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder).into_iter().flatten();
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_maildir_never_contains_a_partial_mail() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not/yet/there");
    let mail_names_bot = false;
    let bench = bench(Config { mail: Mail::Maildir(path.clone()), mail_names_bot, ..config() }).await;
    bench.vendor.set_mail_faults(MailFaults { duplicated: 1.0, ..MailFaults::default() });
    for _ in 0..8 {
        bench.order("2026-11-14", "2026-11-14").await;
        // A reader during the delivery finds complete mails only.
        while bench.vendor.exports().last().unwrap().state != ExportState::Mailed {
            for mail in listed(&path.join("new")) {
                let mail = parse(&mail);
                assert!(!mail.text.contains(BOT));
                assert!(mail.file.is_some());
            }
        }
    }
    bench.vendor.idle().await;
    assert_eq!((listed(&path.join("new")).len(), listed(&path.join("tmp")).len()), (16, 0));
    assert!(path.join("cur").is_dir() && bench.vendor.take_mail().is_empty());
    let first = parse(&listed(&path.join("new"))[0]).file.unwrap().1;
    assert_eq!(reader::file(&first), bench.vendor.dataset(BOT, days("2026-11-14", "2026-11-14")));
}

#[tokio::test]
async fn attachments_have_either_content_type() {
    let bench = bench(config()).await;
    let mut kinds = BTreeSet::new();
    for _ in 0..12 {
        bench.order("2026-11-10", "2026-11-10").await;
        bench.vendor.idle().await;
        let mail = String::from_utf8(bench.vendor.take_mail().remove(0)).unwrap();
        kinds.insert(mail.contains("Content-Type: text/csv"));
        assert_eq!(mail.contains("Content-Type: application/octet-stream"), !mail.contains("Content-Type: text/csv"));
    }
    assert_eq!(kinds.len(), 2);
}
