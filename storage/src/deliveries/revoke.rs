//! Takes a delivery back: an operator has found out that its rows are not the vendor's.

use super::DeliveryState;
use crate::accounts::{Account, Accounts};
use crate::database::Database;
use crate::lanes::lock_key;
use crate::ledger::reopened_days::note_reopening;
use crate::ledger::{self, StreamId};
use crate::transaction::Transaction;
use crate::upsert::lock_rows;
use crate::upsert::sql::{present_rows_within, quoted};
use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use domain::source::Stream;
use domain::window::Window;
use entities::deliveries::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Statement};
use std::collections::BTreeMap;

/// The outcome of [`revoke`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The delivery proves nothing any more.
    Revoked(RevokedDelivery),
    /// There is no such delivery.
    NotFound,
    /// The delivery proved nothing, for this reason. Nothing is changed.
    NothingToRevoke(String),
}

/// What a revocation changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedDelivery {
    /// The account.
    pub account: String,
    /// The stream.
    pub stream: String,
    /// The days that count as missing again.
    pub days: Vec<NaiveDate>,
    /// The number of stored rows that the delivery had brought or changed. They stay in their table, marked in `gone_at` until
    /// the vendor names them.
    pub rows: u64,
}

/// Revokes a committed mail or file: its rows count no longer, the days that it proved are reopened, and the vendor is asked
/// for them again. One transaction.
///
/// # Errors
/// Returns the database error; nothing is then changed.
#[crate::boxed]
pub async fn revoke(db: &Database, accounts: &Accounts, id: i64) -> Result<Revocation, DbErr> {
    let tx = db.begin().await?;
    let Some(delivery) = Entity::find_by_id(id).one(&tx).await? else { return Ok(Revocation::NotFound) };
    let target = match Target::of(accounts, &delivery) {
        Ok(target) => target,
        Err(reason) => return Ok(Revocation::NothingToRevoke(reason)),
    };
    let now = db.now(&tx).await?;
    let marked = Entity::update_many()
        .col_expr(Column::State, Expr::value(DeliveryState::Revoked.as_str()))
        .col_expr(Column::Reason, Expr::value(Some("an operator revoked it")))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(DeliveryState::Committed.as_str()))
        .exec(&tx)
        .await?;
    if marked.rows_affected == 0 {
        return Ok(Revocation::NothingToRevoke("another command revoked it meanwhile".to_owned()));
    }
    // The order of the locks is that of a delivery: rows, lane, ledger.
    lock_rows(&tx, &target.id.account).await?;
    let rows = target.take_rows_back(&tx, delivery.received_at, now).await?;
    lock_key(&tx, &target.account.source.lane()).await?;
    let before = ledger::lock(&tx, &target.id).await?;
    let mut after = before.clone();
    let (rules, zone) = (target.account.source.rules(), target.account.source.zone());
    let days = after.revoke(target.window, rules, zone, now);
    ledger::store(&tx, &target.id, &before, &after, now).await?;
    for day in &days {
        let rows = rows.get(day).copied().unwrap_or(0);
        note_reopening(&tx, &target.id, *day, (rows, 0), Some(id), now).await?;
    }
    tx.commit().await?;
    let rows = rows.values().sum();
    Ok(Revocation::Revoked(RevokedDelivery { account: target.id.account, stream: target.id.stream, days, rows }))
}

/// What the delivery proved.
struct Target<'a> {
    account: &'a Account,
    id: StreamId,
    stream: Stream,
    window: Window,
}

impl<'a> Target<'a> {
    /// Finds it, or the reason why there is none.
    fn of(accounts: &'a Accounts, delivery: &Model) -> Result<Self, String> {
        if delivery.state != DeliveryState::Committed.as_str() {
            return Err(format!("it is {}, and proves nothing", delivery.state));
        }
        let window = delivery.from_at.zip(delivery.to_at).and_then(|(from, to)| Window::new(from, to));
        let window = window.ok_or_else(|| "it proved no day complete".to_owned())?;
        let name = delivery.account.as_deref().unwrap_or_default();
        let account = accounts.account(name).ok_or_else(|| format!("the settings have no account {name:?}"))?;
        let is_its = |(_, id): &(Stream, StreamId)| Some(id.stream.as_str()) == delivery.stream.as_deref();
        let found = account.source.streams().into_iter().zip(account.streams()).find(is_its);
        let (stream, id) = found.ok_or_else(|| format!("the account {name} no longer has its stream"))?;
        Ok(Self { account, id, stream, window })
    }

    /// Marks the stored rows that the delivery brought or changed; returns their number for each day that has some.
    async fn take_rows_back(
        &self,
        tx: &Transaction,
        stored_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<NaiveDate, u64>, DbErr> {
        let mut marked = BTreeMap::new();
        // Only such a table has the column of the mark.
        if !self.stream.names_all_rows {
            return Ok(marked);
        }
        let zone = self.account.source.zone();
        for day in self.window.days(zone) {
            let part = Window::of_day(day, zone).and_then(|whole| whole.intersect(&self.window));
            let Some(part) = part else { continue };
            let (condition, mut values) = present_rows_within(&self.id, &self.stream, part);
            // One transaction stored the delivery and its rows at one instant, which a row keeps to the microsecond.
            values.extend([stored_at.trunc_subsecs(6).into(), now.into()]);
            let (stored, mark) = (values.len() - 1, values.len());
            let table = quoted(self.stream.table);
            let sql = format!("UPDATE {table} SET gone_at = ${mark} WHERE {condition} AND synced_at = ${stored}");
            let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
            let rows = tx.execute_raw(statement).await?.rows_affected();
            if rows > 0 {
                marked.insert(day, rows);
            }
        }
        Ok(marked)
    }
}
