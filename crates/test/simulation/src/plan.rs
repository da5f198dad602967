//! The provider's plan for a sync search: it draws the messages and their order from all that its
//! kind of provider may choose.

use std::collections::{BTreeSet, VecDeque};

use syncrepl_proto::sync::SyncMode;

use crate::chance::Purpose;
use crate::connection::{Item, Sync};
use crate::cookie::{Cookie, Known};
use crate::directory::{Change, Id, Search};
use crate::options::Profile;
use crate::world::World;

/// The provider's answer to a sync search.
pub enum Answer {
    Sync(Sync),
    /// A result other than success, and its diagnostic message.
    Result(u32, &'static str),
    Close,
}

const REFRESH_REQUIRED: u32 = 4096;
const UNWILLING: u32 = 53;

impl World {
    pub fn answer(&mut self, message: u32, mode: SyncMode, cookie: Option<&[u8]>) -> Answer {
        self.facts.full = false;
        if self.script.is_some() {
            self.facts.full = cookie.is_none();
            return Answer::Sync(self.sync(message, mode, Vec::new()));
        }
        if self.fault(Purpose::AnswerFaults, 12) {
            let codes = [51, 52, 53, 80, 3, 4, 11, 50];
            return match self.draw(Purpose::AnswerFaults).choice(codes) {
                Some(code) if self.draw(Purpose::AnswerFaults).u8(0..4) > 0 => {
                    Answer::Result(code, "it is so")
                }
                _ => Answer::Close,
            };
        }
        let slapd = matches!(self.options.profile, Profile::Slapd { .. });
        let Some(bytes) = cookie else {
            return Answer::Sync(self.full(message, mode));
        };
        if self.half_loaded {
            if slapd {
                return Answer::Result(UNWILLING, "consumer has state info but provider doesn't!");
            }
            return self.refresh_required();
        }
        let known = self.known(bytes);
        self.log(format_args!("  its cookie: {known:?}"));
        let cookie = match known {
            Known::Garbage if slapd => return Answer::Sync(self.full(message, mode)),
            Known::Newer if slapd => {
                return Answer::Result(UNWILLING, "consumer state is newer than provider!");
            }
            Known::Diverged(cookie) if slapd => {
                self.facts.owed = Some("a restored provider took a cookie of its lost future");
                cookie
            }
            Known::Garbage | Known::Newer | Known::Diverged(_) => return self.refresh_required(),
            Known::Understood(cookie) => cookie,
        };
        if self.trouble
            && self.options.profile == Profile::Unknown
            && self.draw(Purpose::Answers).u8(0..10) == 0
        {
            return self.refresh_required();
        }
        let too_old = self.covered(&cookie) < self.oldest;
        let profile = self.options.profile;
        let present = match profile {
            Profile::Slapd { log, .. } => !log || too_old,
            Profile::Ds389 => false,
            Profile::Unknown if too_old && self.draw(Purpose::Answers).bool() => {
                return self.refresh_required();
            }
            Profile::Unknown => too_old || self.draw(Purpose::Answers).bool(),
        };
        Answer::Sync(self.since(message, mode, &cookie, present))
    }

    pub fn refresh_required(&mut self) -> Answer {
        self.facts.refresh_required += 1;
        Answer::Result(REFRESH_REQUIRED, "a refresh is required")
    }

    fn sync(&self, message: u32, mode: SyncMode, items: Vec<Item>) -> Sync {
        Sync {
            message,
            mode,
            items: VecDeque::from(items),
            told: self.lineage.len() - 1,
            persist: false,
            ended: false,
            seen: 0,
        }
    }

    /// The plan for a search without a cookie: every entry that the search shows.
    fn full(&mut self, message: u32, mode: SyncMode) -> Sync {
        if self.half_loaded {
            self.facts.not_ready = true;
            let done = Item::Done {
                present: false,
                cookie: false,
            };
            return self.sync(message, mode, vec![done]);
        }
        self.facts.full = true;
        let ids: Vec<Id> = match self.options.reads_late {
            true => self.directory().entries.keys().copied().collect(),
            false => self.shown().keys().copied().collect(),
        };
        let mut items: Vec<_> = ids.into_iter().map(Item::Entry).collect();
        self.rearrange(&mut items);
        let present = match self.options.profile {
            Profile::Slapd { .. } => false,
            Profile::Ds389 => mode == SyncMode::RefreshOnly,
            Profile::Unknown => self.draw(Purpose::Answers).bool(),
        };
        let cookie = self.early_cookies(&mut items);
        items.push(Item::Done { present, cookie });
        self.sync(message, mode, items)
    }

    /// The plan for a search with a cookie: the changes since then.
    fn since(&mut self, message: u32, mode: SyncMode, cookie: &Cookie, present: bool) -> Sync {
        let touched = self.touched_since(cookie);
        let newest = self.lineage[self.lineage.len() - 1];
        let nothing_new = touched.is_empty() && self.covered(cookie) == newest;
        let shown = self.shown();
        let late = self.options.reads_late;
        let there = |id: &Id| late || shown.contains_key(id);
        let (sent, gone): (Vec<Id>, Vec<Id>) = touched.into_iter().partition(there);
        let mut items = match present {
            true => self.present_phase(&sent, gone),
            false => self.delete_phase(&sent, gone),
        };
        let cookie = self.early_cookies(&mut items);
        let done = match self.options.profile {
            Profile::Slapd { .. } if nothing_new => {
                // slapd sends nothing at all, and an entry that it leaves out is not deleted.
                items.clear();
                Item::Done {
                    present: false,
                    cookie: false,
                }
            }
            Profile::Slapd { .. } | Profile::Unknown => Item::Done { present, cookie },
            Profile::Ds389 => Item::Done {
                present: mode == SyncMode::RefreshOnly,
                cookie,
            },
        };
        items.push(done);
        self.sync(message, mode, items)
    }

    /// The provider names the entries that are still there, and sends those that changed.
    fn present_phase(&mut self, sent: &[Id], gone: Vec<Id>) -> Vec<Item> {
        let mut items = Vec::new();
        let unknown = self.options.profile == Profile::Unknown;
        let all = !unknown || self.draw(Purpose::Answers).bool();
        let mut named: Vec<_> = self.shown().keys().copied().collect();
        named.retain(|id| all || !sent.contains(id));
        self.ids(named, &mut items, false);
        items.extend(sent.iter().map(|id| Item::Entry(*id)));
        if unknown {
            self.rearrange(&mut items);
            if self.draw(Purpose::Answers).u8(0..3) == 0 {
                // A delete phase may follow, for entries that were deleted during the present
                // phase.
                items.push(Item::PhaseDone);
                self.ids(gone, &mut items, true);
            }
        }
        items
    }

    /// The provider sends the entries that changed, and names those that are gone.
    fn delete_phase(&mut self, sent: &[Id], gone: Vec<Id>) -> Vec<Item> {
        let mut items = Vec::new();
        if self.options.profile == Profile::Ds389 {
            self.ids(gone, &mut items, true);
            items.extend(sent.iter().map(|id| Item::Entry(*id)));
        } else {
            items.extend(sent.iter().map(|id| Item::Touched(*id)));
            self.ids(gone, &mut items, true);
            self.rearrange(&mut items);
        }
        items
    }

    /// The entries of which the provider tells since a cookie: those that changed, with what its
    /// kind of provider leaves out or adds.
    fn touched_since(&mut self, cookie: &Cookie) -> BTreeSet<Id> {
        let mut touched = self.changed_since(cookie);
        let shown = self.shown();
        let Search { base, filtered, .. } = self.options.search;
        if self.options.profile == Profile::Ds389 && filtered {
            // 389-ds tells nothing of an entry that has left the filter.
            let directory = self.directory();
            let before = touched.len();
            touched.retain(|id| shown.contains_key(id) || !directory.is_within(*id, base));
            if touched.len() < before {
                self.facts.owed = Some("389-ds does not tell what has left the filter");
            }
        }
        if self.options.profile == Profile::Unknown && self.draw(Purpose::Answers).u8(0..6) == 0 {
            // RFC 4533 lets a provider send entries that have not changed.
            let more = shown
                .keys()
                .filter(|_| self.draw(Purpose::Answers).u8(0..4) == 0);
            touched.extend(more.copied().collect::<Vec<_>>());
        }
        touched
    }

    /// The entries with a change of their own since a cookie.
    fn changed_since(&self, cookie: &Cookie) -> BTreeSet<Id> {
        let mut changed = BTreeSet::new();
        for place in 0..self.lineage.len() {
            let version = self.lineage[place];
            let node = self.versions[version].node;
            let covered = cookie.0.get(&node).is_some_and(|&newest| version <= newest);
            // 389-ds silently skips changes that its changelog no longer has.
            let forgotten = self.options.profile == Profile::Ds389 && version <= self.oldest;
            if covered || forgotten {
                continue;
            }
            changed.extend(self.told_of(place));
        }
        changed
    }

    /// The entries of which the provider tells for one change: the changed one, and with some
    /// providers its descendants.
    pub fn told_of(&self, place: usize) -> Vec<Id> {
        let version = &self.versions[self.lineage[place]];
        let Some(change) = &version.change else {
            return Vec::new();
        };
        let mut told = vec![change.id()];
        if self.options.tells_descendants && matches!(change, Change::Move { .. }) {
            let below = |id: &Id| version.directory.is_within(*id, change.id());
            let descendants = version.directory.entries.keys().copied().filter(below);
            told.extend(descendants.filter(|id| *id != change.id()));
        }
        told
    }

    /// Plans ids in sets of any size, or one by one.
    fn ids(&mut self, mut ids: Vec<Id>, items: &mut Vec<Item>, deleted: bool) {
        let slapd = matches!(self.options.profile, Profile::Slapd { .. });
        self.draw(Purpose::Answers).shuffle(&mut ids);
        while !ids.is_empty() {
            let some = match slapd {
                true if deleted => 1,
                true => ids.len(),
                false => self.draw(Purpose::Answers).usize(1..=ids.len()),
            };
            let set: Vec<_> = ids.drain(..some).collect();
            if !slapd && self.draw(Purpose::Answers).u8(0..3) == 0 {
                items.extend(set.into_iter().map(|id| match deleted {
                    true => Item::Gone(id),
                    false => Item::PresentEntry(id),
                }));
            } else if deleted {
                items.push(Item::Deleted(set));
            } else {
                items.push(Item::Present(set));
            }
        }
    }

    /// Shuffles the messages, and doubles some: RFC 4533 allows both.
    fn rearrange(&mut self, items: &mut Vec<Item>) {
        if self.options.profile == Profile::Unknown || self.draw(Purpose::Answers).bool() {
            self.draw(Purpose::Answers).shuffle(items);
        }
        if self.options.profile == Profile::Unknown && self.draw(Purpose::Answers).u8(0..3) == 0 {
            let twice = items
                .iter()
                .filter(|_| self.draw(Purpose::Answers).u8(0..4) == 0);
            let twice: Vec<_> = twice.cloned().collect();
            items.extend(twice);
        }
    }

    /// May plan a cookie before the end. Returns whether one has to come at the end.
    fn early_cookies(&mut self, items: &mut Vec<Item>) -> bool {
        if self.options.profile != Profile::Unknown || self.draw(Purpose::Answers).bool() {
            return true;
        }
        let place = self.draw(Purpose::Answers).usize(0..=items.len());
        items.insert(place, Item::Cookie);
        self.draw(Purpose::Answers).bool()
    }
}
