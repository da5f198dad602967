//! The state that all threads of a provider share: the directory, and the sync searches that follow
//! it.
//!
//! One lock guards both. So a search sees each change either in its refresh stage or after it,
//! never twice and never not at all.

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

/// The identity of a sync search: its connection's number and its message ID.
pub(crate) type SearchId = (u64, u32);

/// An event for a running sync search.
#[derive(Debug)]
pub(crate) enum Event {
    /// An entry has changed.
    Change(Arc<Change>),
    /// The client cancels the search with the request of this message ID.
    Cancel(u32),
    /// The search ends without a result.
    Abandon,
    /// A fault was armed or released.
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
    /// Notified when a search enters or leaves the persist stage.
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

    /// Changes the directory and notifies the searches that follow it.
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

    /// Registers a sync search. It receives changes only after [`State::follow`]. Returns false
    /// when the message ID is in use.
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

    /// Removes a sync search that has ended.
    pub(crate) fn unwatch(&self, search: SearchId) {
        self.lock().watchers.remove(&search);
        self.stages.notify_all();
    }

    /// Marks a sync search as being in the persist stage.
    pub(crate) fn persists(&self, search: SearchId) {
        if let Some(watcher) = self.lock().watchers.get_mut(&search) {
            watcher.persists = true;
        }
        self.stages.notify_all();
    }

    /// The number of searches in the persist stage.
    pub(crate) fn persisting(&self) -> usize {
        self.lock().persisting()
    }

    /// Waits until exactly `count` searches are in the persist stage; false when `patience` is
    /// over.
    pub(crate) fn wait_persisting(&self, count: usize, patience: Duration) -> bool {
        let state = self.lock();
        let waited = self
            .stages
            .wait_timeout_while(state, patience, |state| state.persisting() != count);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Sends an event to one sync search. Returns false when there is no such search.
    pub(crate) fn tell(&self, search: SearchId, event: Event) -> bool {
        let state = self.lock();
        let watcher = state.watchers.get(&search);
        watcher.is_some_and(|watcher| watcher.events.send(event).is_ok())
    }

    /// Abandons the sync searches of one connection, or all of them.
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
    /// From now on the search receives every change.
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
