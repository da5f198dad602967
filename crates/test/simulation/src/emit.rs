//! The provider's next message in a sync search. In the refresh stage it follows its plan, in the
//! persist stage it tells the changes.

use std::sync::Arc;

use syncrepl_proto::message::{LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation};
use syncrepl_proto::sync::{EntryState, SyncInfo};

use crate::chance::Purpose;
use crate::connection::{Connection, Item, Sync};
use crate::cookie::Cookie;
use crate::directory::{Change, Directory, Id, Values};
use crate::options::Profile;
use crate::world::World;

impl World {
    /// Sends the next message on a connection. Returns whether there was one.
    pub fn emit(&mut self, number: u64) -> bool {
        let Some(mut sync) = self
            .connections
            .get_mut(&number)
            .and_then(|c| c.sync.take())
        else {
            return false;
        };
        let untold = sync.persist && sync.told + 1 < self.lineage.len();
        let (purpose, n) = match untold || !sync.items.is_empty() {
            true => (Purpose::StreamFaults, 60),
            false => (Purpose::IdleFaults, 60),
        };
        if self.fault(purpose, n) && !self.interrupt(number, &sync) {
            return true;
        }
        let said = match sync.items.pop_front() {
            Some(item) => {
                self.say(number, &mut sync, item);
                true
            }
            None if untold => {
                sync.told += 1;
                self.persist(number, &sync);
                true
            }
            None => false,
        };
        let goes_on = sync.persist || !sync.items.is_empty();
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.sync = Some(sync).filter(|_| goes_on);
        }
        said
    }

    /// Whether the provider is silent for a while in a persist stage, although it has something to tell.
    pub fn lags(&mut self, number: u64) -> bool {
        let lineage = self.lineage.len();
        let could_tell = |connection: &Connection| {
            let sync = connection.sync.as_ref();
            let untold =
                |sync: &Sync| sync.persist && sync.items.is_empty() && sync.told + 1 < lineage;
            connection.outbox.is_empty() && sync.is_some_and(untold)
        };
        self.options.lags
            && self.connections.get(&number).is_some_and(could_tell)
            && self.draw(Purpose::Lags).u8(0..4) == 0
    }

    /// Whether a persist stage runs, and the consumer has read every change.
    pub fn is_idle(&self) -> bool {
        let said = |sync: &Sync| sync.persist && sync.told + 1 >= self.lineage.len();
        self.connections
            .values()
            .any(|connection| connection.sync.as_ref().is_some_and(said))
            && self
                .connections
                .values()
                .all(|connection| connection.outbox.is_empty())
    }

    /// Draws a fault of the search. Returns whether the search goes on all the same.
    fn interrupt(&mut self, number: u64, sync: &Sync) -> bool {
        match self.draw(Purpose::StreamFaults).u8(0..7) {
            0 => {
                self.log("  cut");
                self.close(number);
            }
            1 => {
                self.log("  cut inside a message");
                let bytes = Message::encode(
                    sync.message,
                    &Operation::SearchResultDone(LdapResult::new(0)),
                    &[],
                );
                let some = self.draw(Purpose::StreamFaults).usize(1..bytes.len());
                self.put(number, &bytes[..some]);
                self.close(number);
            }
            2 => {
                let code = self
                    .draw(Purpose::StreamFaults)
                    .choice([51, 52, 53, 80, 3, 4, 11])
                    .unwrap_or(80);
                self.log(format_args!("  result {code}"));
                self.result(number, sync.message, code, "it is so");
            }
            3..=4 => {
                self.log("  refresh required");
                self.facts.refresh_required += 1;
                self.result(number, sync.message, 4096, "");
            }
            5 => {
                self.log("  notice of disconnection");
                let notice = Operation::ExtendedResponse {
                    result: LdapResult::new(52),
                    name: Some(NOTICE_OF_DISCONNECTION),
                    value: None,
                };
                self.put(number, &Message::encode(0, &notice, &[]));
                self.close(number);
            }
            _ => self.restart_server(),
        }
        false
    }

    fn say(&mut self, number: u64, sync: &mut Sync, item: Item) {
        match item {
            Item::Entry(id) => {
                let then = &self.versions[self.lineage[sync.told]];
                let then = then.shown.contains_key(&id).then(|| then.directory.clone());
                if let Some(view) = self.view(sync, id).or(then) {
                    let state = self.any_state();
                    self.entry_of(number, sync.message, id, &view, (state, Values::All, None));
                }
            }
            Item::Touched(id) => match self.view(sync, id) {
                Some(view) => {
                    let state = self.any_state();
                    self.entry_of(number, sync.message, id, &view, (state, Values::All, None));
                }
                None => self.bare(number, sync.message, id, EntryState::Delete, None),
            },
            Item::PresentEntry(id) => {
                if self.view(sync, id).is_some() {
                    self.bare(number, sync.message, id, EntryState::Present, None);
                }
            }
            Item::Present(mut ids) => {
                ids.retain(|id| self.view(sync, *id).is_some());
                self.id_set(number, sync.message, &ids, false);
            }
            Item::Gone(id) => self.bare(number, sync.message, id, EntryState::Delete, None),
            Item::Deleted(ids) => self.id_set(number, sync.message, &ids, true),
            Item::Cookie => {
                let cookie = self.cookie_of(sync.told).encode(self.options.profile);
                self.log("  newcookie");
                self.info(number, sync.message, SyncInfo::NewCookie(&cookie));
            }
            Item::PhaseDone => {
                self.log("  refreshPresent, not done");
                let end = SyncInfo::RefreshPresent {
                    cookie: None,
                    refresh_done: false,
                };
                self.info(number, sync.message, end);
            }
            Item::Done { present, cookie } => {
                let bytes = self.cookie_of(sync.told).encode(self.options.profile);
                let cookie = cookie.then_some(bytes.as_slice());
                self.log(format_args!(
                    "  done present={present} cookie={:?}",
                    cookie.map(String::from_utf8_lossy)
                ));
                self.done(number, sync, present, cookie);
            }
        }
    }

    /// Tells one change of the persist stage.
    pub fn persist(&mut self, number: u64, sync: &Sync) {
        let (before, version) = (self.lineage[sync.told - 1], self.lineage[sync.told]);
        let cookie = self.persist_cookie(sync.told);
        self.told = self.told.max(version);
        let told = self.told_of(sync.told);
        let mut silent = true;
        // The cookie covers the whole change, so it comes with the last message.
        let said = |id: &Id| {
            let shown = |version: usize| self.versions[version].shown.contains_key(id);
            shown(before) || shown(version) || self.is_subentry(version, *id)
        };
        let last = told.iter().rfind(|id| said(id)).copied();
        for id in told {
            let cookie = cookie.as_deref().filter(|_| Some(id) == last);
            let was = self.versions[before].shown.contains_key(&id);
            let is = self.versions[version].shown.contains_key(&id);
            let added = matches!(&self.versions[version].change, Some(Change::Add { .. }));
            let subentry = added && self.is_subentry(version, id);
            if is || subentry {
                // slapd reads an entry only when it sends it, so attributes may be newer.
                let then = self.versions[version].directory.clone();
                // It tells moves in their order, so the DN may not be newer.
                let newest = self.newest(sync.told, id);
                let newest = newest.filter(|newest| newest.dn(id) == then.dn(id));
                silent = false;
                let view = newest.unwrap_or(then);
                let values = self.live_values();
                let state = match was {
                    true => EntryState::Modify,
                    false => EntryState::Add,
                };
                self.entry_of(number, sync.message, id, &view, (state, values, cookie));
            } else if was {
                silent = false;
                self.bare(number, sync.message, id, EntryState::Delete, cookie);
            }
        }
        let mut cookie = cookie;
        if silent && (self.options.hidden_containers || self.options.denied) {
            // The consumer learns only by a cookie that a hidden parent changed.
            cookie.get_or_insert(self.cookie_of(sync.told).encode(self.options.profile));
        }
        if let Some(cookie) = cookie
            && (silent || self.script.is_none() && self.draw(Purpose::Cookies).u8(0..6) == 0)
        {
            self.log(format_args!(
                "  newcookie {}",
                String::from_utf8_lossy(&cookie)
            ));
            self.info(number, sync.message, SyncInfo::NewCookie(&cookie));
        }
    }

    /// Whether this is a subentry in the base. The provider sends one that is added like any entry,
    /// although no search shows it.
    fn is_subentry(&self, version: usize, id: Id) -> bool {
        let directory = &self.versions[version].directory;
        let entry = directory.entries.get(&id);
        let search = &self.options.search;
        entry.is_some_and(|entry| {
            entry.subentry
                && directory.is_within(id, search.base)
                && (entry.keep || !search.filtered)
        })
    }

    /// The values of a computed attribute that come with an entry of the persist stage.
    fn live_values(&mut self) -> Values {
        if !self.options.computed {
            return Values::All;
        }
        if self.script.is_some() {
            return Values::None;
        }
        match self.draw(Purpose::Traits).u8(0..3) {
            0 => Values::All,
            1 => Values::Some,
            _ => Values::None,
        }
    }

    /// The cookie that comes with a change. slapd sends the cookie of one node, and sometimes one
    /// that is useless or old.
    fn persist_cookie(&mut self, place: usize) -> Option<Vec<u8>> {
        let version = self.lineage[place];
        match self.options.profile {
            Profile::Slapd { .. } if self.script.is_some() => {
                Some(Cookie::encode_one(self.versions[version].node, version))
            }
            Profile::Slapd { .. } => match self.draw(Purpose::Cookies).u8(0..12) {
                0 => None,
                1 => Some(b"rid=000".to_vec()),
                2 => {
                    let older = self.draw(Purpose::Cookies).usize(0..=place);
                    let older = self.lineage[older];
                    Some(Cookie::encode_one(self.versions[older].node, older))
                }
                _ => Some(Cookie::encode_one(self.versions[version].node, version)),
            },
            Profile::Ds389 => Some(self.cookie_of(place).encode(Profile::Ds389)),
            Profile::Unknown if self.script.is_some() => {
                Some(self.cookie_of(place).encode(Profile::Unknown))
            }
            Profile::Unknown => match self.draw(Purpose::Cookies).u8(0..3) {
                0 => None,
                _ => Some(self.cookie_of(place).encode(Profile::Unknown)),
            },
        }
    }

    /// The directory from which the provider reads an entry in a refresh stage: as it was when the
    /// search began or later, but never older than for the entry before. `None` if the search does
    /// not show the entry there.
    fn view(&mut self, sync: &mut Sync, id: Id) -> Option<Arc<Directory>> {
        if self.draw(Purpose::Views).bool() && self.options.concurrent {
            sync.seen = self.versions.len() - 1;
            self.told = sync.seen;
        }
        let began = self.lineage[sync.told];
        let version = match sync.seen > began && self.will_be_told(sync.told, sync.seen, id) {
            true => sync.seen,
            false => began,
        };
        let view = &self.versions[version];
        let shown = view.shown.contains_key(&id);
        shown.then(|| view.directory.clone())
    }

    /// The directory from which the provider reads an entry in the persist stage: as it was at a
    /// place in the lineage, or the newest. `None` if the search does not show the entry there.
    fn newest(&mut self, place: usize, id: Id) -> Option<Arc<Directory>> {
        let newest = self.versions.len() - 1;
        let mut version = self.lineage[place];
        if self.draw(Purpose::Views).bool()
            && self.options.concurrent
            && self.will_be_told(place, newest, id)
        {
            self.told = newest;
            version = newest;
        }
        let view = &self.versions[version];
        let shown = view.shown.contains_key(&id);
        shown.then(|| view.directory.clone())
    }

    /// Whether the provider will tell every time that an entry comes or goes between a place in the
    /// lineage and a version. It does not tell of an entry that comes or goes with its parent.
    fn will_be_told(&self, place: usize, version: usize, id: Id) -> bool {
        let mut was = self.versions[self.lineage[place]].shown.contains_key(&id);
        (place + 1..self.lineage.len())
            .take_while(|&place| self.lineage[place] <= version)
            .all(|place| {
                let is = self.versions[self.lineage[place]].shown.contains_key(&id);
                let silent = is != was && !self.told_of(place).contains(&id);
                was = is;
                !silent
            })
    }
}
