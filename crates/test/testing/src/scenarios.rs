//! Small deterministic changes, each of a kind that a careless consumer gets wrong.
//!
//! The consumer follows [`BASE`]. It sees an entry under [`OUTSIDE`] only when it moves into the base.

mod moves;
mod names;
mod parents;
mod records;
mod scenario;
mod values;

pub use scenario::{BASE, OUTSIDE, Scenario};

/// All of them. Each wants a server of its own, or one from which [`BASE`] and [`OUTSIDE`] are gone.
pub fn scenarios() -> Vec<Scenario> {
    [
        values::scenarios(),
        names::scenarios(),
        parents::scenarios(),
        moves::scenarios(),
    ]
    .concat()
}
