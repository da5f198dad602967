//! A time limit, in the words of the configuration.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

/// A time limit, such as `"30s"`; 30 seconds if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeout(pub(crate) Duration);

impl Default for Timeout {
    fn default() -> Self {
        Timeout(Duration::from_secs(30))
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match humantime::parse_duration(&text) {
            Ok(time) if !time.is_zero() => Ok(Timeout(time)),
            Ok(_) => Err(Error::custom("timeout is zero: write a time such as 30s")),
            Err(error) => Err(Error::custom(format!(
                "timeout = {text:?} is no time such as 30s: {error}"
            ))),
        }
    }
}
