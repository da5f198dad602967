//! A SASL security layer (RFC 4422 §3.7) around the bytes of a connection: each wrapped buffer
//! follows its length in four octets.

use std::ops::Range;

use super::moved::{Failure, Moved};

/// The size limit of a wrapped buffer, in bytes: the largest that RFC 4752 §3.1 can express.
pub(super) const LONGEST: usize = 0xff_ffff;

/// The bytes read from below at a time.
const CHUNK: usize = 64 << 10;

/// The security layer that a mechanism negotiated. Its errors are words.
pub(super) trait SecurityLayer: Send {
    /// The most bytes that one buffer may wrap.
    fn most(&self) -> usize;
    fn wrap(&mut self, plain: &[u8]) -> Result<Vec<u8>, String>;
    fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, String>;
}

/// A security layer, and the bytes on their way through it.
pub(super) struct Layer {
    inner: Box<dyn SecurityLayer>,
    /// Bytes from below. Those before `pending` have been taken.
    received: Vec<u8>,
    pending: Range<usize>,
    /// Unwrapped bytes. Those before `given` have been read.
    plain: Vec<u8>,
    given: usize,
    /// Wrapped bytes. Those before `sent` have been written.
    outgoing: Vec<u8>,
    sent: usize,
}

impl Layer {
    pub(super) fn new(inner: Box<dyn SecurityLayer>) -> Self {
        Layer {
            inner,
            received: Vec::new(),
            pending: 0..0,
            plain: Vec::new(),
            given: 0,
            outgoing: Vec::new(),
            sent: 0,
        }
    }

    /// Unwraps into `space`. It reads from below only when no whole buffer is left.
    pub(super) fn read(
        &mut self,
        space: &mut [u8],
        mut below: impl FnMut(&mut [u8]) -> Result<Moved, Failure>,
    ) -> Result<Moved, Failure> {
        loop {
            let rest = self.plain.get(self.given..).unwrap_or_default();
            if !rest.is_empty() {
                let count = rest.len().min(space.len());
                if let (Some(to), Some(from)) = (space.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.given += count;
                return Ok(Moved::Bytes(count));
            }
            if let Some(wrapped) = self.next_buffer()? {
                let wrapped = self.received.get(wrapped).unwrap_or_default();
                self.plain = self.inner.unwrap(wrapped).map_err(Failure::Layer)?;
                self.given = 0;
                continue;
            }
            self.received.drain(..self.pending.start);
            self.pending = 0..self.pending.len();
            self.received.resize(self.pending.end + CHUNK, 0);
            let free = self.received.get_mut(self.pending.end..);
            match below(free.unwrap_or_default())? {
                Moved::Bytes(count) => self.pending.end += count,
                other => return Ok(other),
            }
        }
    }

    /// Takes the next whole wrapped buffer, and returns its place in `received`.
    fn next_buffer(&mut self) -> Result<Option<Range<usize>>, Failure> {
        let bytes = self.received.get(self.pending.clone()).unwrap_or_default();
        let Some((&length, rest)) = bytes.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(length) as usize;
        if length > LONGEST {
            return Err(Failure::Layer(format!(
                "the provider announces {length} bytes at once, and at most {LONGEST} are allowed"
            )));
        }
        if rest.len() < length {
            return Ok(None);
        }
        let start = self.pending.start + 4;
        self.pending.start = start + length;
        Ok(Some(start..start + length))
    }

    /// Wraps from the front of `rest` and writes below. Returns true when every byte is on its way.
    pub(super) fn write(
        &mut self,
        rest: &mut &[u8],
        mut below: impl FnMut(&mut &[u8]) -> Result<bool, Failure>,
    ) -> Result<bool, Failure> {
        loop {
            let mut unsent = self.outgoing.get(self.sent..).unwrap_or_default();
            let done = below(&mut unsent)?;
            self.sent = self.outgoing.len() - unsent.len();
            if !done {
                return Ok(false);
            }
            self.outgoing.clear();
            self.sent = 0;
            if rest.is_empty() {
                return Ok(true);
            }
            let (now, later) = rest.split_at(rest.len().min(self.inner.most().max(1)));
            let wrapped = self.inner.wrap(now).map_err(Failure::Layer)?;
            let length = u32::try_from(wrapped.len())
                .map_err(|_| Failure::Layer("a wrapped buffer is too long".to_owned()))?;
            self.outgoing.extend(length.to_be_bytes());
            self.outgoing.extend(wrapped);
            *rest = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds one to each byte, and refuses a buffer without the mark at its end.
    struct Caesar;

    impl SecurityLayer for Caesar {
        fn most(&self) -> usize {
            5
        }

        fn wrap(&mut self, plain: &[u8]) -> Result<Vec<u8>, String> {
            assert!(plain.len() <= 5);
            Ok(plain.iter().map(|byte| byte + 1).chain([0]).collect())
        }

        fn unwrap(&mut self, wrapped: &[u8]) -> Result<Vec<u8>, String> {
            let (mark, rest) = wrapped.split_last().ok_or("empty")?;
            match mark {
                0 => Ok(rest.iter().map(|byte| byte - 1).collect()),
                _ => Err("no mark".to_owned()),
            }
        }
    }

    /// The bytes of the other end, a few at a time.
    fn trickle(bytes: &[u8], at_once: usize) -> impl FnMut(&mut [u8]) -> Result<Moved, Failure> {
        let mut rest = bytes;
        move |space| {
            let (now, later) = rest.split_at(at_once.min(rest.len()).min(space.len()));
            space[..now.len()].copy_from_slice(now);
            rest = later;
            Ok(match now.len() {
                0 => Moved::Blocked,
                count => Moved::Bytes(count),
            })
        }
    }

    fn read_all(layer: &mut Layer, wire: &[u8], at_once: usize, space: usize) -> Vec<u8> {
        let (mut below, mut all) = (trickle(wire, at_once), Vec::new());
        let mut space = vec![0; space];
        loop {
            match layer.read(&mut space, &mut below).unwrap() {
                Moved::Bytes(count) => all.extend(&space[..count]),
                other => {
                    assert_eq!(other, Moved::Blocked);
                    return all;
                }
            }
        }
    }

    #[test]
    fn layer_round_trip() {
        let text: Vec<u8> = (0..100).collect();
        let (mut wire, mut free) = (Vec::new(), 0);
        let (mut layer, mut rest) = (Layer::new(Box::new(Caesar)), &text[..]);
        // The socket takes three bytes each time it becomes writable.
        let mut rounds = 0;
        loop {
            free += 3;
            let done = layer.write(&mut rest, |bytes| {
                let (now, later) = bytes.split_at(bytes.len().min(free));
                wire.extend(now);
                free -= now.len();
                *bytes = later;
                Ok(later.is_empty())
            });
            rounds += 1;
            if done.unwrap() {
                break;
            }
        }
        assert!(rest.is_empty() && rounds > 50);
        assert_eq!(wire.len(), 20 * (4 + 5 + 1));
        for (at_once, space) in [(1, 100), (7, 3), (1000, 1), (1000, 1000), (10, 5)] {
            let mut layer = Layer::new(Box::new(Caesar));
            assert_eq!(read_all(&mut layer, &wire, at_once, space), text);
        }
    }

    #[test]
    fn incomplete_or_forged_buffers_yield_nothing() {
        let wire = [0, 0, 0, 3, 2, 3, 0];
        for cut in 0..wire.len() {
            let mut layer = Layer::new(Box::new(Caesar));
            assert!(read_all(&mut layer, &wire[..cut], 100, 100).is_empty());
        }
        let fails = |wire: &[u8], words: &str| {
            let mut layer = Layer::new(Box::new(Caesar));
            let failure = layer.read(&mut [0; 10], trickle(wire, 100)).unwrap_err();
            assert!(format!("{failure:?}").contains(words), "{failure:?}");
        };
        fails(&[0, 0, 0, 3, 2, 3, 1], "no mark");
        fails(&[0, 0, 0, 0], "empty");
        // One byte more than RFC 4752 can express; nothing is allocated for it.
        fails(&[1, 0, 0, 0], "16777216 bytes at once");
    }
}
