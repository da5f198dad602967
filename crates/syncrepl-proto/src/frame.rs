//! Cuts a byte stream into whole LDAPMessages (RFC 4511 §5.2).
//!
//! It buffers the bytes that have arrived, up to the size limit of a message, and reads no more
//! than the header of a message.

use std::io::Read;
use std::ops::Range;

use thiserror::Error;

use crate::ber::{self, Problem, tag};

/// The default size limit of one message, in bytes: 64 MiB.
pub const DEFAULT_MAX_MESSAGE_SIZE: usize = 64 << 20;

/// The room offered to a reader at a time, in bytes.
const CHUNK: usize = 64 << 10;

/// The reason why the stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes are not an LDAPMessage. Perhaps the port speaks TLS or another protocol.
    #[error("the stream is not LDAP: {0}")]
    NotLdap(Problem),
    /// A message exceeds the size limit.
    #[error("a message of {size} bytes is larger than the {limit} that are allowed")]
    TooLarge {
        /// The size the message announces, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: usize,
    },
}

/// The frames of a stream. Read into [`space`](Frames::space), pass the number of bytes read to
/// [`filled`](Frames::filled), then take messages with [`poll_message`](Frames::poll_message).
#[derive(Debug)]
pub struct Frames {
    buffer: Vec<u8>,
    filled: Range<usize>,
    limit: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Frames::new(DEFAULT_MAX_MESSAGE_SIZE)
    }
}

impl Frames {
    /// Frames that accept messages of at most `limit` bytes, headers included.
    pub fn new(limit: usize) -> Self {
        Frames {
            buffer: Vec::new(),
            filled: 0..0,
            limit,
        }
    }

    /// Room for the next bytes of the stream; never empty.
    pub fn space(&mut self) -> &mut [u8] {
        if self.filled.is_empty() {
            self.filled = 0..0;
            if self.buffer.len() > 4 * CHUNK {
                // A large message has been taken: release its memory.
                self.buffer = Vec::new();
            }
        }
        if self.buffer.len() - self.filled.end < CHUNK / 2 && self.filled.start > 0 {
            self.buffer.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.buffer.len() - self.filled.end < CHUNK / 2 {
            let pending = self.filled.len();
            self.buffer
                .resize(self.filled.end + CHUNK.max(pending / 2), 0);
        }
        self.buffer.get_mut(self.filled.end..).unwrap_or_default()
    }

    /// Accepts `count` bytes that the caller has put into [`space`](Frames::space).
    pub fn filled(&mut self, count: usize) {
        self.filled.end = self.filled.end.saturating_add(count).min(self.buffer.len());
    }

    /// Adds bytes from memory.
    pub fn push(&mut self, mut bytes: &[u8]) {
        // Reading from a slice never fails, and returns 0 at its end.
        while let Ok(count @ 1..) = bytes.read(self.space()) {
            self.filled(count);
        }
    }

    /// The number of bytes that have arrived and belong to no message taken so far.
    pub fn buffered(&self) -> usize {
        self.filled.len()
    }

    /// Whether a whole message has arrived.
    ///
    /// # Errors
    /// The same as for [`poll_message`](Self::poll_message).
    pub fn has_message(&self) -> Result<bool, FrameError> {
        Ok(self.next()?.is_some())
    }

    /// Takes the next whole message; `None` when it has not arrived yet.
    ///
    /// # Errors
    /// The stream is not LDAP, or the message exceeds the limit. The stream is of no more use.
    pub fn poll_message(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let Some(size) = self.next()? else {
            return Ok(None);
        };
        let start = self.filled.start;
        self.filled.start += size;
        Ok(self.buffer.get(start..self.filled.start))
    }

    fn next(&self) -> Result<Option<usize>, FrameError> {
        let bytes = self.buffer.get(self.filled.clone()).unwrap_or_default();
        if let Some(&found) = bytes.first()
            && found != tag::SEQUENCE
        {
            let expected = tag::SEQUENCE;
            return Err(FrameError::NotLdap(Problem::Tag { expected, found }));
        }
        let Some((_, header, length)) = ber::header(bytes).map_err(FrameError::NotLdap)? else {
            return Ok(None);
        };
        let size = length.saturating_add(header as u64);
        if size > self.limit as u64 {
            return Err(FrameError::TooLarge {
                size,
                limit: self.limit,
            });
        }
        Ok((size <= bytes.len() as u64).then_some(size as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(size: usize) -> Vec<u8> {
        let mut writer = ber::Writer::new();
        writer.value(tag::SEQUENCE, &vec![7; size]);
        writer.finish()
    }

    #[test]
    fn large_message_memory_is_released() {
        let mut frames = Frames::default();
        frames.push(&message(5 << 20));
        assert!(frames.poll_message().unwrap().is_some());
        frames.space();
        assert!(frames.buffer.len() <= 4 * CHUNK);
    }

    #[test]
    fn header_reveals_other_protocol_and_oversize() {
        let mut frames = Frames::new(1000);
        frames.push(&[0x30, 0x82, 0x03, 0xe5]);
        assert_eq!(
            frames.poll_message(),
            Err(FrameError::TooLarge {
                size: 1001,
                limit: 1000
            })
        );
        let mut frames = Frames::new(1000);
        frames.push(&[0x30, 0x82, 0x03, 0xe4]);
        assert_eq!(frames.poll_message(), Ok(None));
        let mut tls = Frames::default();
        tls.push(&[0x15, 0x03, 0x01]);
        assert!(matches!(tls.poll_message(), Err(FrameError::NotLdap(_))));
    }

    proptest! {
        #[test]
        fn message_boundaries_ignore_splits(
            sizes in prop::collection::vec(0usize..70_000, 1..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let expected: Vec<_> = sizes.iter().map(|&size| message(size)).collect();
            let stream = expected.concat();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            cuts.sort_unstable();
            cuts.push(stream.len());
            let mut frames = Frames::default();
            let (mut start, mut found) = (0, Vec::new());
            for cut in cuts {
                frames.push(&stream[start..cut]);
                start = cut;
                while let Some(message) = frames.poll_message().unwrap() {
                    found.push(message.to_vec());
                }
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(frames.buffered(), 0);
        }
    }
}
