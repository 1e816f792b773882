//! The list of vendors.

use crate::{ManualClock, at, window};
use domain::clock::Clock;
use simulator::{VENDORS, VendorEntry, VendorOptions};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn each_vendor_is_created_from_common_options() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock(Mutex::new(at("2026-08-12T12:00:00Z"))));
    let options = VendorOptions { items_per_day: Some(10.0), history_days: 3, ..VendorOptions::default() };
    let names: BTreeSet<&str> = VENDORS.iter().map(|entry| entry.name).collect();
    assert_eq!(names, BTreeSet::from(["certainly", "treble", "truora", "ultimate", "wolkvox"]));
    for entry in &VENDORS {
        let vendor = entry.create(&options, Arc::clone(&clock)).unwrap();
        assert_eq!((vendor.name(), vendor.webhooks().is_some()), (entry.name, entry.posts_webhooks));
        let settings = vendor.account_settings("http://127.0.0.1:9042");
        for part in [format!("source = \"{}\"", entry.name), "http://127.0.0.1:9042".into(), options.token.clone()] {
            assert!(settings.contains(&part), "{part} in {settings}");
        }
        vendor.freeze();
        vendor.settle();
        vendor.idle().await;
        assert!(vendor.requests().is_empty() && vendor.breaches().is_empty() && vendor.most_in_flight() == 0);
        let bot = settings.split("bot_ids = [\"").nth(1).map_or("", |rest| &rest[..rest.find('"').unwrap()]);
        let body = vendor.dataset_json(bot, window("2026-08-10T00:00:00Z", "2026-08-11T00:00:00Z"));
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        assert!(bytes.len() > 100, "{} holds nothing: {}", entry.name, String::from_utf8_lossy(&bytes));
    }
    assert_eq!(VendorEntry::named("treble").map(|entry| entry.title), Some("Treble"));
    assert!(VendorEntry::named("other").is_none());
}
