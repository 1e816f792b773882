//! Asks a vendor once a day for its daily quota, through the lane, where the settings do not state it.

use crate::worker::Worker;
use domain::quota::QuotaReport;
use domain::source::Source;
use entities::rows::RowBatch;
use std::time::Duration;
use storage::lanes::LaneSpec;
use storage::lanes::pacing::reserve_send_time;
use storage::lanes::quota::{acquire_for_quota, is_quota_unasked, store_quota};
use storage::{DbErr, accounts::Account};
use tracing::{debug, info};

/// The largest answer that is read.
const LARGEST: usize = 64 << 10;
/// The longest time that the call waits for the lane's spacing.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Worker {
    /// Learns the daily quota of `account`. A failure changes nothing: the next day asks again.
    pub(crate) async fn learn_quota(&self, account: &Account, lane: &LaneSpec) {
        if lane.rules.daily_quota.is_some() || account.source.quota_request().is_none() {
            return;
        }
        if let Err(error) = self.ask_for_quota(account.source.as_ref(), lane).await {
            debug!(account = account.source.account(), %error, "cannot store the vendor's daily quota");
        }
    }

    async fn ask_for_quota(&self, source: &dyn Source<RowBatch>, lane: &LaneSpec) -> Result<(), DbErr> {
        if self.draining.is_cancelled() || !is_quota_unasked(&self.database, lane).await? {
            return Ok(());
        }
        tokio::time::sleep(lane.rules.spacing.min(LONGEST_WAIT)).await;
        let acquiring = self.clock.elapsed();
        let Some(lease) = acquire_for_quota(&self.database, lane, &self.name).await? else { return Ok(()) };
        let wait = reserve_send_time(&self.database, lane).await?;
        tokio::time::sleep(wait.unwrap_or_default()).await;
        let spent = self.clock.elapsed().saturating_sub(acquiring);
        // A lease that ends during the call would let another worker use the token beside it.
        let has_time = wait.is_some() && spent + lane.rules.timeout < lane.rules.lease;
        let (report, is_idle) = if has_time { self.send_quota_request(source, lane).await } else { (None, true) };
        store_quota(&self.database, lane, &lease, report, is_idle).await?;
        if let Some(report) = report {
            info!(
                account = source.account(),
                limit = report.limit,
                used = report.used,
                "the vendor stated its daily quota"
            );
        }
        Ok(())
    }

    /// Sends the call. Returns the vendor's statement, and whether the vendor is known to be idle again.
    async fn send_quota_request(&self, source: &dyn Source<RowBatch>, lane: &LaneSpec) -> (Option<QuotaReport>, bool) {
        let Some(request) = source.quota_request() else { return (None, true) };
        let call = async {
            let mut response = self.http.send(&request, lane.rules.timeout, self.clock.now()).await?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                body.extend_from_slice(chunk.as_ref());
                if body.len() > LARGEST {
                    return Ok((None, false));
                }
            }
            Ok((source.read_quota(response.head, &body), true))
        };
        let (outcome, result) = match call.await {
            Ok((report, is_idle)) => ("answer", (report, is_idle)),
            Err((fault, is_idle)) => {
                debug!(account = source.account(), %fault, "the vendor did not state its daily quota");
                (domain::fault::Fault::kind(&fault), (None, is_idle))
            }
        };
        metrics::counter!("convosync_vendor_requests_total", "account" => source.account().to_owned(), "outcome" => outcome)
            .increment(1);
        result
    }
}
