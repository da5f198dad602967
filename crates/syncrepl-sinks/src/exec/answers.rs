//! The answers of a program to the events that it was given: `{"ok":"ID"}` is for all up to that one, `{"refused":"ID",
//! "why":…}` for the first one that has no answer yet. One thread reads them, another one waits for them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use syncrepl_client::printable;
use syncrepl_relay::{Event, Sent};

/// The most bytes of an answer.
const LINE: usize = 4096;
/// The most characters of a reason.
const WHY: usize = 200;

/// The events that a program was given, with its answers.
#[derive(Default)]
pub(super) struct Answers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// In order; all that are answered stand before all that are not.
    given: VecDeque<Given>,
    /// So many of them are answered.
    answered: usize,
    /// When the first unanswered one began to wait.
    waits_since: Option<Instant>,
    ended: Option<Ended>,
}

struct Given {
    id: String,
    refused: Option<String>,
}

/// Why no more answers are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The program closed its stdout, or ended.
    Closed,
    /// A line is no answer.
    NoAnswer,
    /// A line is longer than any answer.
    TooLong,
    /// It names an event that waits for no answer.
    Unknown,
    /// It refuses an event before it answered those before.
    OutOfTurn,
}

/// Why no answer came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    Ended(Ended),
    TimeIsUp,
}

#[derive(Deserialize)]
struct Answer {
    ok: Option<String>,
    refused: Option<String>,
    why: Option<String>,
}

impl Answers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of the events the program was given already, from the first on. `None`: it was given others.
    pub(super) fn given(&self, events: &[Event]) -> Option<usize> {
        let state = self.state();
        let are_these = state
            .given
            .iter()
            .zip(events)
            .all(|(given, event)| given.id == event.part_id());
        are_these.then(|| state.given.len().min(events.len()))
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended.is_some()
    }

    /// Notes events before the program is given them.
    pub(super) fn give(&self, events: &[Event]) {
        let mut state = self.state();
        state.given.extend(events.iter().map(|event| Given {
            id: event.part_id(),
            refused: None,
        }));
        if state.answered < state.given.len() {
            // What waited longer, for an answer that nobody was there for, gets its time too.
            state.waits_since = Some(Instant::now());
        }
    }

    /// Waits until the first `count` events are answered, or one of them is refused. `limit` is how long the first
    /// unanswered one may take.
    pub(super) fn wait(&self, count: usize, limit: Duration) -> Result<Sent, Why> {
        let mut state = self.state();
        loop {
            if let Some(sent) = state.sent(count) {
                return Ok(sent);
            }
            let left = state.left(limit)?;
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Whether an answer may still come in time.
    pub(super) fn may_come(&self, limit: Duration) -> Result<(), Why> {
        self.state().left(limit).map(|_| ())
    }

    /// Reads answers until there are no more, or one is wrong.
    pub(super) fn read(&self, pipe: impl Read) {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        let ended = loop {
            line.clear();
            match pipe.by_ref().take(LINE as u64).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break Ended::Closed,
                Ok(_) if line.last() == Some(&b'\n') => {}
                Ok(read) if read == LINE => break Ended::TooLong,
                Ok(_) => break Ended::Closed,
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let taken = serde_json::from_slice(&line)
                .map_err(|_| Ended::NoAnswer)
                .and_then(|answer| self.state().take(answer));
            if let Err(ended) = taken {
                break ended;
            }
            self.changed.notify_all();
        };
        self.state().ended = Some(ended);
        self.changed.notify_all();
    }
}

impl State {
    /// How much time the first unanswered event has left.
    fn left(&self, limit: Duration) -> Result<Duration, Why> {
        if let Some(ended) = self.ended {
            return Err(Why::Ended(ended));
        }
        let waited = self
            .waits_since
            .map_or(Duration::ZERO, |since| since.elapsed());
        let left = limit.checked_sub(waited).filter(|left| !left.is_zero());
        left.ok_or(Why::TimeIsUp)
    }

    fn take(&mut self, answer: Answer) -> Result<(), Ended> {
        match answer {
            Answer {
                ok: Some(id),
                refused: None,
                ..
            } => {
                let at = self.unanswered(&id)?;
                self.answered = at + 1;
            }
            Answer {
                ok: None,
                refused: Some(id),
                why,
            } => {
                let at = self.unanswered(&id)?;
                if at != self.answered {
                    return Err(Ended::OutOfTurn);
                }
                if let Some(given) = self.given.get_mut(at) {
                    given.refused = Some(short(&why.unwrap_or_default()));
                }
                self.answered = at + 1;
            }
            _ => return Err(Ended::NoAnswer),
        }
        let waits = self.answered < self.given.len();
        self.waits_since = waits.then(Instant::now);
        Ok(())
    }

    fn unanswered(&self, id: &str) -> Result<usize, Ended> {
        let mut rest = self.given.iter().skip(self.answered);
        let at = rest.position(|given| given.id == id);
        at.map(|at| at + self.answered).ok_or(Ended::Unknown)
    }

    /// What can be said of the first `count` events: all of them, or those up to the first refused one. They are
    /// forgotten.
    fn sent(&mut self, count: usize) -> Option<Sent> {
        let ready = self.answered.min(count);
        let mut heads = self.given.iter().take(ready);
        let refused = heads.position(|given| given.refused.is_some());
        let accepted = match refused {
            Some(at) => at,
            None if ready == count => count,
            None => return None,
        };
        self.given.drain(..accepted);
        let refused = refused.and_then(|_| self.given.pop_front()?.refused);
        self.answered -= accepted + usize::from(refused.is_some());
        Some(Sent { accepted, refused })
    }
}

/// A reason fit to be shown and kept.
fn short(why: &str) -> String {
    let cut: String = why.chars().take(WHY).collect();
    match cut.is_empty() {
        true => "the program refused it, and did not say why".to_owned(),
        false => printable(&cut),
    }
}
