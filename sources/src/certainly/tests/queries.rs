use super::super::super::{ConfiguredAccount, open};
use super::super::rules::defaults;
use super::*;
use domain::mail_trust::{AllowedSender, MailPolicy};
use domain::rules::Export;
use domain::slice::Slice;
use domain::source::{Cursor, Method, Request};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE2Mzk2NDU5NjR9.c2VjcmV0";

fn settings(more: &Value) -> Map<String, Value> {
    let mut settings = Map::new();
    let own = serde_json::json!({"source": "certainly", "token": TOKEN, "bot_ids": [BOT, "2b11"]});
    for (key, value) in own.as_object().unwrap().iter().chain(more.as_object().unwrap()) {
        settings.insert(key.clone(), value.clone());
    }
    settings.retain(|_, value| !value.is_null());
    settings
}

fn opened(more: &Value) -> ConfiguredAccount {
    open("certainly_dk", &settings(more)).unwrap()
}

fn asked(opened: &ConfiguredAccount, slice: &Slice, cursor: Option<&str>) -> Result<Request, Fault> {
    opened.source.request(BOT, slice, cursor.map(|cursor| Cursor(cursor.to_owned())).as_ref())
}

use serde_json::json as value;

#[test]
fn a_window_becomes_a_request() {
    let opened = opened(&value!({"since": "2026-10-01"}));
    let url = |from: &str, to: &str, cursor: Option<&str>| {
        asked(&opened, &Slice::Window(window(from, to)), cursor).map(|request| request.url)
    };
    let expected = |from: &str, to: &str| {
        let path = "https://app.certainly.io/api/frontend/reports/messages/";
        Ok(format!("{path}?fromDate={from}&toDate={to}&reportId=1&botId={BOT}"))
    };
    let day = ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    assert_eq!(url(day.0, day.1, None), expected("2026-11-20", "2026-11-20"));
    assert_eq!(url(day.0, day.1, Some("confirm")), expected("2026-11-20", "2026-11-21"));
    assert_eq!(url(day.0, day.1, Some("again")), expected("2026-11-20", "2026-11-20"));
    let cases = [
        ("2026-11-20T23:59:59Z", "2026-11-21T00:00:01Z", "2026-11-20", "2026-11-21"),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:01Z", "2026-11-20", "2026-11-20"),
        ("2026-11-07T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-07", "2026-11-21"),
        ("2026-12-31T00:00:00Z", "2027-01-01T00:00:00.001Z", "2026-12-31", "2027-01-01"),
    ];
    for (from, to, first, last) in cases {
        assert_eq!(url(from, to, None), expected(first, last), "{from} {to}");
    }
    let request = asked(&opened, &Slice::Window(window(day.0, day.1)), None).unwrap();
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let authorization = format!("JWT {TOKEN}");
    assert_eq!(headers, [("Authorization", authorization.as_str()), ("Content-Type", "application/json")]);
    assert_eq!((request.method, request.body.as_deref()), (Method::Get, None));
    assert!(!format!("{request:?} {opened:?} {:?}", opened.source.lane()).contains(TOKEN));
    assert_eq!(opened.since, chrono::NaiveDate::from_ymd_opt(2026, 10, 1));
}

#[test]
fn an_export_is_a_post_and_may_be_long() {
    let settings = value!({"to_date": "exclusive", "report_id": "3", "message_report_path": "/reports/messages",
        "base_url": "http://127.0.0.1:4010/api/"});
    let opened = opened(&settings);
    let months = window("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    let request = asked(&opened, &Slice::Export(months), None).unwrap();
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "http://127.0.0.1:4010/api/reports/messages/"));
    let body: Value = serde_json::from_str(&request.body.unwrap()).unwrap();
    let expected = value!({"fromDate": "2026-08-01", "toDate": "2026-11-01", "reportId": 3, "botId": BOT});
    assert_eq!(body, expected);
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Authorization", "Content-Type"]);
    // With the day after as toDate, fifteen days are still fifteen.
    let days = asked(&opened, &Slice::Window(window("2026-11-07T00:00:00Z", "2026-11-22T00:00:00Z")), None).unwrap();
    assert!(days.url.contains("fromDate=2026-11-07&toDate=2026-11-22&reportId=3"), "{}", days.url);
}

#[test]
fn refuses_other_slices() {
    let opened = opened(&value!({}));
    let day = Slice::Window(window("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"));
    let sixteen = Slice::Window(window("2026-11-01T00:00:00Z", "2026-11-16T00:00:00.001Z"));
    let touching = Slice::Window(window("2026-11-01T12:00:00Z", "2026-11-16T12:00:00Z"));
    let export = Slice::Export(window("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"));
    let cursor = |text: &str| Some(Cursor(text.to_owned()));
    let cases = [
        ("2b12", day.clone(), None),
        (BOT, sixteen, None),
        (BOT, touching, None),
        (BOT, Slice::Item("1".to_owned()), None),
        (BOT, Slice::Delivery(1), None),
        (BOT, day.clone(), cursor("page 2")),
        (BOT, export.clone(), cursor("confirm")),
    ];
    for (stream, slice, cursor) in cases {
        let refused = opened.source.request(stream, &slice, cursor.as_ref()).unwrap_err();
        assert_eq!(refused.kind(), "refused", "{slice:?}");
        assert!(opened.source.reader(stream, &slice, cursor.as_ref()).is_err(), "{slice:?}");
    }
    assert!(opened.source.reader(BOT, &day, None).is_ok() && opened.source.reader(BOT, &export, None).is_ok());
    assert!(opened.source.file_reader(BOT).is_ok());
    assert_eq!(opened.source.file_reader("2b12").err().map(|fault| fault.kind()), Some("refused"));
}

#[test]
fn readers_share_what_they_learn_about_to_date() {
    let opened = opened(&value!({}));
    let day = Slice::Window(window("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"));
    let cursor_after = |bot: &str, body: &str| {
        let mut reader = opened.source.reader(bot, &day, None).unwrap();
        reader.feed(head(200), body.as_bytes()).unwrap();
        reader.finish(head(200)).unwrap().cursor
    };
    assert_eq!(cursor_after(BOT, "[]"), Some(Cursor("confirm".to_owned())));
    assert_eq!(cursor_after("2b11", r#"[{"id":1,"timestamp":"2026-11-20T00:00:00Z"}]"#), None);
    assert_eq!(cursor_after(BOT, "[]"), None);
    let exclusive = self::opened(&value!({"to_date": "exclusive"}));
    let mut reader = exclusive.source.reader(BOT, &day, None).unwrap();
    reader.feed(head(200), b"[]").unwrap();
    assert_eq!(reader.finish(head(200)).unwrap().cursor, None);
}

#[test]
fn an_account_describes_itself() {
    let source = opened(&value!({})).source;
    assert_eq!((source.account(), source.vendor(), source.zone()), ("certainly_dk", "certainly", chrono_tz::Tz::UTC));
    let streams = source.streams();
    let named: Vec<_> = streams.iter().map(|stream| (stream.name.as_str(), stream.table, stream.at)).collect();
    assert_eq!(named, [(BOT, "certainly_messages", "timestamp"), ("2b11", "certainly_messages", "timestamp")]);
    assert_eq!(source.credential_expires(), Some(utc("2021-12-16T09:12:44Z")));
    assert_eq!(opened(&value!({"token": "opaque"})).source.credential_expires(), None);
    assert_eq!(source.lane(), opened(&value!({"bot_ids": "x"})).source.lane(), "one token, one lane");
    assert_ne!(source.lane(), opened(&value!({"token": "another"})).source.lane());
    assert!(source.mailbox().is_none());
}

#[test]
fn a_mailbox_enables_exports() {
    let rules = opened(&value!({})).source.rules().clone();
    assert_eq!((rules.export, rules), (None, defaults()));
    let source = opened(&value!({"mailbox": "maildir:/var/mail/certainly"})).source;
    let export = Export { busy_retry: Duration::from_mins(15), patience: Duration::from_hours(24) };
    assert_eq!(source.rules().export, Some(export));
    let mailbox = source.mailbox().unwrap();
    assert_eq!((mailbox.address.as_str(), mailbox.interval), ("maildir:/var/mail/certainly", Duration::from_mins(1)));
    assert!(mailbox.password.is_none());
    let settings = value!({"mailbox": "imaps://reports%40shop@mail.example/INBOX/Certainly", "mailbox_password": "p4ss",
        "mailbox_interval": "5m", "busy_retry": "1m", "export_patience": "2h"});
    let source = opened(&settings).source;
    let export = Export { busy_retry: Duration::from_mins(1), patience: Duration::from_hours(2) };
    assert_eq!(source.rules().export, Some(export));
    let mailbox = source.mailbox().unwrap();
    assert_eq!(mailbox.password.as_ref().unwrap().expose_secret(), "p4ss");
    assert_eq!(mailbox.interval, Duration::from_mins(5));
    assert!(!format!("{mailbox:?}").contains("p4ss"));
}

#[test]
fn the_settings_say_which_mails_are_believed() {
    let policy = |more: Value| opened(&more).source.mailbox().unwrap().policy.clone();
    assert_eq!(
        policy(value!({"mailbox": "maildir:/m"})),
        MailPolicy { is_trusted_folder: true, ..MailPolicy::default() },
        "only programs of the own host write to a Maildir"
    );
    let imap = value!({"mailbox": "imaps://me@host", "mailbox_password": "pw"});
    assert!(policy(imap).believes_nothing(), "anyone can mail an IMAP folder");
    let senders = [AllowedSender::parse("@certainly.io").unwrap(), AllowedSender::parse("a@vendor.example").unwrap()];
    assert_eq!(
        policy(
            value!({"mailbox": "imaps://me@host", "mailbox_password": "pw", "mailbox_authserv_id": "mx.example.com",
            "mailbox_from": ["@Certainly.io", "a@vendor.example"]})
        ),
        MailPolicy {
            senders: senders.to_vec(),
            authserv_id: Some("mx.example.com".to_owned()),
            is_trusted_folder: false
        }
    );
    assert_eq!(
        policy(value!({"mailbox": "maildir:/m", "mailbox_from": "@certainly.io, a@vendor.example"})).senders,
        senders
    );
}

#[test]
fn settings_tighten_the_rules() {
    let wishes = value!({"row_cap": "200", "interval": "1h", "settle": "24h", "spacing": "0s", "timeout": "20s"});
    let rules = opened(&wishes).source.rules().clone();
    assert_eq!((rules.row_cap, rules.settle, rules.spacing), (200, chrono::TimeDelta::hours(24), Duration::ZERO));
    assert_eq!((rules.interval, rules.timeout), (Duration::from_hours(1), Duration::from_secs(20)));
    assert_eq!((rules.granularity, rules.longest), (chrono::TimeDelta::days(1), chrono::TimeDelta::days(15)));
}

/// Checks that each of these settings has one problem, which names the key and what to write.
fn assert_problems(cases: &[(Value, &str)]) {
    for (more, expected) in cases {
        let problems = open("certainly_dk", &settings(more)).unwrap_err();
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert!(found[0].starts_with(&format!("accounts.certainly_dk.{expected}")), "{more}: {}", found[0]);
        assert!(!found[0].contains(TOKEN) && !found[0].contains("pw"), "{}", found[0]);
    }
}

#[test]
fn names_each_problem_of_a_mailbox_and_what_to_write() {
    assert_problems(&[
        (
            value!({"mailbox": "/var/mail"}),
            "mailbox: must be a Maildir or an IMAP mailbox; write mailbox = \"maildir:/path\", ",
        ),
        (value!({"mailbox": "maildir:mail"}), "mailbox: must be a Maildir or an IMAP mailbox; write"),
        (value!({"mailbox": "imaps://host/INBOX", "mailbox_password": "pw"}), "mailbox: must name a user before"),
        (
            value!({"mailbox": "imap://me:pw@host/INBOX", "mailbox_password": "pw"}),
            "mailbox: must not contain the password",
        ),
        (
            value!({"mailbox": "maildir:/m", "mailbox_password": "pw"}),
            "mailbox: a Maildir takes no mailbox_password and no mailbox_token_command; write",
        ),
        (
            value!({"mailbox": "imaps://me@host", "mailbox_token_command": "get-token"}),
            "mailbox_token_command: must be a list of a program and its arguments, in quotes; write",
        ),
        (
            value!({"mailbox": "imaps://me@host", "mailbox_token_command": ["t"], "mailbox_password": "pw"}),
            "mailbox_token_command: must not be set beside mailbox_password",
        ),
        (value!({"mailbox": "imaps://me@host/INBOX"}), "mailbox_password: missing; write mailbox_password = \"…\""),
        (value!({"mailbox_password": "pw"}), "mailbox_password: the account has no mailbox; write mailbox = "),
        (
            value!({"mailbox_from": ["@certainly.io"]}),
            "mailbox_from: the account has no mailbox; write mailbox = \"…\", or leave mailbox_from out",
        ),
        (
            value!({"mailbox": "maildir:/m", "mailbox_from": ["certainly.io"]}),
            "mailbox_from: must be mail addresses or domains with an @ before them; write mailbox_from = [\"@certainly.io\"]",
        ),
        (
            value!({"mailbox": "maildir:/m", "mailbox_authserv_id": "mx.example.com"}),
            "mailbox_authserv_id: lets in every authentic sender unless mailbox_from names the vendor's; write mailbox_from",
        ),
        (
            value!({"mailbox": "maildir:/m", "mailbox_from": "@a.example", "mailbox_authserv_id": "mx; dkim=pass"}),
            "mailbox_authserv_id: must be the word before the first semicolon",
        ),
    ]);
}

#[test]
fn names_each_problem_and_what_to_write() {
    let cases = [
        (value!({"token": null}), "token: missing; write token = \"…\" or token_file = \"/path\""),
        (value!({"token": "JWT abc"}), "token: contains a blank"),
        (value!({"bot_ids": null}), "bot_ids: missing; write bot_ids = [\"xxxxxxxx-xxxx"),
        (value!({"bot_ids": []}), "bot_ids: empty; write bot_ids = [\"xxxxxxxx-xxxx"),
        (value!({"bot_ids": [1]}), "bot_ids: must be a list of texts, in quotes; write"),
        (value!({"bot_ids": "a,b&c"}), "bot_ids: \"b&c\" is not an id; write"),
        (value!({"bot_ids": "a1,A1"}), "bot_ids: \"a1\" is in the list twice; write"),
        (value!({"base_url": "http://app.certainly.io/api"}), "base_url: http would send the token unencrypted"),
        (value!({"base_url": "https://me:pw@host"}), "base_url: the address must not contain a user"),
        (value!({"base_url": "app.certainly.io"}), "base_url: this is not the address"),
        (value!({"message_report_path": "a/?b=c"}), "message_report_path: must be a path below base_url"),
        (value!({"message_report_path": "a/../b"}), "message_report_path: must be a path below base_url"),
        (value!({"message_report_path": "/"}), "message_report_path: must be a path below base_url"),
        (value!({"report_id": 5}), "report_id: there is no such report; write report_id = 1 for message data, 2 for"),
        (value!({"report_id": "one"}), "report_id: must be a whole number; write report_id = 1"),
        (value!({"to_date": "both"}), "to_date: must be \"inclusive\" or \"exclusive\"; write to_date = \""),
        (value!({"mailbox_interval": "1"}), "mailbox_interval: 1 has no unit; write"),
        (value!({"busy_retry": "0s"}), "busy_retry: must be at least a second; write busy_retry = \"900s\""),
        (value!({"export_patience": "later"}), "export_patience: \"later\" is not a duration; write"),
        (value!({"row_cap": 501}), "row_cap: the vendor answers with at most 500 rows; write 2 to 500"),
        (value!({"width": 2}), "width: the vendor permits at most 1"),
        (value!({"server": "0042"}), "server: there is no such setting; write"),
    ];
    assert_problems(&cases);
    let files = value!({"token_file": "token.txt", "mailbox_password_file": "password.txt"});
    assert!(open("a", &settings(&files)).is_ok(), "the caller has put the files' texts under their keys");
}
