//! What the readers of the journal in this process tell the writer: how far they are, and when they read. The
//! writer and all of them share one [`JournalLink`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::seq::Seq;

/// Nobody has said yet whether there are readers.
const NOT_TOLD: u64 = u64::MAX - 1;
/// There is no reader.
const NO_READER: u64 = u64::MAX;

/// Connects the readers of a journal with the consumer that writes it, in one process. Made by
/// [`Syncrepl::journal_link`](crate::Syncrepl::journal_link).
///
/// A program that delivers the journal says here how far every reader has come; the writer keeps the rows that are still
/// needed, within the bounds of [`JournalSettings`](super::JournalSettings). Until [`set_needed`](Self::set_needed)
/// is called, the writer keeps to what the file remembers.
#[derive(Debug)]
pub struct JournalLink {
    needed: AtomicU64,
    settled: AtomicU64,
    gate: ReadGate,
}

/// The place of the readers, as far as the writer knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// What the file remembers holds.
    AsStored,
    /// None.
    None,
    /// The last of them stands here.
    At(Seq),
}

impl JournalLink {
    pub(crate) fn new() -> Self {
        JournalLink {
            needed: AtomicU64::new(NOT_TOLD),
            settled: AtomicU64::new(0),
            gate: ReadGate::default(),
        }
    }

    /// Says where the last of all readers stands, those that are paused included; `None` if there is no reader.
    /// A row behind that place is dropped only if the journal grows too large or too old, and its entry is then
    /// remembered ([`Store::folded_after`](crate::Store::folded_after)).
    ///
    /// The file keeps this place for runs without readers, soon after it was said. A reader that is new, or goes
    /// back, can rely on it once [`JournalState::needed`](super::JournalState::needed) is no further than it
    /// stands: only then remember that it has begun.
    pub fn set_needed(&self, needed: Option<Seq>) {
        let stored = needed.map_or(NO_READER, Seq::value);
        self.needed.store(stored, Ordering::Release);
    }

    /// Says up to where every reader has had the rows for so long that it will not ask for them again. They are
    /// dropped soon. A place above the one of [`set_needed`](Self::set_needed) counts as that one.
    pub fn set_settled(&self, settled: Seq) {
        self.settled.store(settled.value(), Ordering::Release);
    }

    /// The gate through which every reader of this process reads.
    pub fn gate(&self) -> &ReadGate {
        &self.gate
    }

    pub(super) fn readers(&self) -> Readers {
        match self.needed.load(Ordering::Acquire) {
            NOT_TOLD => Readers::AsStored,
            NO_READER => Readers::None,
            needed => Readers::At(Seq::from_value(needed).unwrap_or_default()),
        }
    }

    pub(super) fn settled(&self) -> Seq {
        Seq::from_value(self.settled.load(Ordering::Acquire)).unwrap_or_default()
    }
}

/// The gate of the readers of one store in this process. As long as one of them reads, SQLite cannot begin its
/// log anew, and readers that overlap keep it so for ever. So each reader goes through this gate for each short
/// read, and the writer closes it for a moment when the log has grown long.
#[derive(Debug, Default)]
pub struct ReadGate {
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    closed: bool,
    readers: usize,
}

impl ReadGate {
    /// Goes through the gate, and waits while it is closed: for as long as the others still read, two seconds at
    /// the most, and for a copy of the log to the disk. Drop the guard when the read transaction has ended. A
    /// thread that holds one must not ask for another.
    pub fn read(&self) -> ReadGuard<'_> {
        let mut inside = self.lock();
        while inside.closed {
            inside = self
                .changed
                .wait(inside)
                .unwrap_or_else(PoisonError::into_inner);
        }
        inside.readers += 1;
        ReadGuard(self)
    }

    /// Closes the gate until the guard is dropped, once nobody is inside. `None` if somebody stays longer than
    /// this; then it is open again.
    pub(in crate::store) fn close(&self, patience: Duration) -> Option<Closed<'_>> {
        let mut inside = self.lock();
        inside.closed = true;
        let closed = Closed(self);
        let busy = |inside: &mut Inside| inside.readers > 0;
        let (inside, waited) = self
            .changed
            .wait_timeout_while(inside, patience, busy)
            .unwrap_or_else(PoisonError::into_inner);
        drop(inside);
        (!waited.timed_out()).then_some(closed)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader inside of the [`ReadGate`].
#[derive(Debug)]
#[must_use = "the read is over when this is dropped"]
pub struct ReadGuard<'a>(&'a ReadGate);

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        self.0.lock().readers -= 1;
        self.0.changed.notify_all();
    }
}

/// The gate is closed, and nobody is inside.
#[derive(Debug)]
pub(in crate::store) struct Closed<'a>(&'a ReadGate);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.lock().closed = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn closed_gate_lets_nobody_in_until_it_opens() {
        let gate = ReadGate::default();
        thread::scope(|scope| {
            let (entered, entries) = channel();
            let inside = gate.read();
            let (closing, is_closed) = channel();
            let gate = &gate;
            scope.spawn(move || {
                let closed = gate.close(LONG).expect("the reader leaves");
                closing.send(()).unwrap();
                assert_eq!(gate.lock().readers, 0);
                drop(closed);
            });
            while !gate.lock().closed {
                thread::yield_now();
            }
            assert!(is_closed.try_recv().is_err(), "a reader is inside");
            scope.spawn(move || {
                let _guard = gate.read();
                entered.send(()).unwrap();
            });
            assert!(entries.try_recv().is_err(), "the gate is closed");
            drop(inside);
            is_closed.recv_timeout(LONG).unwrap();
            entries.recv_timeout(LONG).unwrap();
        });
    }

    #[test]
    fn reader_that_stays_keeps_the_gate_open() {
        let gate = ReadGate::default();
        let inside = gate.read();
        assert!(gate.close(Duration::from_millis(1)).is_none());
        drop(gate.read());
        drop(inside);
        assert!(gate.close(Duration::ZERO).is_some());
    }
}
