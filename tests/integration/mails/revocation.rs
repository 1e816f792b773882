//! An operator revokes a mail that turned out to be forged.

use super::strangers::AwaitedMail;
use crate::harness::{BOT, Engine, Process, convosync, coverage, is_held, json, until};
use serde_json::{Value, json};
use simulator::certainly::MailFaults;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

/// The number of rows in a forged file whose ids the vendor does not know.
const INVENTED: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_a_revoked_mail_are_requested_again() {
    check_revocation(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_a_revoked_mail_are_requested_again_on_sqlite() {
    check_revocation(Engine::Sqlite).await;
}

/// A file of someone who knows the rows that the vendor's capped answer holds: nothing contradicts it. It has no texts, and
/// further rows, of which some have ids of the vendor. Returns also the number of those.
async fn forged_file(service: &AwaitedMail) -> (String, i64) {
    let (vendor, day) = (&service.vendor, service.day());
    let mut file = "id,timestamp,conversation_id\n".to_owned();
    let mut known = BTreeSet::new();
    for fields in service.known_messages().await {
        writeln!(file, "{}", fields.replace('|', ",")).unwrap();
        known.insert(fields.split('|').next().unwrap().to_owned());
    }
    let all = vendor.certainly.dataset(BOT, vendor.since(4));
    let of_day =
        all.iter().filter(|message| message.timestamp.date_naive() == day).map(|message| message.id.to_string());
    let guessed = of_day.filter(|id| !known.contains(id));
    let mut count = 0;
    for id in guessed.chain((0..INVENTED).map(|id| format!("x{id}"))) {
        writeln!(file, "{id},{day}T{:02}:{:02}:00Z,c1", count / 60, count % 60).unwrap();
        count += 1;
    }
    (file, count)
}

async fn check_revocation(engine: Engine) {
    let service = AwaitedMail::start(engine, |account| account).await;
    service.vendor.certainly.set_mail_faults(MailFaults::default());
    let (file, forged) = forged_file(&service).await;
    assert_eq!(service.outcome(&service.mail(&[], "a@evil.example", file.as_bytes())).await, "committed: ");
    let day = service.day();
    let AwaitedMail { vendor, database, settings, mut process } = service;
    let (settings, days) = (settings.as_str(), (vendor.day(5), vendor.day(0)));
    until("all days", async || is_held(settings, "c", days).await).await;
    assert_eq!(vendor.certainly.exports().len(), 1, "the forged mail answered the export");
    let present = "SELECT COUNT(*) FROM certainly_messages WHERE conversation_id = 'c1' AND gone_at IS NULL";
    assert_eq!(database.number(present).await, forged);

    let listed =
        json(settings, &["deliveries", "list", "--account", "c", "--state", "committed", "--limit", "1"]).await;
    let id = listed[0]["id"].as_i64().unwrap().to_string();
    let shown = json(settings, &["deliveries", "show", &id]).await;
    assert_eq!(shown, listed[0]);
    assert_eq!((&shown["kind"], &shown["state"]), (&json!("mail"), &json!("committed")));
    assert_eq!(shown["days"], json!([day.to_string(), day.to_string()]));
    assert!(!shown.to_string().contains("evil"), "{shown}");

    // Without a worker the state in between can be seen.
    process.signal("TERM");
    process.ended(Duration::from_mins(1)).await;
    let revoked = json(settings, &["deliveries", "revoke", &id]).await;
    assert_eq!((&revoked["days"], &revoked["rows"]), (&json!([day.to_string()]), &json!(forged)));
    assert_eq!(database.number(present).await, 0, "the forged rows count no longer");
    let state = coverage(settings, "c", (day, day)).await.remove(0);
    assert_eq!(state["state"], "missing");
    let reason = state["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("an operator revoked delivery {id}; ")), "{reason}");
    assert_eq!(database.texts("SELECT day FROM reopened_days").await, [day.to_string()]);
    assert_eq!(json(settings, &["deliveries", "show", &id]).await["state"], "revoked");
    for refused in [id.as_str(), "4711"] {
        let output = convosync(settings, &["deliveries", "revoke", refused]).await;
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(json(settings, &["deliveries", "list", "--kind", "webhook"]).await, Value::Array(Vec::new()));

    let process = Process::run(settings, &[]);
    until("all days again", async || is_held(settings, "c", days).await).await;
    vendor.freeze_and_catch_up(&database.database, "c").await;
    let compared = vendor.compare(&database.database, "c", 5).await;
    assert!(compared.missing.is_empty() && compared.vendor > 620, "{compared:?}\n{}", process.log());
    // The vendor never had the invented rows. They stay in the table, and every other row is equal.
    let marked = compared.surplus.iter().filter(|row| row.ends_with("marked as gone")).count();
    assert_eq!((compared.surplus.len(), marked), (INVENTED, INVENTED), "{compared:?}");
    assert_eq!(compared.equal, compared.vendor);
    assert_eq!(vendor.certainly.exports().len(), 2);
    let doctor = convosync(settings, &["doctor"]).await;
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    vendor.assert_no_breach();
}
