//! What only newer servers can show: OpenLDAP 2.6 and 389 Directory Server 3, out of the root that
//! `scripts/servers.sh` makes. `./test servers` runs these tests, and others on the same servers.

#[path = "../common/mod.rs"]
mod common;

mod ds389;
mod slapd;
