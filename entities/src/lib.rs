//! The tables and every query on them; SeaORM stops here.

pub mod backfills;
pub mod beats;
pub mod commit;
pub mod database;
pub mod deliveries;
pub mod doctor;
pub mod hooks;
pub mod intake;
pub mod jobs;
mod json;
pub mod lanes;
mod leads;
pub mod ledger;
pub mod planning;
pub mod progress;
pub mod report;
pub mod roster;
pub mod rows;
pub mod shape;
mod stored;
pub mod tables;
mod traffic;
pub mod transaction;
pub mod upsert;
pub mod webhooks;

pub use sea_orm::DbErr;
