//! The change logic: from one sync event of the provider to the changes that the callback is told.

pub(crate) mod agenda;
mod alike;
pub(crate) mod ancestors;
mod answer;
pub(crate) mod apply;
mod arrange;
pub(crate) mod ask;
mod below;
pub(crate) mod change;
pub(crate) mod guard;
pub(crate) mod hashes;
pub(crate) mod hints;
pub(crate) mod ledger;
pub(crate) mod lookup;
mod moves;
mod notice;
pub(crate) mod occupied;
pub(crate) mod order;
mod orphans;
pub(crate) mod rules;
mod settle;
pub(crate) mod source;
pub(crate) mod stage;
mod take;
pub(crate) mod terms;
mod values;
pub(crate) mod waiting;
