//! The old rows of a table, oldest first, a batch at a time by an index.

use chrono::{DateTime, Utc};
use domain::retention::{HistoryTable, span_of_day};
use domain::window::Window;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};

/// Rows per batch.
pub const BATCH: usize = 1_000;

/// An old row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OldRow {
    /// The values of the table's key, in the order of [`Layout::key`].
    pub(super) key: Vec<KeyValue>,
    /// The account and the stream of the row, if it has them.
    pub(super) stream: Option<(String, String)>,
    /// The time that the row is about, if it is about one.
    pub(super) window: Option<Window>,
    at: DateTime<Utc>,
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    /// A number, such as an id.
    Number(i64),
    /// A text, such as a name.
    Text(String),
}

/// The end of the last batch: the age and the key of its last row.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    at: DateTime<Utc>,
    key: Vec<KeyValue>,
}

/// What the statements need to know of a table.
pub(super) struct Layout {
    /// The columns of the key.
    pub(super) key: &'static [&'static str],
    /// The column by which rows grow old.
    at: &'static str,
    /// What else a row must fulfil.
    condition: &'static str,
    /// The columns that say what the row is about.
    subject: Subject,
}

/// What the rows of a table are about.
enum Subject {
    /// A window of a stream: the columns `from_at` and `to_at`.
    Window,
    /// A day of a stream: the column `day`.
    Day,
    /// Nothing that evidence is needed for.
    Nothing,
}

/// The layout of a table.
pub(super) fn layout(table: HistoryTable) -> Layout {
    let by_id = |at, condition, subject| Layout { key: &["id"], at, condition, subject };
    match table {
        HistoryTable::Requests => by_id("sent_at", "", Subject::Window),
        // An accepted event waits for its rows to be stored.
        HistoryTable::Deliveries => by_id("received_at", " AND state <> 'accepted'", Subject::Window),
        HistoryTable::Rejects => by_id("rejected_at", "", Subject::Window),
        HistoryTable::Backfills => by_id("finished_at", " AND state IN ('done', 'cancelled')", Subject::Nothing),
        HistoryTable::Items => Layout {
            key: &["account", "stream", "slice_key"],
            at: "ended_at",
            // An item that is fetched again keeps its row.
            condition: " AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.purpose = 'item' AND j.account = t.account AND \
                        j.stream = t.stream AND j.slice_key = t.slice_key)",
            subject: Subject::Nothing,
        },
        HistoryTable::ReopenedDays => {
            Layout { key: &["account", "stream", "day"], at: "reopened_at", condition: "", subject: Subject::Day }
        }
        HistoryTable::Processes => {
            Layout { key: &["name"], at: "last_seen_at", condition: "", subject: Subject::Nothing }
        }
    }
}

/// The statement that selects the first rows of `table` after `last` that are older than `horizon`.
#[must_use]
pub fn old_rows_statement(
    backend: DbBackend,
    table: HistoryTable,
    horizon: DateTime<Utc>,
    last: Option<&Position>,
) -> Statement {
    let Layout { key, at, condition, subject } = layout(table);
    let mut values: Vec<Value> = vec![horizon.into()];
    let mut after = String::new();
    if let Some(last) = last {
        values.push(last.at.into());
        values.extend(last.key.iter().map(KeyValue::value));
        let parameters = (0..key.len()).map(|number| format!("${}", number + 3)).collect::<Vec<_>>().join(", ");
        // The first condition alone is for the index.
        after = format!(" AND t.{at} >= $2 AND (t.{at} > $2 OR ({}) > ({parameters}))", columns(key));
    }
    let about = match subject {
        Subject::Window => "t.account, t.stream, t.from_at, t.to_at, ",
        Subject::Day => "t.account, t.stream, t.day, ",
        Subject::Nothing => "",
    };
    let keys =
        key.iter().enumerate().map(|(number, name)| format!("t.{name} AS key{number}, ")).collect::<Vec<_>>().concat();
    let sql = format!(
        "SELECT {keys}{about}t.{at} AS at FROM {} t WHERE t.{at} < $1{after}{condition} ORDER BY t.{at}, {} LIMIT {BATCH}",
        table.as_str(),
        columns(key)
    );
    Statement::from_sql_and_values(backend, sql, values)
}

/// The next batch of rows of `table` after `last` that are older than `horizon`.
pub(super) async fn old_rows(
    on: &impl ConnectionTrait,
    table: HistoryTable,
    horizon: DateTime<Utc>,
    last: Option<&Position>,
) -> Result<Vec<OldRow>, DbErr> {
    let statement = old_rows_statement(on.get_database_backend(), table, horizon, last);
    on.query_all_raw(statement).await?.iter().map(|row| read(row, &layout(table))).collect()
}

impl OldRow {
    /// The position of the row in the order of the batches.
    pub(super) fn position(&self) -> Position {
        Position { at: self.at, key: self.key.clone() }
    }
}

impl Position {
    /// The position after the row of this age and key.
    #[must_use]
    pub fn new(at: DateTime<Utc>, key: Vec<KeyValue>) -> Self {
        Self { at, key }
    }
}

impl KeyValue {
    /// The value as a parameter.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

fn columns(key: &[&str]) -> String {
    key.iter().map(|name| format!("t.{name}")).collect::<Vec<_>>().join(", ")
}

fn read(row: &QueryResult, layout: &Layout) -> Result<OldRow, DbErr> {
    let key = |number: usize| -> Result<KeyValue, DbErr> {
        let name = format!("key{number}");
        if layout.key == ["id"] {
            return row.try_get("", &name).map(KeyValue::Number);
        }
        row.try_get("", &name).map(KeyValue::Text)
    };
    let stream = || -> Result<Option<(String, String)>, DbErr> {
        Ok(row.try_get::<Option<String>>("", "account")?.zip(row.try_get("", "stream")?))
    };
    let (stream, window) = match layout.subject {
        Subject::Nothing => (None, None),
        Subject::Window => {
            let ends = row.try_get::<Option<_>>("", "from_at")?.zip(row.try_get("", "to_at")?);
            (stream()?, ends.and_then(|(from, to)| Window::new(from, to)))
        }
        Subject::Day => {
            let day: String = row.try_get("", "day")?;
            (stream()?, day.parse().ok().and_then(span_of_day))
        }
    };
    let key = (0..layout.key.len()).map(key).collect::<Result<_, _>>()?;
    Ok(OldRow { key, stream, window, at: row.try_get("", "at")? })
}
