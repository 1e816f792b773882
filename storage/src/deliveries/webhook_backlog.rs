//! Stores the rows and items of webhook events that were recorded and could not be stored at once: their account was in use,
//! or the process ended.

use super::webhook_intake::{ACCEPTED, store_one};
use crate::database::Database;
use crate::upsert::refusal::database_error;
use entities::deliveries::{Column, Entity};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long an event waits for a lock. Its account then waits for the next round, and the others go on.
const PATIENCE: Duration = Duration::from_secs(2);
/// Events per query, and queries per round.
const BATCH: u64 = 100;
const BATCHES: usize = 10;

/// Stores the recorded events. An event that the database refuses becomes `unreadable` and stops no other.
///
/// # Errors
/// Returns the first database error that may pass; the events concerned stay recorded for the next round.
#[crate::boxed]
pub async fn store_backlog(db: &Database) -> Result<(), DbErr> {
    let mut result = Ok(());
    let (mut last, mut blocked) = (0, BTreeSet::new());
    for _ in 0..BATCHES {
        let events: Vec<(i64, Option<String>)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Account])
            .filter(Column::State.eq(ACCEPTED))
            .filter(Column::Id.gt(last))
            .order_by_asc(Column::Id)
            .limit(BATCH)
            .into_tuple()
            .all(db.connection())
            .await?;
        let Some((newest, _)) = events.last() else { break };
        last = *newest;
        for (id, account) in events {
            if blocked.contains(&account) {
                continue;
            }
            let Err(error) = store_one(db, id, PATIENCE).await else { continue };
            if let Some(reason) = refusal(&error, db.connection().get_database_backend()) {
                mark_unreadable(db, id, &reason).await?;
            } else {
                blocked.insert(account);
                result = result.and(Err(error));
            }
        }
    }
    result
}

/// Why the database, or the reader of the recorded text, will refuse this event at every attempt; `None` if the error may
/// pass. The text of a database error may quote a value, so only its code is shown.
fn refusal(error: &DbErr, engine: DbBackend) -> Option<String> {
    if let DbErr::Custom(reason) = error {
        return Some(reason.clone());
    }
    let code = database_error(error)?.code()?.into_owned();
    let is_refusal = match engine {
        // Data exceptions, violated constraints, and values over a limit.
        DbBackend::Postgres => ["22", "23", "54"].iter().any(|class| code.starts_with(class)),
        // A value that is too big, a violated constraint, or another type.
        _ => code.parse::<u32>().is_ok_and(|code| (18..=20).contains(&(code & 0xff))),
    };
    is_refusal.then(|| format!("the database refuses the event's rows (error code {code})"))
}

async fn mark_unreadable(db: &Database, id: i64, reason: &str) -> Result<(), DbErr> {
    let marked = Entity::update_many()
        .col_expr(Column::State, Expr::value(super::DeliveryState::Unreadable.as_str()))
        .col_expr(Column::Reason, Expr::value(Some(reason)))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(ACCEPTED))
        .exec(db.connection())
        .await?;
    if marked.rows_affected > 0 {
        tracing::warn!(
            delivery = id,
            reason,
            "a webhook event cannot be stored; its row in the table deliveries keeps it"
        );
    }
    Ok(())
}
