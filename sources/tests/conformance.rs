//! The behaviour that every vendor shares. The examples come from each vendor's registration, so that a new vendor needs no
//! edit here.

#![cfg(test)]

use chrono::{DateTime, TimeDelta, Utc};
use domain::fault::Fault;
use domain::rules::{Limits, RuleOverrides};
use domain::slice::Slice;
use domain::source::{Reader, ResponseHead, ResponseSummary, Source};
use domain::window::Window;
use entities::rows::RowBatch;
use entities::schemas;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use sources::vendor::{CONVERSATIONS_COLUMNS, Vendor};
use sources::{VENDORS, open};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

type Account = Arc<dyn Source<RowBatch>>;

const SECRET: &str = "c4n4ry-t0k3n";

/// The settings of the vendor's example.
fn settings(vendor: &Vendor) -> Map<String, Value> {
    let mut settings: Map<String, Value> = serde_json::from_str(vendor.examples.settings).unwrap();
    settings.insert("source".to_owned(), json!(vendor.name));
    settings.insert("token".to_owned(), json!(SECRET));
    settings
}

fn account(vendor: &Vendor) -> Account {
    open("a", &settings(vendor)).unwrap_or_else(|problems| panic!("{}: {problems:?}", vendor.name)).source
}

fn accounts() -> Vec<(&'static Vendor, Account)> {
    VENDORS.iter().map(|vendor| (vendor, account(vendor))).collect()
}

fn now() -> DateTime<Utc> {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

/// The window of the vendor's example.
fn days(vendor: &Vendor) -> Slice {
    Slice::Window(Window::new(now() - TimeDelta::days(vendor.examples.days), now()).unwrap())
}

/// The first response to a query for those days, and its rows.
fn read(vendor: &Vendor, head: ResponseHead, chunks: &[&[u8]]) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    let source = account(vendor);
    let stream = source.streams().remove(0).name;
    feed(source.reader(&stream, &days(vendor), None)?, head, chunks)
}

fn feed(
    mut reader: Box<dyn Reader<RowBatch>>,
    head: ResponseHead,
    chunks: &[&[u8]],
) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    let mut batches = Vec::new();
    for chunk in chunks {
        reader.feed(head, chunk)?;
        batches.extend(std::iter::from_fn(|| reader.take()));
    }
    let step = reader.finish(head)?;
    batches.extend(std::iter::from_fn(|| reader.take()));
    Ok((step, batches))
}

fn head(status: u16) -> ResponseHead {
    ResponseHead { status, retry_after: None, date: None }
}

#[test]
fn names_are_unique_words() {
    let mut names = BTreeSet::new();
    for (vendor, source) in accounts() {
        assert!(vendor.name.bytes().all(|byte| byte.is_ascii_lowercase()) && source.account() == "a");
        assert_eq!(source.vendor(), vendor.name);
        assert!(names.insert(vendor.name), "{} twice", vendor.name);
    }
}

#[test]
fn streams_are_distinct_and_have_tables() {
    let shapes = schemas();
    for (vendor, source) in accounts() {
        let streams = source.streams();
        let names: BTreeSet<_> = streams.iter().map(|stream| stream.name.clone()).collect();
        assert!(!streams.is_empty() && names.len() == streams.len(), "{}", vendor.name);
        for stream in &streams {
            let shape = shapes.iter().find(|shape| shape.table == stream.table).unwrap();
            let columns: BTreeSet<_> = shape.columns.iter().map(|column| column.name).collect();
            assert!(columns.contains(stream.at) && stream.partition.is_none_or(|part| columns.contains(part)));
            assert!(
                streams.len() == 1 || stream.partition.is_some(),
                "{}: no column tells the streams apart",
                vendor.name
            );
        }
    }
}

#[test]
fn an_account_could_set_the_rules_in_force() {
    for (vendor, source) in accounts() {
        let rules = source.rules();
        let limits = Limits {
            longest: rules.longest,
            row_cap: rules.row_cap,
            max_in_flight: rules.max_in_flight,
            spacing: rules.spacing,
        };
        assert_eq!(rules.tighten(&limits, &RuleOverrides::default()).as_ref(), Ok(rules), "{}", vendor.name);
        assert!(rules.lease > rules.timeout && rules.longest >= rules.step.max(rules.granularity));
        assert!(rules.longest.num_milliseconds() % rules.granularity.max(rules.step).num_milliseconds() == 0);
    }
}

/// The credential is in one header only, because logs never show header values.
#[test]
fn a_request_shows_no_secret() {
    for (vendor, source) in accounts() {
        let stream = source.streams().remove(0).name;
        let request = source.request(&stream, &days(vendor), None).unwrap();
        let sent: Vec<_> = request.headers.iter().filter(|(_, value)| value.expose_secret().contains(SECRET)).collect();
        assert_eq!(sent.len(), 1, "{}: one header holds the credential", vendor.name);
        assert!(request.url.starts_with("https://") && !request.url.contains(SECRET));
        assert!(request.body.as_ref().is_none_or(|body| !body.contains(SECRET)));
        assert!(!format!("{request:?} {:?}", source.lane()).contains(SECRET));
    }
}

#[test]
fn refuses_unknown_slices_and_streams() {
    for (vendor, source) in accounts() {
        let name = vendor.name;
        let stream = source.streams().remove(0).name;
        let part = |part: &str| Slice::Partition(part.to_owned(), days(vendor).window().unwrap());
        for slice in [Slice::Item("../1".to_owned()), part("../1"), Slice::Delivery(1)] {
            assert!(matches!(source.request(&stream, &slice, None), Err(Fault::Refused(_))), "{name}");
        }
        assert!(matches!(source.request("no such stream", &days(vendor), None), Err(Fault::Refused(_))), "{name}");
        assert!(matches!(source.reader("no such stream", &days(vendor), None), Err(Fault::Refused(_))), "{name}");
    }
}

/// A credential has one lane, whatever the account's name; another credential has another lane.
#[test]
fn a_lane_belongs_to_a_credential() {
    for vendor in VENDORS {
        let lane = |account: &str, token: &str| {
            let mut settings = settings(vendor);
            settings["token"] = token.into();
            open(account, &settings).unwrap().source.lane()
        };
        assert_eq!(lane("a", SECRET), lane("b", SECRET), "{}", vendor.name);
        assert_ne!(lane("a", SECRET), lane("a", "another"), "{}", vendor.name);
    }
}

/// A response that is not the expected one is a fault of the right kind, and never an empty day.
#[test]
fn no_refusal_passes_for_a_response() {
    let page: &[u8] = b"<html><body>We will be back soon, 573001112233</body></html>";
    for vendor in VENDORS {
        let name = vendor.name;
        let fault = |status, body: &[u8]| read(vendor, head(status), &[body]).expect_err(name);
        assert!(matches!(fault(401, b"{\"detail\":\"no\"}"), Fault::Unauthorised(_)), "{name}");
        assert!(matches!(fault(504, page), Fault::TimedOut(_)), "{name}");
        for status in [500, 502, 503] {
            assert!(matches!(fault(status, page), Fault::Unreachable(_)), "{name}: {:?}", fault(status, page));
        }
        for body in [page, b"", b"{", b"[{", b"\"\"", b"null and void"] {
            assert!(matches!(fault(200, body), Fault::Malformed(_)), "{name}: {:?}", fault(200, body));
        }
        let wait = ResponseHead { status: 429, retry_after: Some(Duration::from_secs(7)), date: None };
        let throttled = read(vendor, wait, &[page]).expect_err(name);
        let expected = Some(Duration::from_secs(7));
        assert!(matches!(throttled, Fault::Throttled { retry_after, .. } if retry_after == expected), "{name}");
        assert!(!throttled.to_string().contains("573001112233"), "{name}: {throttled}");
        // The size of the chunks makes no difference.
        let bytes: Vec<&[u8]> = page.chunks(1).collect();
        assert_eq!(read(vendor, head(200), &bytes).unwrap_err(), fault(200, page), "{name}");
    }
}

#[test]
fn reads_the_examples_of_each_vendor() {
    for vendor in VENDORS {
        let (name, examples) = (vendor.name, &vendor.examples);
        let (step, rows) = read(vendor, head(200), &[examples.response]).unwrap();
        assert!(step.rejects.is_empty(), "{name}: {:?}", step.rejects);
        assert!(!rows.is_empty() || !step.items.is_empty() || step.cursor.is_some(), "{name}: nothing came");
        let bytes: Vec<&[u8]> = examples.response.chunks(1).collect();
        assert_eq!(format!("{:?}", read(vendor, head(200), &bytes).unwrap()), format!("{:?}", (step, rows)), "{name}");
        let (step, rows) = read(vendor, head(200), &[examples.empty_response]).unwrap();
        assert_eq!((step.rows, step.items.len(), rows.len()), (0, 0, 0), "{name}");
        for (status, body, kind) in examples.refusals {
            let fault = read(vendor, head(*status), &[body]).expect_err(name);
            assert_eq!(fault.kind(), *kind, "{name}: {status} {fault}");
        }
    }
}

/// A vendor that answers by mail has a mailbox and reads files; a vendor without files refuses one.
#[test]
fn reads_files_where_the_vendor_offers_them() {
    for (vendor, source) in accounts() {
        let name = vendor.name;
        let stream = source.streams().remove(0).name;
        let reader = source.file_reader(&stream);
        assert_eq!(reader.is_ok(), vendor.examples.file.is_some(), "{name}: its files need an example");
        assert!(reader.is_ok() || (source.mailbox().is_none() && source.rules().export.is_none()), "{name}");
        if let Some((file, rows)) = vendor.examples.file {
            assert_eq!(feed(reader.unwrap(), head(200), &[file]).unwrap().0.rows, rows, "{name}");
        }
        assert!(source.file_reader("no such stream").is_err(), "{name}");
    }
}

#[test]
fn every_vendor_selects_the_columns_of_the_view() {
    for vendor in VENDORS {
        let view = vendor.conversations_view;
        let mut rest = view;
        assert!(view.starts_with(&format!("SELECT '{}' AS source, ", vendor.name)), "{}", vendor.name);
        for (column, _) in CONVERSATIONS_COLUMNS {
            let position = rest.find(&format!(" AS {column}")).unwrap_or_else(|| panic!("{}: {column}", vendor.name));
            rest = &rest[position + 1..];
        }
        let tables: Vec<String> = schemas().iter().map(|shape| shape.table.clone()).collect();
        for table in vendor.summary.tables {
            assert!(tables.contains(&(*table).to_owned()), "{}: {table}", vendor.name);
        }
        assert!(
            vendor.summary.tables.iter().any(|table| view.contains(&format!(" FROM {table} c"))),
            "{}",
            vendor.name
        );
    }
}

/// The example is TOML that names only known settings; a commented line names a setting as well.
#[test]
fn the_example_of_settings_has_known_keys_only() {
    for vendor in VENDORS {
        let mut lines = vendor.settings_example.lines();
        assert!(lines.next().unwrap().starts_with(&format!("[accounts.{}_", vendor.name)), "{}", vendor.name);
        let keys: Vec<&str> = lines.filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
        assert_eq!(keys.first(), Some(&"source"), "{}", vendor.name);
        for key in keys {
            let name = key.strip_suffix("_file").unwrap_or(key);
            let is_known = sources::settings::KEYS.contains(&name) || vendor.keys.contains(&name);
            assert!(is_known, "{}: {key}", vendor.name);
        }
    }
}
