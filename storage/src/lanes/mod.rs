//! Turn-taking for one credential over all processes: [`domain::lane`] decides, the database holds the state.
//!
//! Map: [`LaneSpec`] describes the lane as the settings do; [`dispatch`] turns its next job into a ticket; [`claim`] gives a
//! worker the job and a slot; [`adhoc`] gives a slot without a job; [`free`] takes slots away for an operator, and
//! `clock_steps` after the clock was set back; [`lost_attempts`] sets a job aside whose worker vanishes each time; [`pacing`]
//! reserves send times where the vendor limits the rate; [`quota`] counts a day's requests.

pub mod adhoc;
pub mod claim;
mod clock_steps;
pub mod dispatch;
pub mod free;
pub mod lost_attempts;
pub mod pacing;
pub mod quota;
mod ready;
mod rows;
mod spec;
mod traffic;

pub use ready::ready_statement;
pub use rows::{ensure, load, set_closed};
pub(crate) use rows::{load_all, lock, lock_key, store_closure, store_slot};
pub use spec::LaneSpec;
