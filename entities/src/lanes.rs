//! Whose turn it is, decided by [`domain::lane`] and kept in the database.

use crate::database::Database;
use crate::ledger::{StreamId, ready};
use crate::stored::to_want;
use crate::tables::{lane_slots, lanes, streams, wants};
use crate::traffic::{count, is_exporting, traffic};
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::job::Job;
use domain::lane::{Closing, Lane, LaneKey, Lease, Slot, pick};
use domain::rules::Rules;
use domain::want::{Purpose, Slice, Want};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select, Set,
};
use std::time::Duration;

/// One credential's lane, as the settings describe it.
#[derive(Clone, Debug)]
pub struct LaneSpec {
    /// Its key.
    pub key: LaneKey,
    /// The vendor.
    pub vendor: &'static str,
    /// The accounts that share the credential.
    pub accounts: Vec<String>,
    /// The strictest of their rules: width and spacing hold for all.
    pub rules: Rules,
    /// Where the vendor's day begins.
    pub zone: Tz,
}

/// What a lane has to offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Work, handed out: its ticket is to be pushed, or worked on at once.
    Job(Job),
    /// Nothing before then.
    At(DateTime<Utc>),
    /// Nothing in sight.
    Nothing,
}

/// A want with a lease on its lane.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The ticket that led here.
    pub job: Job,
    /// Whose it is.
    pub stream: StreamId,
    /// What to ask for.
    pub want: Want,
    /// The turn.
    pub lease: Lease,
    /// When it was taken, by the clock that counts.
    pub now: DateTime<Utc>,
    /// Whether the vendor has answered the question of this stream before this one.
    pub others_answer: bool,
}

/// How long a ticket may be under way before it counts as lost; never longer than a lease, so that a worker that dies
/// between taking a ticket and taking its lane costs no more than one that dies later.
const TICKET: TimeDelta = TimeDelta::seconds(15);

/// How long a lane stays locked for one step of somebody else's, more or less.
const LOCKED: TimeDelta = TimeDelta::milliseconds(5);

/// Makes the lane's rows where they are missing, and brings width and spacing up to date.
///
/// # Errors
/// What the database says.
pub async fn ensure(db: &Database, spec: &LaneSpec) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let row = lanes::ActiveModel {
        lane: Set(spec.key.as_str().to_owned()),
        spacing_ms: Set(millis(spec.rules.spacing)),
        width: Set(i32::try_from(spec.rules.width).unwrap_or(1)),
        quota_used: Set(0),
        ..Default::default()
    };
    let update = [lanes::Column::SpacingMs, lanes::Column::Width];
    let conflict = OnConflict::column(lanes::Column::Lane).update_columns(update).to_owned();
    lanes::Entity::insert(row).on_conflict(conflict).exec_without_returning(&tx).await?;
    for slot in 0..i32::try_from(spec.rules.width).unwrap_or(1) {
        let row = lane_slots::ActiveModel {
            lane: Set(spec.key.as_str().to_owned()),
            slot: Set(slot),
            fence: Set(0),
            holder: Set(None),
            until_at: Set(DateTime::UNIX_EPOCH),
            not_before: Set(DateTime::UNIX_EPOCH),
        };
        let conflict =
            OnConflict::columns([lane_slots::Column::Lane, lane_slots::Column::Slot]).do_nothing().to_owned();
        lane_slots::Entity::insert(row).on_conflict(conflict).exec_without_returning(&tx).await?;
    }
    lane_slots::Entity::delete_many()
        .filter(lane_slots::Column::Lane.eq(spec.key.as_str()))
        .filter(lane_slots::Column::Slot.gte(i32::try_from(spec.rules.width).unwrap_or(1)))
        .exec(&tx)
        .await?;
    tx.commit().await
}

/// Hands out the lane's next want, if it has a free slot: no more tickets are ever under way than there are slots.
///
/// # Errors
/// What the database says.
pub async fn hand_out(db: &Database, spec: &LaneSpec) -> Result<Next, DbErr> {
    let tx = db.begin().await?;
    let next = choose(db, &tx, spec).await?;
    // Also where nothing was handed out: a transaction that is only dropped keeps its lock for a moment longer.
    tx.commit().await?;
    Ok(next)
}

async fn choose(db: &Database, tx: &Transaction, spec: &LaneSpec) -> Result<Next, DbErr> {
    let found = try_lock(tx, spec).await?;
    let now = db.now(tx).await?;
    // Somebody has it locked, for a moment.
    let Some((row, lane)) = found else { return Ok(Next::At(now + LOCKED)) };
    if lane.is_shut(now) {
        return Ok(lane.closed.and_then(|closed| closed.until).map_or(Next::Nothing, Next::At));
    }
    let free = lane.slots.iter().filter(|slot| slot.not_before <= now && slot.until <= now).count();
    let under_way = wants::Entity::find()
        .filter(wants::Column::Account.is_in(spec.accounts.iter().map(String::as_str)))
        .filter(wants::Column::Standing.eq("handed"))
        .filter(wants::Column::UntilAt.gt(now))
        .count(tx)
        .await?;
    if u64::try_from(free).unwrap_or(0) <= under_way {
        return Ok(lane.next_turn().filter(|turn| *turn > now).map_or(Next::Nothing, Next::At));
    }
    let (rows, wanted): (Vec<_>, Vec<_>) = ready(tx, &spec.accounts, now).await?.into_iter().unzip();
    let Some(want) = pick(&wanted, &traffic(tx, spec, (&row, &lane), under_way, now).await?, now) else {
        return Ok(Next::Nothing);
    };
    let Some(row) = rows.into_iter().find(|row| row.id == want.id) else { return Ok(Next::Nothing) };
    let job = Job { want: want.id, attempt: want.attempt + 1 };
    let mut row = row.into_active_model();
    row.standing = Set("handed".to_owned());
    row.attempt = Set(job.attempt);
    row.until_at = Set(Some(now + TICKET.min(TimeDelta::from_std(spec.rules.lease).unwrap_or(TICKET))));
    row.update(tx).await?;
    Ok(Next::Job(job))
}

/// Takes up what a ticket names: `None` where the ticket is old, or the lane is not free after all.
///
/// # Errors
/// What the database says.
pub async fn claim(db: &Database, spec: &LaneSpec, job: Job, holder: &str) -> Result<Option<Claimed>, DbErr> {
    let tx = db.begin().await?;
    let claimed = take(db, &tx, spec, job, holder).await?;
    tx.commit().await?;
    Ok(claimed)
}

async fn take(
    db: &Database,
    tx: &Transaction,
    spec: &LaneSpec,
    job: Job,
    holder: &str,
) -> Result<Option<Claimed>, DbErr> {
    let Some((row, mut lane)) = lock(tx, spec).await? else { return Ok(None) };
    let Some(handed) = handed(tx, job).await? else { return Ok(None) };
    let Some(mut want) = to_want(&handed) else { return Ok(None) };
    let now = db.now(tx).await?;
    // The ticket may have been under way for so long that another export was handed out meanwhile.
    if matches!(want.slice, Slice::Export(_)) && is_exporting(tx, spec, Some(want.id), now).await? {
        put_back(tx, job).await?;
        return Ok(None);
    }
    let Ok(lease) = lane.acquire(now, spec.rules.lease) else {
        put_back(tx, job).await?;
        return Ok(None);
    };
    store_slot(tx, spec, &lane, lease.slot, Some(holder)).await?;
    count(row, spec, want.purpose, now).update(tx).await?;
    let stream =
        StreamId { account: handed.account.clone(), stream: handed.stream.clone(), source: spec.vendor.to_owned() };
    let mut handed = handed.into_active_model();
    want.take_up(now, lease.until);
    handed.standing = Set("running".to_owned());
    handed.until_at = Set(Some(lease.until));
    handed.asked_at = Set(want.asked);
    handed.update(tx).await?;
    let others_answer = want.failures > 0 && answers(tx, &stream).await?;
    Ok(Some(Claimed { job, stream, want, lease, now, others_answer }))
}

async fn answers(tx: &Transaction, id: &StreamId) -> Result<bool, DbErr> {
    let row = streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(tx).await?;
    Ok(row.is_some_and(|row| row.answered_at.is_some() && row.failing_since.is_none()))
}

/// The account whose want a ticket names; `None` where the ticket is old.
///
/// # Errors
/// What the database says.
pub async fn account_of(db: &Database, job: Job) -> Result<Option<String>, DbErr> {
    Ok(handed(db.connection(), job).await?.map(|row| row.account))
}

/// Gives a ticket back that will not be worked on.
///
/// # Errors
/// What the database says.
pub async fn give_back(db: &Database, job: Job) -> Result<(), DbErr> {
    put_back(db.connection(), job).await
}

/// Holds on to a lane; `None` where the lease is lost.
///
/// # Errors
/// What the database says.
pub async fn renew(db: &Database, spec: &LaneSpec, claimed: &Claimed) -> Result<Option<Lease>, DbErr> {
    let tx = db.begin().await?;
    let Some((_, mut lane)) = lock(&tx, spec).await? else { return Ok(None) };
    let now = db.now(&tx).await?;
    let Some(lease) = lane.renew(&claimed.lease, now, spec.rules.lease) else {
        tx.rollback().await?;
        return Ok(None);
    };
    store_slot(&tx, spec, &lane, lease.slot, None).await?;
    wants::Entity::update_many()
        .col_expr(wants::Column::UntilAt, Expr::value(Some(lease.until)))
        .filter(wants::Column::Id.eq(claimed.job.want))
        .filter(wants::Column::Attempt.eq(claimed.job.attempt))
        .filter(wants::Column::Standing.eq("running"))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(Some(lease))
}

/// Takes a turn on a lane for a single request that no want asks for; `None` where the lane is not free.
///
/// # Errors
/// What the database says.
pub async fn borrow(db: &Database, spec: &LaneSpec, holder: &str) -> Result<Option<Lease>, DbErr> {
    let tx = db.begin().await?;
    let Some((row, mut lane)) = lock(&tx, spec).await? else { return Ok(None) };
    let now = db.now(&tx).await?;
    let Ok(lease) = lane.acquire(now, spec.rules.lease) else { return Ok(None) };
    store_slot(&tx, spec, &lane, lease.slot, Some(holder)).await?;
    count(row, spec, Purpose::Live, now).update(&tx).await?;
    tx.commit().await?;
    Ok(Some(lease))
}

/// Ends a borrowed turn; `idle` says that the vendor is known to have ended its work.
///
/// # Errors
/// What the database says.
pub async fn hand_back(db: &Database, spec: &LaneSpec, lease: &Lease, idle: bool) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let Some((_, mut lane)) = lock(&tx, spec).await? else { return Ok(()) };
    lane.release(lease, db.now(&tx).await?, idle);
    store_slot(&tx, spec, &lane, lease.slot, None).await?;
    tx.commit().await
}

/// Shuts a lane for all workers, or opens it.
///
/// # Errors
/// What the database says.
pub async fn set_closed(
    on: &impl ConnectionTrait,
    key: &LaneKey,
    closing: Option<&Closing>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let done = lanes::Entity::update_many()
        .col_expr(lanes::Column::ClosedAt, Expr::value(closing.map(|_| now)))
        .col_expr(lanes::Column::ClosedUntil, Expr::value(closing.and_then(|closing| closing.until)))
        .col_expr(lanes::Column::ClosedReason, Expr::value(closing.map(|closing| closing.reason.clone())))
        .filter(lanes::Column::Lane.eq(key.as_str()))
        .exec(on)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Loads a lane for reading.
///
/// # Errors
/// What the database says.
pub async fn load(on: &impl ConnectionTrait, key: &LaneKey) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    let Some(row) = lanes::Entity::find_by_id(key.as_str()).one(on).await? else { return Ok(None) };
    let slots = slots(on, key).await?;
    let lane = assemble(&row, &slots);
    Ok(Some((row, lane)))
}

/// Locks a lane until `tx` ends, waiting for whoever has it locked; `None` where it is not known.
pub(crate) async fn lock(tx: &Transaction, spec: &LaneSpec) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    lock_with(tx, spec, QuerySelect::lock_exclusive).await
}

/// The same for those who can come again in a moment: `None` also where somebody else has it locked.
async fn try_lock(tx: &Transaction, spec: &LaneSpec) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    lock_with(tx, spec, |find| find.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)).await
}

async fn lock_with(
    tx: &Transaction,
    spec: &LaneSpec,
    how: impl FnOnce(Select<lanes::Entity>) -> Select<lanes::Entity>,
) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    let find = lanes::Entity::find_by_id(spec.key.as_str());
    // A SQLite transaction that is going to write has the whole file to itself.
    let find = if tx.get_database_backend() == DbBackend::Postgres { how(find) } else { find };
    let Some(row) = find.one(tx).await? else { return Ok(None) };
    let slots = slots(tx, &spec.key).await?;
    let lane = assemble(&row, &slots);
    Ok(Some((row, lane)))
}

/// Stores one slot of a locked lane; `holder` is left as it is where `None`.
pub(crate) async fn store_slot(
    tx: &Transaction,
    spec: &LaneSpec,
    lane: &Lane,
    slot: usize,
    holder: Option<&str>,
) -> Result<(), DbErr> {
    let Some(state) = lane.slots.get(slot) else { return Ok(()) };
    let mut row = lane_slots::ActiveModel {
        lane: Set(spec.key.as_str().to_owned()),
        slot: Set(i32::try_from(slot).unwrap_or(0)),
        fence: Set(state.fence),
        until_at: Set(state.until),
        not_before: Set(state.not_before),
        ..Default::default()
    };
    if let Some(holder) = holder {
        row.holder = Set(Some(holder.to_owned()));
    }
    row.update(tx).await.map(|_| ())
}

async fn slots(on: &impl ConnectionTrait, key: &LaneKey) -> Result<Vec<lane_slots::Model>, DbErr> {
    let of_lane = lane_slots::Entity::find().filter(lane_slots::Column::Lane.eq(key.as_str()));
    of_lane.order_by_asc(lane_slots::Column::Slot).all(on).await
}

fn assemble(row: &lanes::Model, slots: &[lane_slots::Model]) -> Lane {
    let closed = row
        .closed_at
        .map(|_| Closing { until: row.closed_until, reason: row.closed_reason.clone().unwrap_or_default() });
    let slot = |row: &lane_slots::Model| Slot { fence: row.fence, until: row.until_at, not_before: row.not_before };
    Lane {
        spacing: Duration::from_millis(u64::try_from(row.spacing_ms).unwrap_or(0)),
        closed,
        slots: slots.iter().map(slot).collect(),
    }
}

async fn handed(on: &impl ConnectionTrait, job: Job) -> Result<Option<wants::Model>, DbErr> {
    let found = wants::Entity::find_by_id(job.want)
        .filter(wants::Column::Attempt.eq(job.attempt))
        .filter(wants::Column::Standing.eq("handed"));
    found.one(on).await
}

async fn put_back(on: &impl ConnectionTrait, job: Job) -> Result<(), DbErr> {
    wants::Entity::update_many()
        .col_expr(wants::Column::Standing, Expr::value("waiting"))
        .filter(wants::Column::Id.eq(job.want))
        .filter(wants::Column::Attempt.eq(job.attempt))
        .filter(wants::Column::Standing.eq("handed"))
        .exec(on)
        .await
        .map(|_| ())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
