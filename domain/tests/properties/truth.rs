//! What really happened: rows that appear, change until they close, and are sometimes late.

use crate::any::at;
use crate::rng::Rng;
use chrono::{DateTime, TimeDelta, Utc};
use domain::window::Window;

/// A row as the vendor shows it: how many minutes it has been open, or that it is closed and changes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open(i64),
    Closed,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub id: usize,
    /// The instant by which the vendor files it.
    pub at: DateTime<Utc>,
    /// When it began: people ask by that.
    pub began: DateTime<Utc>,
    /// When the vendor begins to show it.
    visible: DateTime<Utc>,
    /// When it changes no more: within the settle time.
    closes: DateTime<Utc>,
}

impl Row {
    pub fn state(&self, now: DateTime<Utc>) -> Option<State> {
        if now < self.visible {
            None
        } else if now < self.closes {
            Some(State::Open((now - self.visible).num_minutes()))
        } else {
            Some(State::Closed)
        }
    }
}

/// All rows, oldest first.
pub struct Truth(pub Vec<Row>);

impl Truth {
    /// About `per_hour` rows an hour over `span`, unevenly; and, in one second, as many as `burst` says.
    /// What is new or changes does so within the first of `late`; and is filed as much later than it began as the second
    /// says, at most.
    pub fn happen(rng: &mut Rng, span: Window, per_hour: i64, late: (TimeDelta, TimeDelta), burst: i64) -> Self {
        let mut instants = Vec::new();
        let mut hour = span.from();
        while hour < span.to() {
            // Nights are quiet, and some hours are busy.
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

    pub fn within(&self, window: Window) -> impl Iterator<Item = &Row> {
        let first = self.0.partition_point(|row| row.at < window.from());
        self.0[first..].iter().take_while(move |row| row.at < window.to())
    }
}

/// Most rows are shown at once and close soon; some are late, some stay open to the last moment.
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
    Row { id, at, began, visible: at + TimeDelta::seconds(visible), closes: at + TimeDelta::seconds(closes) }
}

/// The instant at which every world begins: nothing special, and so not on a slot.
pub fn beginning() -> DateTime<Utc> {
    at(37)
}
