//! What every simulated vendor can do.

use crate::gateway::{Breach, Faults, Gateway, RequestRecord, RowNumber};
use crate::webhook_outbox::WebhookVendor;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use domain::window::Window;
use serde_json::{Map, Value};

/// A simulated vendor: it holds a dataset, enforces the vendor's rules, injects faults and logs breaches.
#[async_trait]
pub trait SimulatedVendor: Send + Sync {
    /// The name in settings, such as `wolkvox`.
    fn name(&self) -> &'static str;

    /// The gateway that its requests pass.
    fn gateway(&self) -> &Gateway;

    /// The vendor's routes, and the control routes below `/simulator/`.
    fn router(&self) -> Router;

    /// The account's settings for convosync, as lines of TOML, where the simulator answers at `base`.
    fn account_settings(&self, base: &str) -> String;

    /// Replaces the faults from the next request on. Faults that only this vendor has stay as they are.
    fn set_faults(&self, faults: Faults);

    /// The rows of `window` that the vendor holds now, as JSON; of `bot` where the vendor has several.
    fn dataset_json(&self, bot: &str, window: Window) -> Body;

    /// The vendor's own entries in `/simulator/summary`.
    fn totals(&self) -> Map<String, Value>;

    /// Its webhooks, if it posts any.
    fn webhooks(&self) -> Option<&dyn WebhookVendor> {
        None
    }

    /// Completes what the vendor shows only in part at first. Without effect where it shows everything at once.
    fn settle(&self) {}

    /// Stops the dataset at this instant, so that a comparison can be exact. A second call changes nothing.
    fn freeze(&self) {
        self.gateway().freeze();
    }

    /// The rows of `window` that the vendor holds now and its users can delete, oldest first; of `bot` where the vendor has
    /// several. `None` where the simulated vendor knows no deletions.
    fn deletable(&self, _bot: &str, _window: Window) -> Option<Vec<RowNumber>> {
        None
    }

    /// Deletes the first of every `every` rows of `window`, as users of the vendor do. Returns the number of deleted rows.
    fn delete(&self, bot: &str, window: Window, every: usize) -> usize {
        let rows = self.deletable(bot, window).unwrap_or_default();
        self.gateway().deletions().delete(rows.into_iter().step_by(every.max(1)))
    }

    /// Brings all deleted rows back. Returns their number.
    fn restore(&self) -> usize {
        self.gateway().deletions().restore()
    }

    /// All breaches, in order.
    fn breaches(&self) -> Vec<Breach> {
        self.gateway().breaches()
    }

    /// All requests, in order of arrival.
    fn requests(&self) -> Vec<RequestRecord> {
        self.gateway().requests()
    }

    /// The highest number of requests that were in flight at once on one key.
    fn most_in_flight(&self) -> u32 {
        self.gateway().most_in_flight()
    }

    /// Waits until no request is in flight and the vendor works on nothing, also not for callers who hung up. Never
    /// ends while a caller of a stalled answer neither reads nor hangs up.
    async fn idle(&self) {
        self.gateway().idle().await;
    }
}
