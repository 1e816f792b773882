//! A vendor that accepts webhooks and cannot be polled.

use crate::test_service::{ZONE, day, days};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::fault::Fault;
use domain::item::Item;
use domain::lane::LaneKey;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{Cursor, Reader, Request, Source, Stream};
use domain::webhook::{Webhook, WebhookEvent, WebhookFault};
use domain::window::midnight;
use entities::rows::RowBatch;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// The secret at the end of the webhook address.
pub const WEBHOOK_SECRET: &str = "a-secret-of-webhooks";

/// One account of the vendor.
pub struct FakeSource {
    account: &'static str,
    vendor: &'static str,
    rules: Rules,
}

impl FakeSource {
    /// The source of `account`.
    pub fn new(account: &'static str, vendor: &'static str) -> Self {
        Self { account, vendor, rules: rules() }
    }
}

impl Source<RowBatch> for FakeSource {
    fn account(&self) -> &str {
        self.account
    }

    fn vendor(&self) -> &'static str {
        self.vendor
    }

    fn streams(&self) -> Vec<Stream> {
        vec![Stream {
            name: "report".to_owned(),
            table: "wolkvox_chats",
            at: "start_at",
            partition: None,
            names_all_rows: false,
        }]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn zone(&self) -> Tz {
        ZONE
    }

    fn lane(&self) -> LaneKey {
        LaneKey::new(self.vendor, self.account)
    }

    fn request(&self, _: &str, _: &Slice, _: Option<&Cursor>) -> Result<Request, Fault> {
        Err(Fault::Refused("this source cannot be polled".to_owned()))
    }

    fn reader(&self, _: &str, _: &Slice, _: Option<&Cursor>) -> Result<Box<dyn Reader<RowBatch>>, Fault> {
        Err(Fault::Refused("this source cannot be polled".to_owned()))
    }

    fn credential_expires(&self) -> Option<DateTime<Utc>> {
        (self.vendor == "truora").then(|| midnight(day(12, 1), ZONE))
    }

    fn webhook_address(&self, secret: Option<&SecretString>) -> Result<(), WebhookFault> {
        if self.vendor != "certainly" {
            return Err(WebhookFault::Unsupported);
        }
        let is_valid = secret.is_none_or(|secret| secret.expose_secret() == WEBHOOK_SECRET);
        if is_valid { Ok(()) } else { Err(WebhookFault::Forged("the secret in the address is wrong")) }
    }

    /// The Certainly account accepts webhooks that begin with `signed `, or that come to the address with the secret.
    /// Each line of the body is an event.
    fn webhook(&self, hook: &Webhook<'_>) -> Result<Vec<WebhookEvent<RowBatch>>, WebhookFault> {
        if self.vendor != "certainly" {
            return Err(WebhookFault::Unsupported);
        }
        let body = String::from_utf8_lossy(hook.body);
        let has_secret = hook.secret.as_ref().is_some_and(|secret| secret.expose_secret() == WEBHOOK_SECRET);
        let is_signed = hook.content_type == Some("application/jwt") && body.starts_with("signed ");
        if !has_secret && !is_signed {
            return Err(WebhookFault::Forged("no signature"));
        }
        let ids: Vec<&str> = body.trim_start_matches("signed ").lines().collect();
        if ids.is_empty() {
            return Err(WebhookFault::Malformed("no events".to_owned()));
        }
        Ok(ids.into_iter().map(event).collect())
    }
}

fn event(id: &str) -> WebhookEvent<RowBatch> {
    WebhookEvent {
        id: id.to_owned(),
        kind: "closed".to_owned(),
        rows: Vec::new(),
        items: vec![Item {
            slice: Slice::Item(id.to_owned()),
            scope: Some(days(day(11, 1), day(11, 2))),
            seen_version: None,
            has_ended: false,
        }],
    }
}

fn rules() -> Rules {
    Rules {
        longest: TimeDelta::days(31),
        step: TimeDelta::seconds(1),
        granularity: TimeDelta::seconds(1),
        ready_after: None,
        late_filing: TimeDelta::zero(),
        retention: None,
        export: None,
        items_per_list: None,
        row_cap: 60_000,
        spacing: Duration::from_secs(1),
        max_in_flight: 1,
        daily_quota: None,
        interval: Duration::from_mins(5),
        settle: TimeDelta::hours(48),
        refresh: Duration::from_mins(5),
        overlap: TimeDelta::hours(1),
        timeout: Duration::from_secs(70),
        lease: Duration::from_secs(90),
        retry_min: Duration::from_secs(5),
        retry_max: Duration::from_mins(5),
        pending: Duration::from_mins(5),
        maintenance_pause: Duration::from_mins(10),
        requests_per_second: None,
    }
}
