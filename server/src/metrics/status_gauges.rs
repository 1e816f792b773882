//! Gauges read from the database, on a recorder that lives for one scrape.

use chrono::{DateTime, Utc};
use domain::health::Health;
use domain::process::{ROLES, Role};
use metrics::{Label, describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;
use storage::reports::queue_depth::QueueDepth;
use storage::reports::status::{AccountStatus, LaneStatus, ProcessStatus, Status};

/// The gauges in the Prometheus text format. `status` is `None` where the database did not answer.
pub(crate) fn render(status: Option<&Status>, version: &'static str) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        describe();
        gauge!("convosync_build_info", "version" => version).set(1.0);
        gauge!("convosync_database_up").set(f64::from(u8::from(status.is_some())));
        if let Some(status) = status {
            set_queue(&status.queue);
            status.accounts.iter().for_each(set_account);
            status.lanes.iter().for_each(set_lane);
            set_processes(&status.processes);
        }
    });
    // The exporter writes infinity as Rust does; the text format documents `+Inf`.
    recorder.handle().render().replace(" inf\n", " +Inf\n")
}

fn describe() {
    let descriptions = [
        ("convosync_build_info", "The version of the service; always 1."),
        ("convosync_database_up", "1 where the database answered this scrape, 0 otherwise."),
        ("convosync_queue_jobs", "Open jobs, by state."),
        ("convosync_queue_oldest_due_seconds", "Time since the oldest due job became due; 0 where none is due."),
        ("convosync_account_up", "1 while the account works without an operator; 0 where it is parked or down."),
        (
            "convosync_account_reason",
            "1 for each reason why the account is not well or needs attention; absent otherwise.",
        ),
        ("convosync_processes", "Processes that run the role and have reported themselves within 40 seconds."),
        (
            "convosync_process_last_seen_timestamp_seconds",
            "When a process with the role last reported itself; absent where none is known.",
        ),
        ("convosync_coverage_days", "Days that the account must cover, over all its streams, by completeness."),
        (
            "convosync_coverage_days_at_risk",
            "Missing days that the vendor deletes within seven days, over all streams of the account.",
        ),
        ("convosync_credential_expiry_timestamp_seconds", "When the credential expires; absent where it has no date."),
        ("convosync_webhook_events_7d", "Webhook events received in the last seven days, each counted once."),
        (
            "convosync_webhook_events_missed_7d",
            "Items that ended in the last seven days without a webhook and were found by polling.",
        ),
        ("convosync_proven_until_timestamp_seconds", "The account is held in full up to this instant."),
        (
            "convosync_schedule_lateness_seconds",
            "How far the newest held instant lies behind the live schedule; 0 where it is on time.",
        ),
        ("convosync_lane_slots", "How many requests may be in flight on the credential."),
        ("convosync_lane_slots_in_use", "How many requests are in flight on the credential."),
        (
            "convosync_lane_quota",
            "Requests a day that the settings or the vendor permit; absent where no quota is known.",
        ),
        (
            "convosync_lane_quota_used",
            "Today's requests against the quota, with all credentials of the operation, as far as they are known.",
        ),
        (
            "convosync_lane_closed_until_timestamp_seconds",
            "When the lane opens; 0 while it is open, +Inf where an operator must open it.",
        ),
    ];
    for (name, description) in descriptions {
        describe_gauge!(name, description);
    }
}

fn set_queue(depth: &QueueDepth) {
    let states = [("due", depth.due), ("waiting", depth.waiting), ("running", depth.running), ("parked", depth.parked)];
    for (state, jobs) in states {
        gauge!("convosync_queue_jobs", "state" => state).set(float(jobs));
    }
    let oldest = u64::try_from(depth.oldest_due_seconds).unwrap_or(0);
    gauge!("convosync_queue_oldest_due_seconds").set(float(oldest));
}

fn set_account(account: &AccountStatus) {
    let labels = vec![Label::new("account", account.name.clone())];
    let is_up = matches!(account.state, Health::Ok | Health::Late);
    gauge!("convosync_account_up", labels.clone()).set(f64::from(u8::from(is_up)));
    for reason in &account.reasons {
        let (account, reason) = (account.name.clone(), reason.reason);
        gauge!("convosync_account_reason", "account" => account, "reason" => reason).set(1.0);
    }
    let days = account.days;
    let states = [
        ("final", days.r#final),
        ("provisional", days.provisional),
        ("missing", days.missing),
        ("blocked", days.blocked),
    ];
    for (state, days) in states {
        let (account, source) = (account.name.clone(), account.source.clone());
        gauge!("convosync_coverage_days", "account" => account, "source" => source, "state" => state).set(float(days));
    }
    gauge!("convosync_coverage_days_at_risk", labels.clone()).set(float(account.days_at_risk));
    if let Some(expiry) = account.credential_ends {
        gauge!("convosync_credential_expiry_timestamp_seconds", labels.clone()).set(timestamp(expiry));
    }
    if let Some(webhooks) = account.webhooks {
        gauge!("convosync_webhook_events_7d", labels.clone()).set(float(webhooks.taken));
        if let Some(missed) = webhooks.lost {
            gauge!("convosync_webhook_events_missed_7d", labels.clone()).set(float(missed));
        }
    }
    gauge!("convosync_proven_until_timestamp_seconds", labels.clone()).set(timestamp(account.proven_until));
    let lateness = u64::try_from(account.lateness_seconds).unwrap_or(0);
    gauge!("convosync_schedule_lateness_seconds", labels).set(float(lateness));
}

/// Labels a lane with the first of its accounts only, so that a sum counts a shared lane once.
fn set_lane(lane: &LaneStatus) {
    let labels = vec![Label::new("account", lane.account.clone())];
    gauge!("convosync_lane_slots", labels.clone()).set(float(lane.width as u64));
    gauge!("convosync_lane_slots_in_use", labels.clone()).set(float(lane.held as u64));
    if let Some(quota) = lane.quota {
        gauge!("convosync_lane_quota", labels.clone()).set(f64::from(quota));
        gauge!("convosync_lane_quota_used", labels.clone()).set(f64::from(lane.quota_used));
    }
    let closed_until = match (lane.closed_until, &lane.closed_reason) {
        (Some(until), _) => timestamp(until),
        (None, Some(_)) => f64::INFINITY,
        (None, None) => 0.0,
    };
    gauge!("convosync_lane_closed_until_timestamp_seconds", labels).set(closed_until);
}

/// Labels processes by role only: the number of hosts has no bound.
fn set_processes(processes: &[ProcessStatus]) {
    for role in ROLES.map(Role::as_str) {
        let of_role = || processes.iter().filter(|process| process.roles.contains(&role));
        let seen = of_role().filter(|process| process.is_seen).count() as u64;
        gauge!("convosync_processes", "role" => role).set(float(seen));
        if let Some(last) = of_role().map(|process| process.last_seen_at).max() {
            gauge!("convosync_process_last_seen_timestamp_seconds", "role" => role).set(timestamp(last));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats only; counts stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
fn timestamp(instant: DateTime<Utc>) -> f64 {
    instant.timestamp_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::render;
    use domain::health::installation_health;
    use storage::reports::queue_depth::QueueDepth;
    use storage::reports::status::LaneStatus;
    use storage::reports::status::Status;

    #[test]
    fn escapes_labels_and_writes_infinity_as_prometheus_does() {
        let lane = LaneStatus {
            account: "\"\n\\é".to_owned(),
            accounts: Vec::new(),
            width: 1,
            held: 0,
            closed_until: None,
            closed_reason: Some("the token was refused".to_owned()),
            quota: None,
            quota_used: 0,
            closed_because: None,
        };
        let status = Status {
            health: installation_health(None, &[]),
            accounts: Vec::new(),
            lanes: vec![lane],
            queue: QueueDepth::default(),
            processes: Vec::new(),
        };
        let text = render(Some(&status), "1.2.3");
        let series = "convosync_lane_closed_until_timestamp_seconds{account=\"\\\"\\n\\\\é\"} +Inf\n";
        assert!(text.contains(series), "{text}");
    }
}
