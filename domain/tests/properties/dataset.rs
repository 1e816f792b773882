//! The dataset: rows that appear, change until they close, and are sometimes late.

use crate::rng::Rng;
use crate::strategies::at;
use chrono::{DateTime, TimeDelta, Utc};
use domain::window::Window;

/// A row's state: open for this many minutes, or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open(i64),
    Closed,
    /// Changed after it was final.
    Edited,
}

/// One row of the dataset.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub id: usize,
    /// The instant by which the vendor files it.
    pub at: DateTime<Utc>,
    /// When the conversation began; reports by day use this.
    pub began: DateTime<Utc>,
    /// When the vendor first shows the row.
    visible: DateTime<Utc>,
    /// When the row becomes final; within the settle time.
    closes: DateTime<Utc>,
    /// When the vendor changes the closed row, if it does.
    edited: Option<DateTime<Utc>>,
    /// When the vendor does not have the row, if it deletes it.
    removed: Option<Window>,
}

impl Row {
    pub fn state(&self, now: DateTime<Utc>) -> Option<State> {
        if now < self.visible || self.removed.is_some_and(|removed| removed.contains(now)) {
            None
        } else if now < self.closes {
            Some(State::Open((now - self.visible).num_minutes()))
        } else if self.edited.is_some_and(|edited| edited <= now) {
            Some(State::Edited)
        } else {
            Some(State::Closed)
        }
    }
}

impl Row {
    /// When the row last changed, as a list states it.
    pub fn version(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let changes = [Some(self.closes), self.edited].into_iter().flatten().filter(|at| *at <= now);
        changes.max().unwrap_or(self.visible)
    }

    /// The last instant at which an open row may still change.
    pub fn open_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (now < self.closes).then_some(self.closes + TimeDelta::hours(1))
    }
}

/// All rows, oldest first.
pub struct Dataset(pub Vec<Row>);

impl Dataset {
    /// Generates about `per_hour` rows an hour over `span`, unevenly, and `burst` rows in one second.
    /// Rows appear and change within the first duration of `late`, and are filed at most the second after they began.
    pub fn happen(rng: &mut Rng, span: Window, per_hour: i64, late: (TimeDelta, TimeDelta), burst: i64) -> Self {
        let mut instants = Vec::new();
        let mut hour = span.from();
        while hour < span.to() {
            // Some hours have no rows, others many.
            let share = [0, 30, 100, 150, 220][usize::try_from(rng.between(0, 4)).unwrap()];
            for _ in 0..per_hour * share / 100 {
                instants.push(hour + TimeDelta::seconds(rng.between(0, 3_599)));
            }
            hour += TimeDelta::hours(1);
        }
        let dense = span.from() + TimeDelta::seconds(rng.between(0, span.span().num_minutes() - 1) * 60 + 30);
        instants.extend((0..burst).map(|_| dense));
        instants.retain(|instant| span.contains(*instant));
        instants.sort_unstable();
        Self(instants.into_iter().enumerate().map(|(id, at)| row(rng, id, at, late)).collect())
    }

    /// Changes and deletes so many closed rows per thousand during `span`.
    pub fn disturb(&mut self, rng: &mut Rng, span: Window, edits: i64, removals: i64) {
        for row in &mut self.0 {
            let Some(closed) = Window::new(row.closes.max(span.from()), span.to()) else { continue };
            let mut instant = || closed.from() + TimeDelta::seconds(rng.between(0, closed.span().num_seconds()));
            let (edited, removed, returned) = (instant(), instant(), instant());
            row.edited = rng.in_thousand(edits).then_some(edited);
            let end = if rng.in_thousand(300) { returned } else { DateTime::<Utc>::MAX_UTC };
            row.removed = Window::new(removed, end).filter(|_| rng.in_thousand(removals));
        }
    }

    pub fn within(&self, window: Window) -> impl Iterator<Item = &Row> {
        let first = self.0.partition_point(|row| row.at < window.from());
        self.0[first..].iter().take_while(move |row| row.at < window.to())
    }
}

/// A row: most appear at once and close soon, some appear late, some stay open until the end of the settle time.
fn row(rng: &mut Rng, id: usize, at: DateTime<Utc>, (settle, late_filing): (TimeDelta, TimeDelta)) -> Row {
    let all = settle.num_seconds();
    let visible = if rng.in_thousand(150) { rng.between(0, all) } else { rng.between(0, 5) };
    let closes = if rng.in_thousand(150) { all } else { visible + rng.between(0, (all - visible) / 4) };
    let late_filing = late_filing.num_seconds();
    let took = if late_filing > 0 && rng.in_thousand(300) {
        rng.between(0, late_filing)
    } else {
        rng.between(0, late_filing / 48)
    };
    let began = at - TimeDelta::seconds(took);
    Row {
        id,
        at,
        began,
        visible: at + TimeDelta::seconds(visible),
        closes: at + TimeDelta::seconds(closes),
        edited: None,
        removed: None,
    }
}

/// The start of every simulation; it is not on a live slot.
pub fn start_time() -> DateTime<Utc> {
    at(37)
}
