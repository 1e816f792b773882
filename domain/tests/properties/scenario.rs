//! A scenario: the vendor's model, the amount of data and the number of faults.

use crate::strategies::{certainly, rules, ultimate};
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::rules::{Export, Rules};
use std::time::Duration;

/// The vendor whose rules the fake vendor follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendorModel {
    /// Windows of any length in seconds.
    Wolkvox,
    /// One file per day, published in the night after it; rows are filed by their end.
    Ultimate,
    /// Windows of whole days, and exports by mail for dense days.
    Certainly,
    /// Lists that name items, each of which takes a request of its own.
    Truora,
}

/// The parameters of one simulation.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub model: VendorModel,
    /// How long faults are injected.
    pub hours: i64,
    pub row_cap: u64,
    pub per_hour: i64,
    pub settle: i64,
    /// The live interval in minutes, and the refresh in live slots.
    pub interval: u64,
    pub refresh: u64,
    pub spacing: u64,
    pub max_in_flight: u32,
    pub schedulers: usize,
    pub workers: usize,
    /// The number of faults per thousand operations.
    pub faults_per_thousand: i64,
    /// The hours of older data that a backfill fetches.
    pub older: i64,
    pub mode: Mode,
    /// More rows in one second than an answer can hold.
    pub burst: bool,
    pub trouble: Trouble,
}

/// What goes wrong beside crashes, lost tickets and the vendor's faults. The rates are per thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The rate of rows that the vendor changes after they were final.
    pub edits: i64,
    /// The rate of rows that the vendor deletes after they were final; some come back.
    pub removals: i64,
    /// The rate of commits of which the database refuses a row, or the whole.
    pub refusals: i64,
    /// Whether the database's clock is set forwards and back, by minutes or by days. The vendor's answers then state its time.
    pub has_clock_steps: bool,
}

impl Scenario {
    /// The time between two ticks; longer for vendors of whole days, whose simulations are long.
    pub fn tick(&self) -> TimeDelta {
        match self.model {
            VendorModel::Wolkvox | VendorModel::Truora => TimeDelta::seconds(10),
            VendorModel::Ultimate | VendorModel::Certainly => TimeDelta::minutes(4),
        }
    }

    pub fn rules(&self) -> Rules {
        let cadence = Duration::from_mins(self.interval);
        let own = match self.model {
            VendorModel::Wolkvox => Rules { row_cap: self.row_cap, overlap: TimeDelta::minutes(20), ..rules() },
            VendorModel::Ultimate => ultimate(),
            VendorModel::Truora => Rules {
                row_cap: u64::MAX,
                items_per_list: Some(self.row_cap),
                overlap: TimeDelta::minutes(20),
                ..rules()
            },
            VendorModel::Certainly => {
                let export = Export { busy_retry: Duration::from_mins(10), patience: Duration::from_hours(5) };
                Rules { row_cap: self.row_cap, export: Some(export), ..certainly() }
            }
        };
        Rules {
            settle: TimeDelta::hours(self.settle),
            interval: cadence,
            refresh: cadence * u32::try_from(self.refresh).unwrap(),
            spacing: match self.model {
                VendorModel::Truora => Duration::from_millis(self.spacing * 40),
                _ => Duration::from_secs(self.spacing),
            },
            max_in_flight: self.max_in_flight,
            timeout: Duration::from_secs(30),
            lease: Duration::from_mins(1),
            ..own
        }
    }
}
