//! Values that settings accept, and the problems that they report.

use super::*;
use serde_json::json;

/// Reads one key: the value, and the problems.
fn read<T>(value: Value, how: impl FnOnce(&mut Settings<'_>) -> Option<T>) -> (Option<T>, Vec<String>) {
    let values = Map::from_iter([("key".to_owned(), value.clone()), ("since".to_owned(), value)]);
    let mut settings = Settings::new("account", &values);
    let found = how(&mut settings);
    (found, settings.into_problems().iter().map(ToString::to_string).collect())
}

fn since(settings: &mut Settings<'_>) -> Option<NaiveDate> {
    settings.since()
}

#[test]
fn durations_need_a_unit() {
    let good =
        [("5s", 5000), ("5m", 300_000), ("48h", 172_800_000), ("250ms", 250), (" 1h 30m ", 5_400_000), ("0s", 0)];
    for (text, milliseconds) in good {
        let (found, problems) = read(json!(text), |settings| settings.duration("key"));
        assert_eq!((found, problems), (Some(Duration::from_millis(milliseconds)), vec![]), "{text}");
    }
    let write = |number: &str| format!("write key = \"{number}s\" for seconds, or \"{number}m\", \"{number}h\"");
    let bad = [
        (json!(5), "5 has no unit", write("5")),
        (json!("300"), "300 has no unit", write("300")),
        (json!("0"), "0 has no unit", write("0")),
        (json!(1.5), "1.5 has no unit", write("1.5")),
        (json!("soon"), "\"soon\" is not a duration", write("5")),
        (json!("-5s"), "\"-5s\" is not a duration", write("5")),
        (json!(""), "\"\" is not a duration", write("5")),
        (json!("5 parsecs"), "\"5 parsecs\" is not a duration", write("5")),
        (json!("367d"), "\"367d\" is longer than a year", write("5")),
        (json!(true), "must be a duration", write("5")),
        (json!(["5s"]), "must be a duration", write("5")),
    ];
    for (value, why, instead) in bad {
        let (found, problems) = read(value.clone(), |settings| settings.duration("key"));
        assert_eq!((found, problems), (None, vec![format!("accounts.account.key: {why}; {instead}")]), "{value}");
    }
}

#[test]
fn numbers_may_be_text() {
    for value in [json!(200), json!("200"), json!(" 200 ")] {
        assert_eq!(read(value.clone(), |settings| settings.whole::<u32>("key", 1)), (Some(200), vec![]), "{value}");
    }
    for value in [json!(-1), json!("many"), json!(1.5), json!(4_294_967_296_u64), json!(true), json!("")] {
        let (found, problems) = read(value.clone(), |settings| settings.whole::<u32>("key", 1));
        assert_eq!((found, problems.len()), (None, 1), "{value}");
    }
    for value in [json!(0.5), json!("0.5")] {
        let (found, problems) = read(value.clone(), |settings| settings.decimal("key", 0.5));
        assert_eq!((found, problems), (Some(0.5), vec![]), "{value}");
    }
    assert_eq!(read(json!("fast"), |settings| settings.decimal("key", 0.5)).1.len(), 1);
}

#[test]
fn texts_may_be_a_list_or_one_text() {
    for value in [json!(["a", " b "]), json!("a,b"), json!(" a , b, "), json!(["a", "", "b"])] {
        let (found, problems) = read(value.clone(), |settings| settings.texts("key", "c"));
        assert_eq!((found, problems), (Some(vec!["a".to_owned(), "b".to_owned()]), vec![]), "{value}");
    }
    let cases = [
        (json!([]), "empty"),
        (json!([" "]), "empty"),
        (json!(" , "), "empty"),
        (json!(["a", 5]), "must be a list of texts, in quotes"),
        (json!(5), "must be a list of texts, in quotes"),
    ];
    for (value, why) in cases {
        let (found, problems) = read(value.clone(), |settings| settings.texts("key", "c"));
        let expected = vec![format!("accounts.account.key: {why}; write key = [\"c\"]")];
        assert_eq!((found, problems), (None, expected), "{value}");
    }
}

#[test]
fn a_day_is_year_month_day() {
    assert_eq!(read(json!("2026-10-01"), since), (NaiveDate::from_ymd_opt(2026, 10, 1), vec![]));
    for bad in ["2026-13-01", "2026-02-30", "01.10.2026", "+2026-10-1", "today"] {
        let (found, problems) = read(json!(bad), since);
        assert_eq!(found, None, "{bad}");
        assert!(problems[0].ends_with("write since = \"2026-10-01\" (YYYY-MM-DD)"), "{problems:?}");
    }
}

#[test]
fn no_problem_shows_a_secret() {
    let canary = "s3cret canary";
    let (found, problems) = read(json!(canary), |settings| settings.secret("key"));
    assert!(found.is_none() && problems.len() == 1);
    assert!(!problems[0].contains("s3cret"), "{problems:?}");
    let (found, _) = read(json!(" s3cret\n"), |settings| settings.secret("key"));
    assert_eq!(
        secrecy::ExposeSecret::expose_secret(&found.unwrap()),
        "s3cret",
        "the line end of a file does not belong to the secret"
    );
}

#[test]
fn every_vendor_is_registered_consistently() {
    for vendor in crate::VENDORS {
        assert!(vendor.secrets.iter().all(|secret| vendor.keys.contains(secret)), "{}", vendor.name);
        assert!(vendor.keys.iter().all(|key| !KEYS.contains(key)), "{}", vendor.name);
        assert_eq!(crate::VENDORS.iter().filter(|other| other.name == vendor.name).count(), 1, "{}", vendor.name);
    }
}
