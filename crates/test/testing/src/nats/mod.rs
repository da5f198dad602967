//! NATS servers of a test's own, with JetStream, on free loopback ports, stopped when they go out of scope; and a
//! judge: the Python client of NATS, which shares no code with ours.

mod judge;
mod server;

pub use judge::{Judge, Message, python};
pub use server::{Cluster, Nats};
