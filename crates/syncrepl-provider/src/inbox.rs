//! The events that reach a sync search while it runs, and the reasons for its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::changelog::Change;
use crate::output::Closed;
use crate::refusal::Refusal;
use crate::shared::Event;

/// The reason why a sync search ends.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It has sent everything.
    Done,
    /// It is refused with this result.
    Refused(Refusal),
    /// The client cancelled it with the request of this message ID.
    Cancelled(u32),
    /// The client has abandoned it, or the connection is closed.
    Abandoned,
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Stop {
        Stop::Abandoned
    }
}

#[derive(Debug)]
pub(crate) struct Inbox {
    events: Receiver<Event>,
    /// Changes received but not yet sent.
    changes: VecDeque<Arc<Change>>,
}

impl Inbox {
    pub(crate) fn new(events: Receiver<Event>) -> Inbox {
        Inbox {
            events,
            changes: VecDeque::new(),
        }
    }

    fn take(&mut self, event: Event) -> Result<(), Stop> {
        match event {
            Event::Change(change) => self.changes.push_back(change),
            Event::Wake => {}
            Event::Cancel(id) => return Err(Stop::Cancelled(id)),
            Event::Abandon => return Err(Stop::Abandoned),
        }
        Ok(())
    }

    /// Takes the waiting events, without blocking.
    pub(crate) fn check(&mut self) -> Result<(), Stop> {
        loop {
            match self.events.try_recv() {
                Ok(event) => self.take(event)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(Stop::Abandoned),
            }
        }
    }

    /// Waits for one event.
    pub(crate) fn wait(&mut self) -> Result<(), Stop> {
        let event = self.events.recv().map_err(|_| Stop::Abandoned)?;
        self.take(event)
    }

    /// The next change.
    ///
    /// When there is none, it calls `before_waiting` and waits for one event. It returns `None`
    /// when that event is no change.
    pub(crate) fn next(
        &mut self,
        before_waiting: impl FnOnce() -> Result<(), Closed>,
    ) -> Result<Option<Arc<Change>>, Stop> {
        self.check()?;
        if self.changes.is_empty() {
            before_waiting()?;
            self.wait()?;
        }
        Ok(self.changes.pop_front())
    }

    /// The message IDs of Cancel requests that arrived after the search had ended.
    pub(crate) fn late_cancels(self) -> Vec<u32> {
        let cancel = |event| match event {
            Event::Cancel(id) => Some(id),
            _ => None,
        };
        self.events.try_iter().filter_map(cancel).collect()
    }
}
