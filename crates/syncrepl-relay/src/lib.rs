//! Delivers the changes in a store's journal to sinks: programs, databases, buses.
//!
//! The library `syncrepl-client` writes a journal row for each change, in the transaction of the copy. A relay
//! reads the rows in order, makes an [`Event`] of each, and hands batches of them to its [`Sink`]. The sink
//! returns when the batch is safe. Each sink has a relay and a thread of its own, so a slow sink holds back
//! neither the copy nor another sink.
//!
//! Delivery is at least once, in order, with ids that stay the same. A sink that can keep its [`Position`] in the
//! same transaction as the events gets each of them exactly once.

#![warn(unreachable_pub)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod delivery;
mod encode;
mod error;
mod event;
mod make;
mod parts;
mod position;
mod reading;
mod relay;
mod runner;
mod shape;
mod shared;
mod sink;
mod status;

pub use delivery::{Dead, DeadCount, Delivery, DeliveryError, Stored};
pub use encode::{attributes, rfc3339, value};
pub use error::{SinkError, Trouble};
pub use event::{Attribute, Event, EventKind, Part, ValueChange};
pub use position::{PartSent, Phase, Position, Step as PassStep};
pub use reading::{Limits, ReadError};
pub use relay::{MaxRemoved, Poison, Relay, RelaySettings, Step};
pub use runner::Runner;
pub use shape::{DataForm, Shape, ShapeError, ShapeSettings};
pub use shared::Shared;
pub use sink::{Batch, Owner, Sent, Sink, SinkResult};
pub use status::{Recent, RelayState, RelayStatus, SharedStatus};
pub use syncrepl_client::journal::{Cause, Seq};
