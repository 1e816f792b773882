//! Which leads are worth following.

use crate::ledger::StreamId;
use crate::shape::{Shape, quoted};
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::lead::Lead;
use domain::want::Slice;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use std::collections::BTreeMap;

/// As many keys as one question names.
const KEYS: usize = 500;

/// Those of `leads` of which the table does not hold the state that was named already, or a later one, at its end.
pub(crate) async fn fresh(tx: &Transaction, id: &StreamId, shape: &Shape, leads: &[Lead]) -> Result<Vec<Lead>, DbErr> {
    let (Some(version), Some(open), [account, key]) = (shape.version, shape.open, shape.key.as_slice()) else {
        return Ok(leads.to_vec());
    };
    let name = |place: usize| shape.columns.get(place).map_or(String::new(), |column| quoted(column.name));
    let mut stored: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let keys: Vec<&str> = leads.iter().filter(|lead| lead.seen.is_some()).filter_map(key_of).collect();
    for some in keys.chunks(KEYS) {
        let holes = (2..some.len() + 2).map(|hole| format!("${hole}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT {} AS part, {} AS version FROM {} WHERE {} = $1 AND NOT {} AND {} IN ({holes})",
            name(*key),
            name(version),
            quoted(&shape.table),
            name(*account),
            name(open),
            name(*key),
        );
        let values = std::iter::once(id.account.as_str()).chain(some.iter().copied()).map(Value::from);
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        for row in tx.query_all_raw(statement).await? {
            stored.insert(row.try_get("", "part")?, row.try_get("", "version")?);
        }
    }
    let is_known = |lead: &&Lead| {
        key_of(lead).zip(lead.seen).is_some_and(|(key, seen)| stored.get(key).is_some_and(|version| *version >= seen))
    };
    Ok(leads.iter().filter(|lead| !is_known(lead)).cloned().collect())
}

fn key_of(lead: &Lead) -> Option<&str> {
    match &lead.slice {
        Slice::Key(key) => Some(key),
        Slice::Window(_) | Slice::Export(_) | Slice::Delivery(_) => None,
    }
}
