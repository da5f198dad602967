//! What all threads of a provider share: the directory, and who is to hear of its changes. One
//! lock holds both, so that a search sees each change either in its refresh or after it.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::changelog::Change;
use crate::config::Config;
use crate::directory::Directory;
use crate::faults::FaultList;
use crate::refusal::Refusal;
use crate::request::Request;

/// A sync search: its connection, and its message ID.
pub(crate) type SearchId = (u64, u32);

/// What a sync search is told while it runs.
#[derive(Debug)]
pub(crate) enum Event {
    /// An entry has changed.
    Change(Arc<Change>),
    /// The client cancels it, by the request of this message ID.
    Cancel(u32),
    /// It ends without another word.
    Abandon,
    /// The faults have changed.
    Wake,
}

struct Watcher {
    events: Sender<Event>,
    follows: bool,
    persists: bool,
}

pub(crate) struct State {
    pub(crate) directory: Directory,
    watchers: HashMap<SearchId, Watcher>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) faults: FaultList,
    state: Mutex<State>,
    /// Rung when a search enters or leaves the persist stage.
    stages: Condvar,
    requests: Mutex<VecDeque<Request>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(config: Config, directory: Directory) -> Shared {
        Shared {
            config,
            faults: FaultList::default(),
            state: Mutex::new(State {
                directory,
                watchers: HashMap::new(),
            }),
            stages: Condvar::new(),
            requests: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the directory, and tells those who follow it.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&mut Directory) -> Result<Arc<Change>, Refusal>,
    ) -> Result<Arc<Change>, Refusal> {
        let mut state = self.lock();
        let change = change(&mut state.directory)?;
        for watcher in state.watchers.values().filter(|watcher| watcher.follows) {
            let _ = watcher.events.send(Event::Change(Arc::clone(&change)));
        }
        Ok(change)
    }

    /// A sync search begins. It hears of changes only after [`State::follow`]. False when this
    /// message ID is in use.
    pub(crate) fn watch(&self, search: SearchId, events: Sender<Event>) -> bool {
        let mut state = self.lock();
        if state.watchers.contains_key(&search) {
            return false;
        }
        let watcher = Watcher {
            events,
            follows: false,
            persists: false,
        };
        state.watchers.insert(search, watcher);
        true
    }

    /// A sync search has ended.
    pub(crate) fn unwatch(&self, search: SearchId) {
        self.lock().watchers.remove(&search);
        self.stages.notify_all();
    }

    /// A sync search has entered the persist stage.
    pub(crate) fn persists(&self, search: SearchId) {
        if let Some(watcher) = self.lock().watchers.get_mut(&search) {
            watcher.persists = true;
        }
        self.stages.notify_all();
    }

    /// How many searches are in the persist stage.
    pub(crate) fn persisting(&self) -> usize {
        self.lock().persisting()
    }

    /// Waits for the number of searches in the persist stage.
    pub(crate) fn wait_persisting(&self, count: usize, patience: Duration) -> bool {
        let state = self.lock();
        let waited = self
            .stages
            .wait_timeout_while(state, patience, |state| state.persisting() != count);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Tells one sync search something. False when there is none.
    pub(crate) fn tell(&self, search: SearchId, event: Event) -> bool {
        let state = self.lock();
        let watcher = state.watchers.get(&search);
        watcher.is_some_and(|watcher| watcher.events.send(event).is_ok())
    }

    /// Ends the sync searches of one connection, or of all.
    pub(crate) fn abandon(&self, connection: Option<u64>) {
        let state = self.lock();
        for ((of, _), watcher) in &state.watchers {
            if connection.is_none_or(|connection| connection == *of) {
                let _ = watcher.events.send(Event::Abandon);
            }
        }
    }

    pub(crate) fn wake(&self) {
        for watcher in self.lock().watchers.values() {
            let _ = watcher.events.send(Event::Wake);
        }
    }

    /// Keeps a request for [`Provider::requests`](crate::Provider::requests).
    pub(crate) fn note(&self, request: Request) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.push_back(request);
        if requests.len() > crate::request::KEPT {
            requests.pop_front();
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.iter().cloned().collect()
    }
}

impl State {
    /// A sync search hears of every change from now on.
    pub(crate) fn follow(&mut self, search: SearchId) {
        if let Some(watcher) = self.watchers.get_mut(&search) {
            watcher.follows = true;
        }
    }

    fn persisting(&self) -> usize {
        self.watchers
            .values()
            .filter(|watcher| watcher.persists)
            .count()
    }
}
