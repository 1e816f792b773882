//! Attempts to read a mail, recorded before the mail is read: a mail that ends its process each time is set aside.
//! [`domain::lost_attempts`] decides.

use super::{Delivery, DeliveryState};
use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::lost_attempts::{MailAttempts, MailTurn};
use domain::process::SEEN_FOR;
use entities::deliveries::{Column, Entity, Model};
use entities::processes;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QuerySelect, Select, Set,
};

/// The state of a mail that a worker reads, or has begun to read.
pub(crate) const READING: &str = "reading";

/// Decides whether the process `reader` reads a mail now, and records the attempt if so.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn begin_attempt(db: &Database, mail: &Delivery, reader: &str) -> Result<MailTurn, DbErr> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    let mut first = super::row(mail, None, DeliveryState::Unreadable, now);
    (first.state, first.attempts) = (Set(READING.to_owned()), Set(Some(0)));
    let keep = OnConflict::columns([Column::Origin, Column::Identity]).do_nothing().to_owned();
    Entity::insert(first).on_conflict(keep).exec_without_returning(&tx).await?;
    let find = of(mail);
    let find = if tx.get_database_backend() == DbBackend::Postgres { find.lock_exclusive() } else { find };
    let turn = match find.one(&tx).await? {
        Some(row) if row.state == READING => {
            let turn = MailTurn::of(attempts_of(&tx, &row, reader, now).await?);
            if turn == MailTurn::Read {
                let begun = row.attempts.unwrap_or(0) + 1;
                let mut row = row.into_active_model();
                (row.attempts, row.reader) = (Set(Some(begun)), Set(Some(reader.to_owned())));
                row.update(&tx).await?;
            }
            turn
        }
        // Another process has stored or refused the mail since it was listed.
        Some(_) | None => MailTurn::Wait,
    };
    tx.commit().await?;
    Ok(turn)
}

/// Takes back the attempt of a reader that has survived it without an outcome.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn end_attempt(db: &Database, mail: &Delivery, reader: &str) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let own = |begun| is_reading(mail).and(Column::Reader.eq(reader)).and(begun);
    Entity::delete_many().filter(own(Column::Attempts.lte(1))).exec(&tx).await?;
    let earlier = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .filter(own(Column::Attempts.gt(1)));
    earlier.exec(&tx).await?;
    tx.commit().await
}

/// Deletes the record of the attempts, because a record of the outcome follows in the same transaction.
pub(crate) async fn forget_attempts(tx: &Transaction, mail: &Delivery) -> Result<(), DbErr> {
    Entity::delete_many().filter(is_reading(mail)).exec(tx).await.map(|_| ())
}

/// Replaces the record of the attempts by that of an outcome, and keeps an earlier outcome.
pub(crate) fn keep_outcome() -> OnConflict {
    let mut conflict = OnConflict::columns([Column::Origin, Column::Identity]);
    conflict
        .update_columns([Column::State, Column::Account, Column::Stream, Column::Reason])
        .action_and_where(Expr::col((Entity, Column::State)).eq(READING));
    conflict
}

fn of(mail: &Delivery) -> Select<Entity> {
    Entity::find().filter(Column::Origin.eq(&mail.origin)).filter(Column::Identity.eq(&mail.identity))
}

fn is_reading(mail: &Delivery) -> sea_orm::sea_query::SimpleExpr {
    Column::Origin.eq(&mail.origin).and(Column::Identity.eq(&mail.identity)).and(Column::State.eq(READING))
}

/// The attempts on record; `None` before the first one.
async fn attempts_of(
    tx: &Transaction,
    row: &Model,
    reader: &str,
    now: DateTime<Utc>,
) -> Result<Option<MailAttempts>, DbErr> {
    let Some(latest) = row.reader.as_deref() else { return Ok(None) };
    let is_being_read = latest != reader && {
        let process = processes::Entity::find_by_id(latest).one(tx).await?;
        process.is_some_and(|process| (now - process.last_seen_at).abs() < SEEN_FOR)
    };
    let begun = i32::try_from(row.attempts.unwrap_or(0)).unwrap_or(i32::MAX);
    Ok(Some(MailAttempts { begun, is_being_read }))
}
