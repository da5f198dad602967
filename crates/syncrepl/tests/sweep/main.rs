//! Faults at every write to the disk, made from outside with `strace`: a kill, a failed write, a full disk
//! from that write on. After each fault the store opens, and the copy is the old one or the new one. The
//! next run makes the copy and the map of a reader equal to a fresh search.
//!
//! A run visits a few writes, with `SYNCREPL_SWEEP=all` (`just sweep`) all of them.

#[path = "../common/mod.rs"]
mod common;

mod consumers;
mod follow;
mod moments;
mod place;
mod refresh;
