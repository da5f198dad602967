//! Compares the copy with the true history: the rules that must hold at every commit, and those
//! that must hold at rest.

use std::collections::{BTreeMap, BTreeSet};

use syncrepl_client::{Error, Store};
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::dn;

use crate::checker::Checker;
use crate::cookie::Cookie;
use crate::directory::{Id, id_of};
use crate::held::{Held, Map};
use crate::world::World;

impl Checker {
    /// No committed state may be older than its cookie says. Each record has to be as its entry was
    /// at some time since, and an entry that is missing has to have been absent at some time since.
    /// The check excuses records for which the consumer has still to ask, with those below them, and
    /// counts them.
    pub fn check_not_ahead(&mut self) {
        let mut world = self.model.world();
        let Some(bytes) = &self.committed.cookie else {
            return;
        };
        if world.facts.owed.is_some() {
            return;
        }
        let Some(cookie) = Cookie::parse(world.options.profile, bytes) else {
            return world.finding(format_args!("the cookie {bytes:?} was stored"));
        };
        let covered = world.covered(&cookie);
        let held: BTreeMap<Id, &Held> = self
            .committed
            .map
            .values()
            .filter_map(|held| Some((held.id?, held)))
            .collect();
        let ids: BTreeSet<Id> = world
            .versions
            .iter()
            .flat_map(|version| version.shown.keys().copied())
            .collect();
        let ahead = ids
            .into_iter()
            .filter(|id| is_ahead(&world, covered, *id, &held));
        let ahead: Vec<Id> = ahead.collect();
        if ahead.is_empty() {
            return;
        }
        let open = match self.open_questions() {
            Ok(open) => open,
            Err(error) => return world.finding(format_args!("no open questions: {error}")),
        };
        let asked = held.iter().filter(|(id, _)| open.get(id) == Some(&true));
        let asked: Vec<_> = asked.map(|(_, held)| dn::key(&held.dn)).collect();
        for id in ahead {
            let held = held.get(&id).map(|held| held.dn.as_str());
            let key = held.map(dn::key).unwrap_or_default();
            let below = |above: &Vec<u8>| dn::is_within(&key, above);
            if open.contains_key(&id) || asked.iter().any(below) {
                self.counts.excuses += 1;
                continue;
            }
            world.finding(format_args!(
                "the cookie is ahead: it covers v{covered}, and since then entry {id} was never as it is held ({held:?})"
            ));
        }
    }

    /// The records for which the consumer has still to ask (`true`), or whose DN a search showed.
    fn open_questions(&self) -> Result<BTreeMap<Id, bool>, Error> {
        let open = self.store.as_ref().map(Store::open_questions);
        let open = open.transpose()?.unwrap_or_default().into_iter();
        Ok(open
            .filter_map(|(uuid, asked)| Some((id_of(uuid)?, asked)))
            .collect())
    }

    /// Counts the records under a DN that their entry never bore. A provider may mislead a consumer
    /// for a moment, so such a record is no finding.
    pub fn count_false_names(&mut self) {
        let mut world = self.model.world();
        for held in self.committed.map.values() {
            self.counts.records += 1;
            if !bore(&world, held) {
                self.counts.false_names += 1;
                world.log(format_args!("    false name: {:?} {}", held.id, held.dn));
            }
        }
    }

    /// Counts a rename to a DN that the entry never bore. DNs that the consumer makes itself do not
    /// count: it parks a record under one while names pass round.
    pub fn count_false_rename(&mut self, held: &Held) {
        let mut world = self.model.world();
        if !held.dn.to_ascii_lowercase().contains("entryuuid=") && !bore(&world, held) {
            self.counts.false_renames += 1;
            world.log(format_args!("    false rename: {:?} {}", held.id, held.dn));
        }
    }

    /// No value was told as lost that the entry always had.
    pub fn check_lost(&self, old: &Held, new: &Held) {
        let lists = [old, new].map(|held| AttributeList::decode(&held.attributes));
        let [Ok(before), Ok(after)] = lists else {
            return;
        };
        let mut world = self.model.world();
        let id = new.id.unwrap_or(Id::MAX);
        for (name, value) in before.lost_in(&after, usize::MAX) {
            let lacked = world.versions.iter().any(|version| {
                let shown = version.shown.get(&id);
                let list = shown.and_then(|shown| AttributeList::decode(&shown.attributes).ok());
                list.is_some_and(|list| list.values(name).all(|other| other != value))
            });
            if !lacked {
                world.finding(format_args!("{} lost {name} and always had it", new.dn));
            }
        }
    }

    /// The copy equals the search result.
    pub fn check_equal(&self, when: &str) {
        let mut world = self.model.world();
        if world.facts.owed.is_some() {
            return;
        }
        let shown = world.shown();
        for held in self.committed.map.values() {
            let Some(shown) = held.id.and_then(|id| shown.get(&id)) else {
                world.finding(format_args!("{when}: {} is held and not shown", held.dn));
                continue;
            };
            if !dn::same_spelling_aside(&shown.dn, &held.dn) {
                world.finding(format_args!("{when}: {} is held as {}", shown.dn, held.dn));
            }
            if !held.same_attributes(&shown.attributes) {
                world.finding(format_args!("{when}: {} has old attributes", held.dn));
            }
        }
        for (id, shown) in shown.iter() {
            if !self.committed.map.values().any(|held| held.id == Some(*id)) {
                world.finding(format_args!(
                    "{when}: {} ({id}) is shown and not held",
                    shown.dn
                ));
            }
        }
    }

    /// The store is as it was at the last commit.
    pub fn check_store(&self, when: &str) {
        if self.stored() != self.committed.map {
            self.finding(format_args!(
                "{when}: stored {:?}, told {:?}",
                dns(&self.stored()),
                dns(&self.committed.map)
            ));
        }
        let status = self.store.as_ref().map(Store::status);
        match status {
            Some(Ok(status))
                if status.cookie != self.committed.cookie
                    || status.commit != self.committed.commit =>
            {
                self.finding(format_args!(
                    "{when}: {status:?}, told {:?}",
                    self.committed
                ));
            }
            Some(Err(error)) => self.finding(format_args!("{when}: no status: {error}")),
            Some(Ok(_)) | None => {}
        }
    }
}

fn dns(map: &Map) -> Vec<String> {
    map.values()
        .map(|held| format!("{:?} {}", held.id, held.dn))
        .collect()
}

/// Whether an entry ever bore the DN by which it is held.
fn bore(world: &World, held: &Held) -> bool {
    let borne = held.id.and_then(|id| world.borne.get(&id));
    borne.is_some_and(|borne| {
        let same = |dn: &String| dn::same_spelling_aside(dn, &held.dn);
        borne.contains(&held.dn) || borne.iter().any(same)
    })
}

/// Whether the copy is ahead for an entry: since the version that the cookie covers, the entry was
/// never as the copy has it, and the provider will not tell of it later.
fn is_ahead(world: &World, covered: usize, id: Id, held: &BTreeMap<Id, &Held>) -> bool {
    let so = world.versions[covered..].iter().any(|version| {
        match (version.shown.get(&id), held.get(&id)) {
            (None, None) => true,
            (Some(shown), Some(held)) => held.same_attributes(&shown.attributes),
            _ => false,
        }
    });
    if so {
        return false;
    }
    // The provider tells later changes of the entry itself, and of the parents with which it comes
    // and goes: those above it in the directory, and those above it in the copy.
    let key = held.get(&id).map(|held| world.key(&held.dn));
    let holds = |told: &Id| match (&key, held.get(told)) {
        (Some(key), Some(above)) => dn::is_within(key, &world.key(&above.dn)),
        _ => false,
    };
    let mut later = (0..world.lineage.len()).filter(|&place| world.lineage[place] > covered);
    let tells = |place: usize| {
        let after = &world.versions[world.lineage[place]].directory;
        let before = &world.versions[world.lineage[place.saturating_sub(1)]].directory;
        let told = world.told_of(place);
        told.iter()
            .any(|told| after.is_within(id, *told) || before.is_within(id, *told) || holds(told))
    };
    // The provider does not tell of a hidden parent. The consumer learns of such a move by its next
    // question, perhaps in a later life, so only the check at rest can judge it.
    let search = world.options.search;
    let hides = world.options.hidden_containers || world.options.denied;
    let hidden = hides
        && world
            .versions
            .iter()
            .any(|version| version.directory.is_below_hidden(id, &search));
    !hidden && !later.any(tells)
}
