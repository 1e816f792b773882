//! Truora's processes, with their answers.

use super::{Comparison, compare};
use chrono::{DateTime, SubsecRound, Utc};
use domain::window::Window;
use entities::DbErr;
use entities::database::Database;
use entities::tables::{truora_processes, truora_responses};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::truora::{Process, Truora, UserResponse};
use std::collections::BTreeMap;

/// Compares what `account` holds of the processes that began in `window` with how they stand at the vendor now.
///
/// # Errors
/// What the database says.
pub async fn truora(db: &Database, account: &str, vendor: &Truora, window: Window) -> Result<Comparison, DbErr> {
    use truora_processes::{Column, Entity};
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::CreationDate.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::CreationDate.lt::<DateTime<Utc>>(window.to()))
        .all(db.connection())
        .await?;
    let answers = truora_responses::Entity::find()
        .filter(truora_responses::Column::Account.eq(account))
        .order_by_asc(truora_responses::Column::Ordinal)
        .all(db.connection())
        .await?;
    let mut by_process: BTreeMap<String, Vec<UserResponse>> = BTreeMap::new();
    for answer in answers {
        by_process.entry(answer.process_id.clone()).or_default().push(UserResponse {
            name: answer.name.unwrap_or_default(),
            kind: answer.kind.unwrap_or_default(),
            value: answer.value.unwrap_or_default(),
        });
    }
    let truth: Vec<State> = vendor.truth(window).into_iter().map(as_stored).collect();
    let table: Vec<State> = rows
        .into_iter()
        .map(|row| {
            let mut answers = by_process.remove(&row.process_id).unwrap_or_default();
            answers.truncate(usize::try_from(row.responses).unwrap_or(0));
            as_held(row, answers)
        })
        .collect();
    Ok(compare(&truth, &table, |state| (state.process.creation_date.to_rfc3339(), state.process.process_id.clone())))
}

/// A process, and what of it was stored beyond its columns.
#[derive(Serialize)]
struct State {
    process: Process,
    unfit: Value,
}

/// What the simulated results hold beside what is documented: it says nothing.
const UNDOCUMENTED: [&str; 2] = ["is_used", "labels_v2"];

/// Databases store microseconds.
fn as_stored(process: Process) -> State {
    let (creation_date, update_date) = (process.creation_date.trunc_subsecs(6), process.update_date.trunc_subsecs(6));
    State { process: Process { creation_date, update_date, ..process }, unfit: json!({}) }
}

fn as_held(row: truora_processes::Model, user_responses: Vec<UserResponse>) -> State {
    let mut unfit = row.extra.as_object().cloned().unwrap_or_default();
    unfit.retain(|name, _| !UNDOCUMENTED.contains(&name.as_str()));
    let validations = serde_json::from_value(row.validations.unwrap_or_else(|| json!([]))).unwrap_or_else(|error| {
        unfit.insert("validations".to_owned(), json!(error.to_string()));
        Vec::new()
    });
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
    State { process, unfit: Value::Object(unfit) }
}
