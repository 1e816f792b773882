//! Builds pieces of SQL from a table's schema.

use crate::ledger::StreamId;
use domain::source::Stream;
use domain::window::Window;
use entities::schema::TableSchema;
use sea_orm::Value;

/// Quotes an identifier, because a column's name may be a keyword of SQL (`data`, `position`) or in mixed case.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Lists the names of all columns, in the entity's order.
pub(crate) fn column_list(schema: &TableSchema) -> String {
    schema.columns.iter().map(|column| quoted(column.name)).collect::<Vec<_>>().join(", ")
}

/// Builds the clause that updates the row if the key exists.
pub(crate) fn on_conflict(schema: &TableSchema) -> String {
    let name = |position: &usize| schema.columns.get(*position).map_or("", |column| column.name);
    let key: Vec<String> = schema.key.iter().map(|position| quoted(name(position))).collect();
    let rest = (0..schema.columns.len()).filter(|position| !schema.key.contains(position));
    let set = rest.map(|position| quoted(name(&position))).map(|name| format!("{name} = excluded.{name}"));
    // The vendor names the row, so that it is not gone.
    let set: Vec<String> = set.chain(schema.has_gone_at.then(|| "gone_at = NULL".to_owned())).collect();
    format!("ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set.join(", "))
}

/// The condition for the rows that the vendor files under `window`, and the values of its parameters `$1` to `$4`. The names in
/// it come from the sources, never from a request.
pub(crate) fn rows_within(id: &StreamId, stream: &Stream, window: Window) -> (String, Vec<Value>) {
    let at = quoted(stream.at);
    let condition = format!("account = $1 AND {at} >= $2 AND {at} < $3");
    let mut values: Vec<Value> = vec![id.account.as_str().into(), window.from().into(), window.to().into()];
    let Some(column) = stream.partition else { return (condition, values) };
    values.push(id.stream.as_str().into());
    (format!("{condition} AND {} = $4", quoted(column)), values)
}

/// Like [`rows_within`], without the rows that the vendor no longer has.
pub(crate) fn present_rows_within(id: &StreamId, stream: &Stream, window: Window) -> (String, Vec<Value>) {
    let (condition, values) = rows_within(id, stream, window);
    (if stream.names_all_rows { condition + " AND gone_at IS NULL" } else { condition }, values)
}
