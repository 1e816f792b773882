//! Rows and requests of a stream by day, with one statement each, however many days there are.

use crate::ledger::StreamId;
use crate::upsert::sql::{present_rows_within, quoted};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::source::Stream;
use domain::window::Window;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use std::fmt::Write;

/// The days from a first to a last one in a zone, numbered from 0.
pub(crate) struct DayNumbers {
    span: Window,
    count: usize,
    runs: Vec<Run>,
}

/// Consecutive days of 24 hours, or one day on which clocks change.
struct Run {
    start: DateTime<Utc>,
    /// The number of the first day.
    first: usize,
    is_whole: bool,
}

/// What [`DayNumbers`] counts on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayCount {
    /// Rows that the vendor files under the day.
    pub(crate) rows: u64,
    /// Requests whose window overlaps the day.
    pub(crate) requests: u64,
}

impl DayNumbers {
    /// The days from `first` to `last`, both included; `None` if there are none.
    pub(crate) fn new(first: NaiveDate, last: NaiveDate, zone: Tz) -> Option<Self> {
        let days = || first.iter_days().take_while(|day| *day <= last);
        let mut runs: Vec<Run> = Vec::new();
        let (mut span, mut next) = (None::<Window>, None);
        for (number, day) in days().enumerate() {
            // Where a zone has skipped a day, that day has no window.
            let Some(window) = Window::of_day(day, zone) else { continue };
            let is_whole = window.span() == TimeDelta::days(1);
            if next != Some((window.from(), number)) || !is_whole {
                runs.push(Run { start: window.from(), first: number, is_whole });
            }
            next = is_whole.then_some((window.to(), number + 1));
            span = Some(span.map_or(window, |span| span.hull(&window)));
        }
        Some(Self { span: span?, count: days().count(), runs })
    }

    /// Counts the stream's rows and requests of each day; the position in the result is the day's number.
    ///
    /// # Errors
    /// Returns the database error.
    pub(crate) async fn count(
        &self,
        on: &impl ConnectionTrait,
        stream: &Stream,
        id: &StreamId,
    ) -> Result<Vec<DayCount>, DbErr> {
        let mut counts = vec![DayCount::default(); self.count];
        let backend = on.get_database_backend();
        let (sql, values) = self.rows_statement(backend, stream, id);
        for row in on.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
            if let Some(day) = counts.get_mut(usize::try_from(row.try_get::<i64>("", "day")?).unwrap_or(usize::MAX)) {
                day.rows += u64::try_from(row.try_get::<i64>("", "found")?).unwrap_or(0);
            }
        }
        let (sql, values) = self.requests_statement(backend, id);
        for row in on.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await? {
            let end = |name: &str| row.try_get::<i64>("", name).map(|number| usize::try_from(number).unwrap_or(0));
            let (first, last) = (end("first_day")?, end("last_day")?);
            let found = u64::try_from(row.try_get::<i64>("", "found")?).unwrap_or(0);
            counts.iter_mut().skip(first).take((last + 1).saturating_sub(first)).for_each(|day| day.requests += found);
        }
        Ok(counts)
    }

    /// Builds the statement that counts rows by day.
    fn rows_statement(&self, backend: DbBackend, stream: &Stream, id: &StreamId) -> (String, Vec<Value>) {
        let (condition, mut values) = present_rows_within(id, stream, self.span);
        let day = self.number_of(&quoted(stream.at), Edge::From, backend, &mut values);
        let table = quoted(stream.table);
        let sql = format!("SELECT {day} AS day, COUNT(*) AS found FROM {table} WHERE {condition} GROUP BY 1");
        (sql, values)
    }

    /// Builds the statement that counts requests by the first and the last day of their windows.
    fn requests_statement(&self, backend: DbBackend, id: &StreamId) -> (String, Vec<Value>) {
        let mut values: Vec<Value> =
            vec![id.account.as_str().into(), self.span.from().into(), self.span.to().into(), id.stream.as_str().into()];
        let first = self.number_of("from_at", Edge::From, backend, &mut values);
        let last = self.number_of("to_at", Edge::To, backend, &mut values);
        let sql = format!(
            "SELECT CASE WHEN from_at <= $2 THEN CAST(0 AS bigint) ELSE {first} END AS first_day, \
             CASE WHEN to_at >= $3 THEN CAST({} AS bigint) ELSE {last} END AS last_day, COUNT(*) AS found FROM requests \
             WHERE account = $1 AND stream = $4 AND from_at < $3 AND to_at > $2 GROUP BY 1, 2",
            self.count.saturating_sub(1)
        );
        (sql, values)
    }

    /// The SQL expression for the number of the day that holds the instant in `column`, or that holds the last instant before
    /// it if the column is a window's end. Adds its parameters to `values`.
    fn number_of(&self, column: &str, edge: Edge, backend: DbBackend, values: &mut Vec<Value>) -> String {
        let compare = if edge == Edge::To { "<=" } else { "<" };
        let seconds = seconds_of(column, edge, backend);
        let mut sql = String::from("CASE");
        for (index, Run { start, first, is_whole }) in self.runs.iter().enumerate() {
            let number = match (is_whole, edge) {
                (true, Edge::From) => format!("({seconds} - {}) / 86400 + {first}", start.timestamp()),
                (true, Edge::To) => format!("({seconds} - {} - 1) / 86400 + {first}", start.timestamp()),
                (false, _) => format!("CAST({first} AS bigint)"),
            };
            match self.runs.get(index + 1) {
                Some(next) => {
                    values.push(next.start.into());
                    let _ = write!(sql, " WHEN {column} {compare} ${} THEN {number}", values.len());
                }
                None => {
                    let _ = write!(sql, " ELSE {number} END");
                }
            }
        }
        // Without a second run there is no condition.
        if self.runs.len() == 1 { sql.replacen("CASE ELSE", "CASE WHEN 1 = 1 THEN", 1) } else { sql }
    }
}

/// The end of a window that a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    From,
    To,
}

/// The whole seconds since 1970 of the instant in `column`: rounded down for a start, and up for an end.
fn seconds_of(column: &str, edge: Edge, backend: DbBackend) -> String {
    match (backend, edge) {
        (DbBackend::Postgres, Edge::From) => format!("CAST(floor(extract(epoch FROM {column})) AS bigint)"),
        (DbBackend::Postgres, Edge::To) => format!("CAST(ceil(extract(epoch FROM {column})) AS bigint)"),
        (_, Edge::From) => format!("CAST(strftime('%s', {column}) AS INTEGER)"),
        (_, Edge::To) => format!(
            "(CAST(strftime('%s', {column}) AS INTEGER) \
             + (CAST(strftime('%f', {column}) AS REAL) > CAST(strftime('%S', {column}) AS INTEGER)))"
        ),
    }
}
