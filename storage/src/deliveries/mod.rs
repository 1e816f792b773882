//! Rows that arrive without a request: by mail, by webhook, or in a file that an operator imports.

mod file_jobs;
mod ingest;
pub mod list;
mod overlap;
pub mod revoke;
pub mod webhook_backlog;
pub mod webhook_intake;
mod webhook_payload;

pub use file_jobs::FileJobs;
pub use ingest::{DeliveryIngest, IngestResult};

use crate::database::Database;
use crate::ledger::{self, StreamId};
use crate::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use domain::job::{Job, JobState};
use domain::slice::Slice;
use domain::window::Window;
use entities::deliveries;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Set};
use std::collections::BTreeSet;

/// The identity of a mail or an imported file.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The mailbox, or `file`.
    pub origin: String,
    /// The identifier, unique within the origin.
    pub identity: String,
    /// `mail` or `file`.
    pub kind: &'static str,
}

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// The transaction stored its rows.
    Committed,
    /// An earlier delivery or answer already covers its window.
    Duplicate,
    /// It matches no request of this service.
    Foreign,
    /// It holds fewer rows than the database stores for its window.
    Short,
    /// Its sender or its rows are not believed.
    Refused,
    /// An operator took back what it proved.
    Revoked,
    /// The parser cannot read it.
    Unreadable,
}

impl DeliveryState {
    /// The word that the table and the metrics use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Duplicate => "duplicate",
            Self::Foreign => "foreign",
            Self::Short => "short",
            Self::Refused => "refused",
            Self::Revoked => "revoked",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The coverage that a delivered file proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryProof {
    /// The window of the export job with this id.
    Job(i64),
    /// The whole window, as the operator states; the vendor made the file at that instant.
    Window(Window, DateTime<Utc>),
    /// None: the intake stores the rows, and they prove no coverage.
    Nothing,
}

/// Loads a stream's export jobs that a worker requested and no mail has answered yet. Exports that the vendor has accepted
/// come first, then those that await a mail.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn exports(on: &Snapshot, id: &StreamId) -> Result<Vec<Job>, DbErr> {
    let ledger = ledger::load(on, id).await?;
    let is_open = |job: &Job| matches!(job.slice, Slice::Export(_)) && (job.attempt > 0 || job.is_parked());
    let mut found: Vec<Job> = ledger.jobs.into_iter().filter(is_open).collect();
    found.sort_by_key(|job| (!job.is_accepted_export(), !matches!(job.state, JobState::Awaiting { .. }), job.id));
    Ok(found)
}

/// Returns those of `identities` that the table records for `origin`.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn recorded_identities(
    db: &Database,
    origin: &str,
    identities: Vec<String>,
) -> Result<BTreeSet<String>, DbErr> {
    let mut recorded = BTreeSet::new();
    for identities in identities.chunks(500) {
        let known: Vec<String> = deliveries::Entity::find()
            .select_only()
            .column(deliveries::Column::Identity)
            .filter(deliveries::Column::Origin.eq(origin))
            .filter(deliveries::Column::Identity.is_in(identities))
            .into_tuple()
            .all(db.connection())
            .await?;
        recorded.extend(known);
    }
    Ok(recorded)
}

/// Whether the intake has stored this delivery or a duplicate of it, so that the worker may mark the mail as processed.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn is_ingested(db: &Database, origin: &str, identity: &str) -> Result<bool, DbErr> {
    let row = deliveries::Entity::find()
        .filter(deliveries::Column::Origin.eq(origin))
        .filter(deliveries::Column::Identity.eq(identity))
        .filter(
            deliveries::Column::State.is_in([DeliveryState::Committed.as_str(), DeliveryState::Duplicate.as_str()]),
        );
    Ok(row.one(db.connection()).await?.is_some())
}

/// Whether the table records a committed delivery whose window contains both instants and that held `rows` rows. A mail
/// with the same span and row count is a duplicate of it.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn is_answered(
    db: &Database,
    id: &StreamId,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    rows: u64,
) -> Result<bool, DbErr> {
    use deliveries::Column;
    let stored = deliveries::Entity::find()
        .filter(Column::Account.eq(&id.account))
        .filter(Column::Stream.eq(&id.stream))
        .filter(Column::State.eq(DeliveryState::Committed.as_str()))
        .filter(Column::FromAt.lte(first))
        .filter(Column::ToAt.gt(last))
        .filter(Column::Rows.eq(i64::try_from(rows).unwrap_or(i64::MAX)));
    Ok(stored.one(db.connection()).await?.is_some())
}

/// Records a refused delivery and the reason. An earlier record of the same delivery stays.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn record_refusal(
    db: &Database,
    delivery: &Delivery,
    id: Option<&StreamId>,
    state: DeliveryState,
    reason: &str,
) -> Result<(), DbErr> {
    let now = db.now(db.connection()).await?;
    let mut row = row(delivery, id, state, now);
    row.reason = Set(Some(reason.to_owned()));
    let keep_first =
        OnConflict::columns([deliveries::Column::Origin, deliveries::Column::Identity]).do_nothing().to_owned();
    deliveries::Entity::insert(row).on_conflict(keep_first).exec_without_returning(db.connection()).await.map(|_| ())
}

fn row(
    delivery: &Delivery,
    id: Option<&StreamId>,
    state: DeliveryState,
    now: DateTime<Utc>,
) -> deliveries::ActiveModel {
    deliveries::ActiveModel {
        origin: Set(delivery.origin.clone()),
        identity: Set(delivery.identity.clone()),
        kind: Set(delivery.kind.to_owned()),
        state: Set(state.as_str().to_owned()),
        account: Set(id.map(|id| id.account.clone())),
        stream: Set(id.map(|id| id.stream.clone())),
        reason: Set(None),
        from_at: Set(None),
        to_at: Set(None),
        rows: Set(0),
        received_at: Set(now),
        ..Default::default()
    }
}
