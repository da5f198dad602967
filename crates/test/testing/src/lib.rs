//! Real servers, workloads and an independent judge for the tests of syncrepl.
//!
//! Nothing here depends on the crates under test: the servers are `slapd` and `ns-slapd` processes,
//! changes go in through `ldapmodify`, and `ldapsearch` says what is right. Everything panics, with a
//! message that names the cause, when a test cannot go on.

pub mod daemon;
pub mod ds389;
pub mod environment;
pub mod judge;
pub mod kdc;
pub mod ldif;
pub mod nats;
pub mod people;
mod ports;
pub mod postgres;
pub mod process;
pub mod reader;
pub mod receiver;
pub mod release;
pub mod scenarios;
pub mod slapd;
pub mod strace;
pub mod strict;
pub mod sweep;
pub mod target;
pub mod tls;
pub mod tools;
mod wait;
pub mod workload;

pub use ds389::Ds389;
pub use judge::{Directory, Entry, assert_same};
pub use kdc::Kdc;
pub use nats::Nats;
pub use postgres::Postgres;
pub use process::Run;
pub use reader::Reader;
pub use receiver::Receiver;
pub use release::Release;
pub use slapd::{Pair, Slapd, Variant};
pub use strict::{Misfit, StrictMap};
pub use target::{Other, Target};
pub use wait::wait_until;
pub use workload::{Options, Workload};
