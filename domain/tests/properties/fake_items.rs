//! The items of the fake database: jobs for items apart from the ledger, as storage keeps them. The planner sees their sums.

use chrono::{DateTime, Utc};
use domain::item::{Item, ItemStatus, NamedItems};
use domain::item_backlog::{ItemBacklog, ItemBucket, ItemCounts};
use domain::job::{Job, JobState, Purpose};
use domain::ledger::Ledger;
use domain::slice::Slice;
use domain::window::Window;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The jobs for items, and the items that a worker has read to the end.
#[derive(Default)]
pub struct FakeItems {
    open: BTreeMap<String, Job>,
    /// Their version and when they ended.
    ended: BTreeMap<String, (Option<DateTime<Utc>>, DateTime<Utc>)>,
    /// The most jobs that were open at once.
    pub most: usize,
}

/// The number of candidates of each class.
const CANDIDATES: usize = 8;
/// The length of a bucket of sums in seconds.
const BUCKET: i64 = 900;

impl FakeItems {
    pub fn job(&self, id: i64) -> Option<&Job> {
        self.open.values().find(|job| job.id == id)
    }

    pub fn open_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        self.open.values_mut()
    }

    /// Takes the jobs for items out of `jobs`.
    pub fn keep(&mut self, jobs: &mut Vec<Job>) {
        let of_items = jobs.extract_if(.., |job| job.purpose == Purpose::Item);
        self.open.extend(of_items.filter_map(|job| Some((key_of(&job.slice)?.to_owned(), job))));
        self.most = self.most.max(self.open.len());
    }

    /// Moves the jobs into the ledger that an answer of `own` concerns which names `items`.
    pub fn lend(&mut self, ledger: &mut Ledger, own: &Job, items: &NamedItems) {
        ledger.items = ItemBacklog::default();
        let named = items.first_fetch.iter().chain(&items.refetch).map(|item| &item.slice).chain([&own.slice]);
        ledger.jobs.extend(named.filter_map(key_of).filter_map(|key| self.open.remove(key)));
    }

    /// The items that need a fetch, of those that a list names.
    pub fn to_request(&self, items: &[Item], ledger: &Ledger) -> NamedItems {
        let mut selected = NamedItems::default();
        for item in items {
            let Some((version, ended_at)) = key_of(&item.slice).and_then(|key| self.ended.get(key)) else {
                selected.first_fetch.push(item.clone());
                continue;
            };
            let since = item.scope.and_then(|scope| ledger.refetch_since(scope));
            if item.seen_version > *version || since.is_some_and(|since| *ended_at < since) {
                selected.refetch.push(item.clone());
            }
        }
        selected
    }

    /// Records that the item of `job` has ended.
    pub fn end(&mut self, job: &Job, status: ItemStatus, now: DateTime<Utc>) {
        if let Some(key) = key_of(&job.slice) {
            self.ended.insert(key.to_owned(), (job.seen_version.max(status.version), now));
        }
    }

    /// The number of jobs whose ticket is under way.
    pub fn dispatched(&self, now: DateTime<Utc>) -> usize {
        self.open.values().filter(|job| matches!(job.state, JobState::Dispatched { until } if now < until)).count()
    }

    /// The first jobs of each class that are ready: of those that were never tried the newest, of the others the longest due.
    pub fn ready(&self, now: DateTime<Utc>) -> Vec<Job> {
        let ready = self.open.values().filter(|job| job.is_ready(now));
        let (mut untried, mut others): (Vec<&Job>, Vec<&Job>) =
            ready.partition(|job| job.rechecks + job.failures == 0 && job.scope.is_some());
        untried.sort_by_key(|job| (Reverse(job.scope.map(|scope| scope.to())), job.id));
        others.sort_by_key(|job| (job.due, job.id));
        untried.into_iter().take(CANDIDATES).chain(others.into_iter().take(CANDIDATES)).cloned().collect()
    }

    /// The open items, summed over spans of time.
    pub fn sums(&self) -> ItemBacklog {
        let mut buckets: BTreeMap<i64, ItemBucket> = BTreeMap::new();
        for job in self.open.values() {
            let Some(scope) = job.scope else { continue };
            let empty =
                ItemBucket { window: scope, unread: None, missing: None, blocked: None, counts: ItemCounts::default() };
            let bucket = buckets.entry(scope.from().timestamp().div_euclid(BUCKET)).or_insert(empty);
            let (is_unread, is_parked) = (job.rechecks == 0, job.is_parked());
            bucket.window = bucket.window.hull(&scope);
            bucket.unread = join(bucket.unread, Some(scope).filter(|_| is_unread));
            bucket.missing = join(bucket.missing, job.missing_scope.filter(|_| is_unread));
            bucket.blocked = join(bucket.blocked, Some(scope).filter(|_| is_parked));
            let counts = &mut bucket.counts;
            counts.unread += u64::from(is_unread && !is_parked);
            counts.untried += u64::from(is_unread && job.failures == 0 && !is_parked);
            counts.open += u64::from(!is_unread && !is_parked);
            counts.parked += u64::from(is_parked);
            counts.failures = counts.failures.max(job.failures);
        }
        ItemBacklog { buckets: buckets.into_values().collect() }
    }
}

fn key_of(slice: &Slice) -> Option<&str> {
    if let Slice::Item(key) = slice { Some(key) } else { None }
}

fn join(one: Option<Window>, other: Option<Window>) -> Option<Window> {
    one.into_iter().chain(other).reduce(|joined, window| joined.hull(&window))
}
