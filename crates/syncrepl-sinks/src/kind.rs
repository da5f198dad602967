//! From the words of a configuration to a sink.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;
use syncrepl_relay::Sink;

use crate::KINDS;

/// A kind of sink, such as NATS: its line in [`KINDS`].
pub struct Kind {
    /// Its name for people.
    pub name: &'static str,
    /// The beginnings of a target of this kind: `nats:`, `tls:`.
    pub schemes: &'static [&'static str],
    /// The keys of a `[sink.NAME]` that only this kind knows.
    pub keys: &'static [&'static str],
    /// One target that may not be written by two sinks: targets that name the same place give the same text.
    pub place: fn(&Target) -> Result<String, Unfit>,
    /// Makes the sink, without connecting.
    pub make: fn(&Target) -> Result<Box<dyn Sink>, Unfit>,
}

/// A `[sink.NAME]` of a configuration, without what the relay itself takes from it.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The name of the sink.
    pub sink: String,
    /// The value of `to`.
    pub to: String,
    /// The other keys.
    pub keys: BTreeMap<String, Value>,
}

impl Target {
    /// The keys as the options of a kind.
    ///
    /// # Errors
    /// A key is unknown, or its value is of the wrong type.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Unfit> {
        let keys = self.keys.clone().into_iter().collect();
        serde_json::from_value(Value::Object(keys)).map_err(|error| Unfit::new(error.to_string()))
    }
}

/// A configuration that no sink can be made of. Its text names the key, and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    message: String,
    hint: Option<String>,
}

impl Unfit {
    /// The error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Unfit {
            message: message.into(),
            hint: None,
        }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What to write instead.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What is wrong, without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hint {
            Some(hint) => write!(f, "{}: {hint}", self.message),
            None => write!(f, "{}", self.message),
        }
    }
}

impl std::error::Error for Unfit {}

/// The kind of a target.
///
/// # Errors
/// No kind that this program was built with has such targets.
pub fn of(to: &str) -> Result<&'static Kind, Unfit> {
    let of = |kind: &&&Kind| kind.schemes.iter().any(|scheme| to.starts_with(scheme));
    KINDS.iter().find(of).copied().ok_or_else(|| {
        let known: Vec<_> = KINDS.iter().flat_map(|kind| kind.schemes).collect();
        let known: Vec<&str> = known.into_iter().copied().collect();
        let scheme = to.split(':').next().unwrap_or_default();
        Unfit::new(format!("{scheme:?} is no kind of target here"))
            .with_hint(format!("a target begins with {}", known.join(", ")))
    })
}

/// Makes the sink of a target, without connecting.
///
/// # Errors
/// The target, or one of its keys, cannot be used.
pub fn open(target: &Target) -> Result<Box<dyn Sink>, Unfit> {
    (of(&target.to)?.make)(target)
}
