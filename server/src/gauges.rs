//! How the database stands, as Prometheus gauges.

use chrono::{DateTime, Utc};
use entities::report::{AccountStatus, Depth, Health, LaneStatus, Status};
use std::fmt::Write;

/// The gauges; `status` is `None` where the database did not answer.
pub(crate) fn render(status: Option<&Status>, version: &str) -> String {
    let mut text = Text::default();
    text.family("convosync_build_info", "The version that runs; always 1.").gauge(&[("version", version)], 1.0);
    let up = f64::from(u8::from(status.is_some()));
    text.family("convosync_database_up", "Whether the database answered this scrape.").gauge(&[], up);
    if let Some(status) = status {
        queue(&mut text, &status.queue);
        accounts(&mut text, &status.accounts);
        lanes(&mut text, &status.lanes);
    }
    text.text
}

fn queue(text: &mut Text, depth: &Depth) {
    text.family("convosync_queue_wants", "Slices that are wanted and not yet answered, by where they stand.");
    let states = [("due", depth.due), ("waiting", depth.waiting), ("running", depth.running), ("parked", depth.parked)];
    for (state, wants) in states {
        text.gauge(&[("state", state)], float(wants));
    }
    text.family("convosync_queue_oldest_due_seconds", "How long the oldest due want has been due; 0 when none is.")
        .gauge(&[], float(u64::try_from(depth.oldest_due_seconds).unwrap_or(0)));
}

fn accounts(text: &mut Text, accounts: &[AccountStatus]) {
    text.family("convosync_account_up", "1 while the account can be asked; 0 when it is parked or down.");
    for account in accounts {
        let is_up = matches!(account.state, Health::Ok | Health::Late);
        text.gauge(&[("account", &account.name)], f64::from(u8::from(is_up)));
    }
    text.family("convosync_coverage_days", "Days that the account owes, over all its streams, by how far they are.");
    for account in accounts {
        let days = account.days;
        let states = [
            ("final", days.r#final),
            ("provisional", days.provisional),
            ("missing", days.missing),
            ("blocked", days.blocked),
        ];
        for (state, days) in states {
            let labels = [("account", account.name.as_str()), ("source", account.source.as_str()), ("state", state)];
            text.gauge(&labels, float(days));
        }
    }
    text.family(
        "convosync_coverage_days_at_risk",
        "Missing days that the vendor will have forgotten within a week, over all streams of the account.",
    );
    for account in accounts {
        text.gauge(&[("account", &account.name)], float(account.days_at_risk));
    }
    text.family("convosync_credential_ends_timestamp_seconds", "When the credential ends, where it says so itself.");
    for account in accounts {
        if let Some(end) = account.credential_ends {
            text.gauge(&[("account", &account.name)], seconds(end));
        }
    }
    text.family("convosync_webhooks_taken", "Events that came by webhook in the last seven days, each counted once.");
    for (account, webhooks) in accounts.iter().filter_map(|account| Some((account, account.webhooks?))) {
        text.gauge(&[("account", &account.name)], float(webhooks.taken));
    }
    text.family(
        "convosync_webhooks_lost",
        "What ended in the last seven days without a webhook that told so, and was found by asking.",
    );
    for (account, lost) in accounts.iter().filter_map(|account| Some((account, account.webhooks?.lost?))) {
        text.gauge(&[("account", &account.name)], float(lost));
    }
    text.family("convosync_proven_until_timestamp_seconds", "Everything the account owes is held up to this instant.");
    for account in accounts {
        text.gauge(&[("account", &account.name)], seconds(account.proven_until));
    }
    text.family(
        "convosync_schedule_lateness_seconds",
        "How far the newest held instant lies behind where the live cadence should have brought it.",
    );
    for account in accounts {
        text.gauge(&[("account", &account.name)], float(u64::try_from(account.lateness_seconds).unwrap_or(0)));
    }
}

/// A lane that several accounts share goes by the first of them, so that sums count it once.
fn lanes(text: &mut Text, lanes: &[LaneStatus]) {
    text.family("convosync_lane_width", "How many requests may be in flight on the credential.");
    for lane in lanes {
        text.gauge(&[("account", &lane.account)], float(lane.width as u64));
    }
    text.family("convosync_lane_busy", "How many requests are in flight on the credential.");
    for lane in lanes {
        text.gauge(&[("account", &lane.account)], float(lane.held as u64));
    }
    text.family(
        "convosync_lane_closed_until_timestamp_seconds",
        "When the lane opens again; 0 while it is open, +Inf where a person must open it.",
    );
    for lane in lanes {
        let until = match (lane.closed_until, &lane.closed_reason) {
            (Some(until), _) => seconds(until),
            (None, Some(_)) => f64::INFINITY,
            (None, None) => 0.0,
        };
        text.gauge(&[("account", &lane.account)], until);
    }
}

/// The text format, version 0.0.4.
#[derive(Default)]
struct Text {
    text: String,
    family: &'static str,
}

impl Text {
    fn family(&mut self, name: &'static str, help: &'static str) -> &mut Self {
        self.family = name;
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n"))
    }

    fn gauge(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.text.push_str(self.family);
        for (index, (name, label)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let label = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.write(format_args!("{before}{name}=\"{label}\""));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        // Rust writes `inf`, which not every parser takes.
        if value.is_infinite() {
            return self.write(format_args!("{after} +Inf\n"));
        }
        self.write(format_args!("{after} {value}\n"))
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) -> &mut Self {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(text);
        self
    }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows floats only; counts stay far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53")]
fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn labels_are_escaped_and_infinity_is_written_out() {
        let mut text = Text::default();
        text.family("a", "Help.").gauge(&[("x", "\"\\\n"), ("y", "é")], f64::INFINITY).gauge(&[], 0.5);
        assert_eq!(text.text, "# HELP a Help.\n# TYPE a gauge\na{x=\"\\\"\\\\\\n\",y=\"é\"} +Inf\na 0.5\n");
    }
}
