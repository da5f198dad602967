//! The rows of the copy: records and references in `rows`, those of an open stage in `parked`.

mod parked;
mod rows;

pub(crate) use parked::{Attributes, FEW, Parked, Placed};
pub(super) use rows::range;
pub(crate) use rows::{Records, Stored, attribute_list};
