//! Tests of the connection: against a real slapd, and against listeners that misbehave by script.

mod addresses;
mod fixture;
mod network;
mod sasl;
mod scripted;
mod slapd;
mod tls;
mod waiting;

use std::time::{Duration, Instant};

use syncrepl_proto::frame::Frames;

use super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::stop::StopHandle;

/// A time limit: longer than any step takes, shorter than a person waits.
const LONG: Duration = Duration::from_secs(20);

fn open(server: &Server, options: &ConnectOptions) -> Result<Connection> {
    Connection::open(server, options, &StopHandle::new())
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + LONG)
}

/// The error, checked to be of this kind and to contain all of `words`.
#[track_caller]
fn fails<T>(result: Result<T>, kind: ErrorKind, words: &[&str]) -> Error {
    let Err(error) = result else {
        panic!("it succeeded, where it should say {words:?}");
    };
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(!text.contains('\n'), "{text:?}");
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    error
}
