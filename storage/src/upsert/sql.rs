//! Builds pieces of SQL from a table's schema.

use entities::schema::TableSchema;

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
    // An answer names the row, perhaps one for another window than before.
    let set: Vec<String> = set.chain(schema.has_gone_at.then(|| "gone_at = NULL".to_owned())).collect();
    format!("ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), set.join(", "))
}
