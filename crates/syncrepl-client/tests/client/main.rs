//! The library's public interface, on real servers.

mod common;
mod connecting;
mod contract;
mod documentation;
mod examples;
mod following;
mod handles;
mod identity;
mod logging;
mod modes;
mod own_table;
mod reconcile;
mod refusals;
mod rollback;
mod stacking;
mod stopping;
mod tls;
