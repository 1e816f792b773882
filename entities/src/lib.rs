//! The tables and every query on them; SeaORM stops here.

pub mod backfills;
pub mod commit;
pub mod database;
pub mod doctor;
pub mod jobs;
pub mod lanes;
pub mod ledger;
pub mod planning;
pub mod progress;
pub mod report;
pub mod roster;
mod stored;
pub mod tables;
pub mod upsert;

pub use sea_orm::DbErr;
