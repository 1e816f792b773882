//! The processes of the service: each reports itself, and reports to operators say who was seen last.

use crate::database::Database;
use chrono::{DateTime, TimeDelta, Utc};
use domain::process::{Process, Role};
use entities::processes::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

/// How long the row of a process that no longer reports itself is kept: status says for how long no worker was seen.
const KEPT: TimeDelta = TimeDelta::days(1);
/// The most processes in a list, the newest reports first. A process that crashes again and again leaves a row each time.
const MAX_LISTED: u64 = 100;

/// What a process says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The host's name and the process id.
    pub name: String,
    /// The roles that the process runs.
    pub roles: Vec<Role>,
    /// The host's name.
    pub host: String,
    /// The version of the program.
    pub version: String,
}

/// Stores the row of a process that starts, and deletes the rows of processes that have not reported themselves for a day.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn register(db: &Database, process: &ProcessIdentity) -> Result<(), DbErr> {
    let now = db.now(db.connection()).await?;
    let conflict = OnConflict::column(Column::Name)
        .update_columns([Column::Roles, Column::Host, Column::Version, Column::StartedAt, Column::LastSeenAt])
        .to_owned();
    Entity::insert(row(process, now)).on_conflict(conflict).exec_without_returning(db.connection()).await?;
    prune(db, now).await
}

/// Reports that the process still runs.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn report(db: &Database, process: &ProcessIdentity) -> Result<(), DbErr> {
    let now = db.now(db.connection()).await?;
    // Another process may have deleted the row, after a clock step or a long stop of this one.
    let conflict = OnConflict::column(Column::Name).update_column(Column::LastSeenAt).to_owned();
    Entity::insert(row(process, now)).on_conflict(conflict).exec_without_returning(db.connection()).await.map(|_| ())
}

/// Deletes the row of a process that stops.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn remove(db: &Database, process: &ProcessIdentity) -> Result<(), DbErr> {
    Entity::delete_by_id(process.name.as_str()).exec(db.connection()).await.map(|_| ())
}

/// Lists the processes that have reported themselves within a day, the newest report first, at most 100.
///
/// # Errors
/// Returns the database error.
pub async fn list(on: &impl ConnectionTrait) -> Result<Vec<Process>, DbErr> {
    let newest = Entity::find().order_by_desc(Column::LastSeenAt).order_by_asc(Column::Name).limit(MAX_LISTED);
    Ok(newest.all(on).await?.into_iter().map(process).collect())
}

async fn prune(db: &Database, now: DateTime<Utc>) -> Result<(), DbErr> {
    let old = Entity::delete_many().filter(Column::LastSeenAt.lt(now - KEPT));
    old.exec(db.connection()).await.map(|_| ())
}

fn row(process: &ProcessIdentity, now: DateTime<Utc>) -> ActiveModel {
    let roles: Vec<&str> = process.roles.iter().map(|role| role.as_str()).collect();
    ActiveModel {
        name: Set(process.name.clone()),
        roles: Set(roles.join(",")),
        host: Set(process.host.clone()),
        version: Set(process.version.clone()),
        started_at: Set(now),
        last_seen_at: Set(now),
    }
}

fn process(row: Model) -> Process {
    Process {
        name: row.name,
        roles: row.roles.split(',').filter_map(Role::from_word).collect(),
        host: row.host,
        version: row.version,
        started_at: row.started_at,
        last_seen_at: row.last_seen_at,
    }
}
