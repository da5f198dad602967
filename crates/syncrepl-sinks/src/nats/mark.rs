//! What a sink writes into the headers of each message, beside the names that NATS knows: the owner, the position,
//! and the batch. It is how a sink finds out where it stands.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use syncrepl_relay::Owner;
use uuid::Uuid;

/// The store and the sink: `UUID NAME`.
pub(super) const OWNER: &str = "Syncrepl-Owner";
/// Where a sink stands that has this message and all before it.
pub(super) const POSITION: &str = "Syncrepl-Position";
/// The place of a message in its batch: `FIRST.OWN.BEFORE`.
pub(super) const BATCH: &str = "Syncrepl-Batch";

/// What a sink wrote beside the content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The id of the store.
    pub(super) source: Uuid,
    /// The name of the sink.
    pub(super) sink: String,
    /// As it stands there: another version may have written it.
    pub(super) position: String,
    pub(super) batch: Option<Batch>,
}

/// The place of a message in its batch. All of a batch is sent before the first answer. A message is stored with
/// the sequence that it has in the batch, or not at all; but if a message of somebody else takes such a sequence,
/// the ones after it pass although one is missing. This is how a reader notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// The sequence of the first message of the batch.
    pub(super) first: u64,
    /// The sequence of our newest message when the batch was sent, before which nothing was missing; 0: none.
    pub(super) own: u64,
    /// The [`trace`] of the position before this message; 0 in the first one.
    pub(super) before: u64,
}

/// A number for a position: the message that follows it has it, so that a missing one is noticed (FNV-1a).
pub(super) fn trace(position: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    position.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:x}", self.first, self.own, self.before)
    }
}

impl FromStr for Batch {
    type Err = ();

    fn from_str(text: &str) -> Result<Batch, ()> {
        let fields: Vec<&str> = text.split('.').collect();
        let [first, own, before] = fields[..] else {
            return Err(());
        };
        Ok(Batch {
            first: first.parse().map_err(|_| ())?,
            own: own.parse().map_err(|_| ())?,
            before: u64::from_str_radix(before, 16).map_err(|_| ())?,
        })
    }
}

impl Mark {
    /// From the headers of a message, in the base64 of JetStream. `None`: no sink wrote it.
    pub(super) fn of_headers(base64: &str) -> Option<Mark> {
        let bytes = STANDARD.decode(base64).ok()?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let (mut owner, mut position, mut batch) = (None, None, None);
        for line in text.split("\r\n").skip(1) {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match name {
                OWNER => owner = value.split_once(' '),
                POSITION => position = Some(value),
                BATCH => batch = value.parse().ok(),
                _ => {}
            }
        }
        let (source, sink) = owner?;
        Some(Mark {
            source: source.parse().ok()?,
            sink: sink.to_owned(),
            position: position?.to_owned(),
            batch,
        })
    }

    /// Whether this owner's sink wrote it, or that of the store before.
    pub(super) fn is_of(&self, who: &Owner) -> bool {
        self.sink == who.sink && (self.source == who.source || Some(self.source) == who.previous)
    }
}

/// The value of [`OWNER`].
pub(super) fn owner(who: &Owner) -> String {
    format!("{} {}", who.source, who.sink)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(headers: &str) -> String {
        STANDARD.encode(headers)
    }

    #[test]
    fn mark_is_read_as_written() {
        let who = Owner {
            source: Uuid::from_bytes([9; 16]),
            previous: None,
            sink: "the bus".to_owned(),
            take_over: false,
        };
        let batch = Batch {
            first: 42,
            own: 40,
            before: trace("1;1"),
        };
        let headers = format!(
            "NATS/1.0\r\nNats-Msg-Id: a\r\n{OWNER}: {}\r\n{POSITION}: 1;2\r\n{BATCH}: {batch}\r\n\r\n",
            owner(&who)
        );
        let mark = Mark::of_headers(&encoded(&headers)).unwrap();
        assert_eq!((mark.position.as_str(), mark.batch), ("1;2", Some(batch)));
        assert!(mark.is_of(&who));
        let other = Owner {
            sink: "bus".to_owned(),
            ..who
        };
        assert!(!mark.is_of(&other));
    }

    #[test]
    fn other_headers_are_no_mark() {
        for headers in [
            "",
            "NATS/1.0\r\n\r\n",
            "NATS/1.0\r\nSyncrepl-Owner: x y\r\nSyncrepl-Position: p\r\n",
            "NATS/1.0\r\nSyncrepl-Owner\r\n:\r\n",
        ] {
            assert_eq!(Mark::of_headers(&encoded(headers)), None, "{headers}");
        }
        assert_eq!(Mark::of_headers("no base64"), None);
    }
}
