//! Rows into a table: new ones inserted, changed ones updated, unchanged ones left alone.

use chrono::{DateTime, Utc};
use domain::spans::Spans;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, IdenStatic, IntoActiveModel, Iterable, QueryFilter,
    QuerySelect,
};
use std::collections::{BTreeMap, HashMap};

/// A table of a vendor's rows. The last key column tells rows of one account apart (together with the others).
pub trait Table: EntityTrait {
    /// The natural key, `account` first.
    const KEY: &'static [Self::Column];
    /// The column that changes when, and only when, the vendor's data do.
    const DIGEST: Self::Column;

    /// The row's account.
    fn account(model: &Self::Model) -> &str;
    /// The row's key within its account.
    fn key(model: &Self::Model) -> &str;
    /// The row's digest.
    fn digest(model: &Self::Model) -> &str;
    /// The instant by which the vendor files the row.
    fn at(model: &Self::Model) -> Option<DateTime<Utc>>;
    /// Notes when this state was stored.
    fn stamp(model: &mut Self::Model, now: DateTime<Utc>);
}

/// Rows of some table on their way to it. What sources hand over and workers carry, without knowing the table.
#[async_trait::async_trait]
pub trait Rows: Send + Sync {
    /// How many.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores them at `now`. `held` is what the stream held before, to tell late changes from first arrivals.
    ///
    /// # Errors
    /// What the database says; the transaction is then void.
    async fn upsert(
        self: Box<Self>,
        tx: &DatabaseTransaction,
        held: &Spans,
        now: DateTime<Utc>,
    ) -> Result<Effect, DbErr>;
}

/// Rows whose table is no longer visible.
pub type Batch = Box<dyn Rows>;

/// What storing rows did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Rows that were new.
    pub inserted: u64,
    /// Rows that differed.
    pub updated: u64,
    /// Rows that were there already, equal.
    pub unchanged: u64,
    /// The earliest instant of a new or changed row that lies in what was held before.
    pub earliest_change: Option<DateTime<Utc>>,
}

impl Effect {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            inserted: self.inserted + other.inserted,
            updated: self.updated + other.updated,
            unchanged: self.unchanged + other.unchanged,
            earliest_change: self.earliest_change.into_iter().chain(other.earliest_change).min(),
        }
    }
}

/// Hands rows of one table over. Where a key occurs twice, the later row wins.
#[must_use]
pub fn batch<E>(rows: Vec<E::Model>) -> Batch
where
    E: Table + 'static,
    E::Model: IntoActiveModel<E::ActiveModel> + Send + Sync,
    E::ActiveModel: Send,
{
    Box::new(Of::<E>(rows))
}

struct Of<E: Table>(Vec<E::Model>);

/// Rows per statement; more makes SeaORM slower and fatter, not faster.
const INSERT: usize = 100;
/// Keys per look-up.
const LOOK_UP: usize = 500;

#[async_trait::async_trait]
impl<E> Rows for Of<E>
where
    E: Table + 'static,
    E::Model: IntoActiveModel<E::ActiveModel> + Send + Sync,
    E::ActiveModel: Send,
{
    fn len(&self) -> usize {
        self.0.len()
    }

    async fn upsert(
        self: Box<Self>,
        tx: &DatabaseTransaction,
        held: &Spans,
        now: DateTime<Utc>,
    ) -> Result<Effect, DbErr> {
        // Sorted by key, so that two writers can never wait for each other in a ring.
        let rows: BTreeMap<(String, String), E::Model> =
            self.0.into_iter().map(|row| ((E::account(&row).to_owned(), E::key(&row).to_owned()), row)).collect();
        let mut effect = Effect::default();
        let mut rows: Vec<_> = rows.into_values().collect();
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(LOOK_UP));
            effect = effect.and(store::<E>(tx, rows, held, now).await?);
            rows = rest;
        }
        Ok(effect)
    }
}

async fn store<E>(
    tx: &DatabaseTransaction,
    rows: Vec<E::Model>,
    held: &Spans,
    now: DateTime<Utc>,
) -> Result<Effect, DbErr>
where
    E: Table,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    let stored = digests::<E>(tx, &rows).await?;
    let mut effect = Effect::default();
    let mut differing = Vec::new();
    for mut row in rows {
        let key = (E::account(&row).to_owned(), E::key(&row).to_owned());
        match stored.get(&key) {
            Some(digest) if digest == E::digest(&row) => {
                effect.unchanged += 1;
                continue;
            }
            Some(_) => effect.updated += 1,
            None => effect.inserted += 1,
        }
        let change = E::at(&row).filter(|at| held.contains(*at));
        effect.earliest_change = effect.earliest_change.into_iter().chain(change).min();
        E::stamp(&mut row, now);
        differing.push(row.into_active_model());
    }
    let mut differing = differing.into_iter().peekable();
    while differing.peek().is_some() {
        let chunk: Vec<_> = differing.by_ref().take(INSERT).collect();
        E::insert_many(chunk).on_conflict(on_conflict::<E>()).exec_without_returning(tx).await?;
    }
    Ok(effect)
}

/// The digests of those of `rows` that are stored already.
async fn digests<E: Table>(
    tx: &DatabaseTransaction,
    rows: &[E::Model],
) -> Result<HashMap<(String, String), String>, DbErr> {
    let Some((last, [account, ..])) =
        E::KEY.split_last().and_then(|(last, rest)| Some((last, rest.first_chunk::<1>()?)))
    else {
        return Err(DbErr::Custom("a table's key is its account and at least one more column".to_owned()));
    };
    let accounts: std::collections::BTreeSet<&str> = rows.iter().map(E::account).collect();
    let found: Vec<(String, String, String)> = E::find()
        .select_only()
        .columns([*account, *last, E::DIGEST])
        .filter(account.is_in(accounts))
        .filter(last.is_in(rows.iter().map(E::key)))
        .into_tuple()
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|(account, key, digest)| ((account, key), digest)).collect())
}

fn on_conflict<E: Table>() -> OnConflict {
    let is_key = |column: &E::Column| E::KEY.iter().any(|key| key.as_str() == column.as_str());
    let mut conflict = OnConflict::columns(E::KEY.iter().copied());
    conflict.update_columns(E::Column::iter().filter(|column| !is_key(column)));
    let (table, digest) = (E::default().table_name().to_owned(), E::DIGEST.as_str().to_owned());
    conflict.action_and_where(Expr::cust(format!("{table}.{digest} <> excluded.{digest}")));
    conflict
}
