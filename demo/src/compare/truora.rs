//! Truora's processes, with their responses.

use super::{Comparison, Deviations, compare};
use chrono::{DateTime, SubsecRound, Utc};
use domain::window::Window;
use entities::{truora_processes, truora_responses};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::truora::{Process, Truora, UserResponse};
use std::collections::BTreeMap;
use storage::DbErr;
use storage::database::Database;

/// Compares the stored processes of `account` that began in `window`, and their responses, with the vendor's of now.
///
/// # Errors
/// An error of the database.
pub async fn truora(db: &Database, account: &str, vendor: &Truora, window: Window) -> Result<Comparison, DbErr> {
    use truora_processes::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::CreationDate.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::CreationDate.lt::<DateTime<Utc>>(window.to()))
        .all(db.connection())
        .await?;
    let responses = truora_responses::Entity::find()
        .filter(truora_responses::Column::Account.eq(account))
        .order_by_asc(truora_responses::Column::Ordinal)
        .all(db.connection())
        .await?;
    let mut by_process: BTreeMap<String, Vec<UserResponse>> = BTreeMap::new();
    for response in responses {
        by_process.entry(response.process_id.clone()).or_default().push(UserResponse {
            name: response.name.unwrap_or_default(),
            kind: response.kind.unwrap_or_default(),
            value: response.value.unwrap_or_default(),
        });
    }
    let dataset: Vec<_> = vendor.dataset(window).into_iter().map(ComparedProcess::storable).collect();
    let table: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let mut responses = by_process.remove(&row.process_id).unwrap_or_default();
            responses.truncate(usize::try_from(row.responses).unwrap_or(0));
            from_row(row, responses)
        })
        .collect();
    Ok(compare(&dataset, &table, |row| (row.process.creation_date.to_rfc3339(), row.process.process_id.clone())))
}

/// A process with its deviations.
#[derive(Serialize)]
struct ComparedProcess {
    process: Process,
    deviations: Value,
}

/// Fields of the simulated results that the vendor does not document. They mean nothing.
const UNDOCUMENTED: [&str; 2] = ["is_used", "labels_v2"];

impl ComparedProcess {
    /// A process as a database can store it: with times in microseconds.
    fn storable(process: Process) -> Self {
        let [creation_date, update_date] = [process.creation_date, process.update_date].map(|at| at.trunc_subsecs(6));
        Self { process: Process { creation_date, update_date, ..process }, deviations: json!({}) }
    }
}

/// A stored row, with its responses, as the vendor writes it.
fn from_row(row: truora_processes::Model, user_responses: Vec<UserResponse>) -> ComparedProcess {
    let mut deviations = Deviations::new(&row.extra, |name| UNDOCUMENTED.contains(&name));
    let validations = deviations.read("validations", row.validations);
    let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let process = Process {
        process_id: row.process_id,
        account_id: row.account_id.unwrap_or_default(),
        client_id: row.client_id.unwrap_or_default(),
        flow_id: row.flow_id.unwrap_or_default(),
        created_via: row.created_via.unwrap_or_default(),
        flow_version: number(row.flow_version),
        country: row.country.unwrap_or_default(),
        status: row.status.unwrap_or_default(),
        failure_status: row.failure_status,
        declined_reason: row.declined_reason,
        user_responses,
        last_finished_step: row.last_finished_step,
        validations,
        creation_date: row.creation_date,
        update_date: row.update_date.unwrap_or_default(),
        ip_address: row.ip_address.unwrap_or_default(),
        trigger_info: row.trigger_info.unwrap_or_default(),
        time_to_live: number(row.time_to_live),
        current_step_index: number(row.current_step_index),
    };
    ComparedProcess { process, deviations: deviations.into_value() }
}
