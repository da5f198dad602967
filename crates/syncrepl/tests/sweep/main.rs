//! Killed at every write to the disk, every write failing, the disk full from any write on: seen from
//! outside, through `strace`. After each the store opens, the copy is as before or as after, and the
//! next run makes it, and the map of a reader of the output, equal to a fresh search.
//!
//! A few points in each run, all of them with `SYNCREPL_SWEEP=all` (`just sweep`).

#[path = "../common/mod.rs"]
mod common;

mod consumers;
mod follow;
mod moments;
mod place;
mod refresh;
