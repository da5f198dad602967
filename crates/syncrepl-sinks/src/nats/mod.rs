//! NATS JetStream: one message an event, in order, each once.
//!
//! `settings` reads the target. `link` is a connection, `api` what is asked on it, `publish` one window of messages.
//! `mark` is what stands in their headers, `standing` finds by it where the stream stands. `sink` puts them together;
//! `trouble` says what errors mean.

mod api;
mod link;
mod mark;
mod publish;
mod settings;
mod sink;
mod standing;
mod trouble;

use crate::kind::Kind;
use settings::Settings;
use sink::NatsSink;

/// NATS JetStream.
pub(crate) const KIND: Kind = Kind {
    name: "NATS",
    schemes: &["nats:", "tls:"],
    keys: settings::KEYS,
    place: Settings::place,
    make: |target| Ok(Box::new(NatsSink::new(Settings::of(target)?))),
};
