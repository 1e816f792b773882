//! What a world is made from: its vendor, how much there is, and how much goes wrong.

use crate::any::{certainly, rules, ultimate};
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::rules::{Export, Rules};
use std::time::Duration;

/// Whose manners the vendor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Told apart by the second.
    Wolkvox,
    /// A file a day, in the night after it; rows are filed by their end.
    Ultimate,
    /// Asked by days, and by mail for days that hold too much.
    Certainly,
}

/// What a world is made from. Small numbers make small worlds.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub kind: Kind,
    /// For how long things go wrong.
    pub hours: i64,
    pub row_cap: u64,
    pub per_hour: i64,
    pub settle: i64,
    /// The live cadence in minutes, and every how many slots the unsettled stretch is read again.
    pub interval: u64,
    pub refresh: u64,
    pub spacing: u64,
    pub max_in_flight: u32,
    pub schedulers: usize,
    pub workers: usize,
    /// How often in a thousand a thing goes wrong.
    pub mischief: i64,
    /// Hours of older data that an operator orders.
    pub older: i64,
    pub mode: Mode,
    /// More rows in one second than an answer can hold.
    pub burst: bool,
}

impl Scenario {
    /// How often a scheduler looks. Where a day is the least, seldom: worlds are long there.
    pub fn tick(&self) -> TimeDelta {
        match self.kind {
            Kind::Wolkvox => TimeDelta::seconds(10),
            Kind::Ultimate | Kind::Certainly => TimeDelta::minutes(4),
        }
    }

    pub fn rules(&self) -> Rules {
        let cadence = Duration::from_mins(self.interval);
        let own = match self.kind {
            Kind::Wolkvox => Rules { row_cap: self.row_cap, overlap: TimeDelta::minutes(20), ..rules() },
            Kind::Ultimate => ultimate(),
            Kind::Certainly => {
                let export = Export { busy_retry: Duration::from_mins(10), patience: Duration::from_hours(5) };
                Rules { row_cap: self.row_cap, export: Some(export), ..certainly() }
            }
        };
        Rules {
            settle: TimeDelta::hours(self.settle),
            interval: cadence,
            refresh: cadence * u32::try_from(self.refresh).unwrap(),
            spacing: Duration::from_secs(self.spacing),
            max_in_flight: self.max_in_flight,
            timeout: Duration::from_secs(30),
            lease: Duration::from_mins(1),
            ..own
        }
    }
}
