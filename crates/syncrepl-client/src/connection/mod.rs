//! One LDAP connection, from its opening to single operations on it. The session knows what the
//! messages of the sync search mean.
//!
//! From the bottom up: `socket` and `moved`; around them `tls` and `layer`; `transport` joins these;
//! `wire` has the [`Connection`]; `open`, `operations`, `root_dse`, `changelog` and `sasl` extend it.

mod algorithms;
mod bound;
mod certificate;
mod changelog;
mod credentials;
mod dns;
mod encryption;
mod identity;
mod layer;
mod moved;
mod network;
mod open;
mod operations;
mod options;
mod pem;
mod policy;
mod refused;
mod resolve;
mod root_dse;
mod sasl;
mod sasl_options;
mod seen;
mod server;
mod server_list;
mod socket;
mod srv;
mod tls;
mod tls_errors;
mod tls_words;
mod trace;
mod transport;
mod trust;
mod waiter;
mod wire;

#[cfg(test)]
mod tests;

pub use bound::BoundLdap;
pub(crate) use certificate::{seconds_of_digits, written};
pub(crate) use changelog::{Counts, Kept};
pub use credentials::{Credentials, Password, ScramHash};
pub(crate) use network::GivenNetwork;
pub use network::{Network, Stream};
pub(crate) use operations::{ANY_ENTRY, undecodable};
pub use options::Named;
pub(crate) use options::{Addresses, ConnectOptions};
pub(crate) use policy::{PasswordWarning, Urgency};
pub(crate) use refused::{not_allowed, notice_of_disconnection, sync_refused};
pub(crate) use root_dse::RootDse;
pub use sasl_options::Sasl;
pub use server::{Server, StartTls};
pub(crate) use server_list::ServerList;
pub(crate) use srv::{Domain, Source};
pub(crate) use wire::{Connection, Woken};
