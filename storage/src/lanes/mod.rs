//! Turn-taking for one credential over all processes: [`domain::lane`] decides, the database holds the state.
//!
//! Map: [`LaneSpec`], the lane as the settings describe it; [`dispatch`], its next job becomes a ticket; [`claim`], a worker
//! takes the job and a slot; [`adhoc`], a slot without a job; [`pacing`], reserved send times where the vendor sets a rate.

pub mod adhoc;
pub mod claim;
pub mod dispatch;
pub mod pacing;
mod ready;
mod rows;
mod spec;
mod traffic;

pub use rows::{ensure, load, set_closed};
pub(crate) use rows::{lock, store_slot};
pub use spec::LaneSpec;
