//! The end of the demo: the vendors stand still, the service catches up and stops, the tables are compared.

use super::{DemoWorld, RunningVendor};
use crate::compare::Comparison;
use crate::error::DemoError;
use chrono::{DateTime, TimeDelta, Utc};
use entities::requests::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::ledger::{item_jobs, jobs};

/// The longest time until the service has caught up.
const CATCH_UP: Duration = Duration::from_mins(2);
/// The most comparisons while lists bring what lost webhooks did not, two a second.
const COMPARISONS: u32 = 100;

impl DemoWorld<'_> {
    /// Freezes the vendors' datasets, waits until the service has caught up, stops it, and compares.
    pub async fn finish(&self) -> Result<Vec<(&'static str, Comparison)>, DemoError> {
        self.set_faulty(false);
        for running in &self.vendors {
            running.vendor.simulated().freeze();
        }
        let frozen_at = self.clock.now();
        let catch_up = async {
            self.wait_for_last_polls(frozen_at).await?;
            self.wait_for_webhooks().await?;
            self.wait_for_lists(frozen_at).await
        };
        let caught_up = tokio::select! {
            caught_up = tokio::time::timeout(CATCH_UP, catch_up) => caught_up,
            () = self.stop.cancelled() => Ok(Ok(())),
        };
        self.stop.cancel();
        self.service.running.wait().await;
        caught_up.map_err(|_| DemoError::NotCaughtUp)??;
        self.compare(frozen_at, |_| true).await
    }

    /// Stops the service in the middle of its backfills, and compares: the vendors hold rows that it has not fetched yet.
    pub async fn stop_early(&self) -> Result<Vec<(&'static str, Comparison)>, DemoError> {
        for running in &self.vendors {
            running.vendor.simulated().freeze();
        }
        let frozen_at = self.clock.now();
        self.webhooks_stop.cancel();
        self.stop.cancel();
        self.service.running.wait().await;
        self.compare(frozen_at, |_| true).await
    }

    /// Waits until each stream has been read once more after `frozen_at`, as far back as its rows may have changed.
    async fn wait_for_last_polls(&self, frozen_at: DateTime<Utc>) -> Result<(), DemoError> {
        for RunningVendor { vendor, .. } in &self.vendors {
            let Some(length) = vendor.last_poll() else { continue };
            let name = vendor.account();
            loop {
                let polls = Entity::find()
                    .filter(Column::Account.eq(name.as_str()))
                    .filter(Column::Verdict.eq("commit"))
                    .filter(Column::SentAt.gt(frozen_at + TimeDelta::seconds(1)))
                    .filter(Column::FromAt.lt(frozen_at - length))
                    .filter(Column::ToAt.gte(frozen_at))
                    .all(self.database().connection())
                    .await?;
                let streams: BTreeSet<&str> = polls.iter().map(|row| row.stream.as_str()).collect();
                if streams.len() == self.account(&name)?.streams().len() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Waits until the vendors have sent every webhook of what has happened.
    async fn wait_for_webhooks(&self) -> Result<(), DemoError> {
        loop {
            // The vendors note what has happened when they look for webhooks to send, so they get the time to look.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.webhooks().all(|webhooks| webhooks.pending_deliveries() == 0) {
                break;
            }
        }
        self.webhooks_stop.cancel();
        for sending in &self.webhooks {
            sending.stopped().await;
        }
        self.hurry_slow_items().await
    }

    /// Makes items due that are open without an end in sight: the service asks for them rarely, and nothing changes any
    /// more.
    async fn hurry_slow_items(&self) -> Result<(), DemoError> {
        for running in self.vendors.iter().filter(|running| running.vendor.has_slow_items()) {
            for id in self.account(&running.vendor.account())?.streams() {
                for job in item_jobs(self.database().connection(), &id).await? {
                    if job.scope.is_some() {
                        jobs::retry(self.database(), job.id).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits until the lists have brought what lost webhooks did not. The comparison at the end shows what is missing.
    async fn wait_for_lists(&self, frozen_at: DateTime<Utc>) -> Result<(), DemoError> {
        for _ in 0..COMPARISONS {
            let compared = self.compare(frozen_at, |running| running.vendor.simulated().webhooks().is_some()).await?;
            if compared.iter().all(|(_, compared)| compared.is_equal()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    /// Compares the tables of the vendors that `include` selects with their datasets as of `now`.
    async fn compare(
        &self,
        now: DateTime<Utc>,
        include: impl Fn(&RunningVendor) -> bool,
    ) -> Result<Vec<(&'static str, Comparison)>, DemoError> {
        let mut compared = Vec::new();
        for running in self.vendors.iter().filter(|running| include(running)) {
            let account = running.vendor.account();
            compared.extend(running.vendor.compare(self.database(), &account, now).await?);
        }
        Ok(compared)
    }
}
