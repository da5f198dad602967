//! What must hold at every commit, and what at rest: the copy beside the true history.

use std::collections::{BTreeMap, BTreeSet};

use syncrepl_client::{Error, Store};
use syncrepl_proto::dn;

use crate::checker::Checker;
use crate::cookie::Cookie;
use crate::directory::{Id, id_of};
use crate::held::{Held, Map};
use crate::world::World;

impl Checker {
    /// No committed state is older than its cookie says: each record is as it was at some time
    /// since, and what is not there was not there at some time since. Records that the consumer has
    /// still to ask for are excused, and counted.
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
        for id in ahead {
            if open.contains(&id) {
                self.counts.excuses += 1;
                continue;
            }
            let held = held.get(&id).map(|held| held.dn.as_str());
            world.finding(format_args!(
                "the cookie is ahead: it covers v{covered}, and since then entry {id} was never as it is held ({held:?})"
            ));
        }
    }

    /// The records that the consumer has still to ask for.
    fn open_questions(&self) -> Result<BTreeSet<Id>, Error> {
        let uuids = self.store.as_ref().map(Store::open_questions);
        let uuids = uuids.transpose()?.unwrap_or_default();
        Ok(uuids.into_iter().filter_map(id_of).collect())
    }

    /// Counts the records whose DN their entry never bore. A provider may lead a consumer to that for
    /// a moment, so it is no finding.
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

    /// The same of a rename that is told. DNs that the consumer makes itself, so that names can pass
    /// from one to the next, do not count.
    pub fn count_false_rename(&mut self, held: &Held) {
        let mut world = self.model.world();
        if !held.dn.to_ascii_lowercase().contains("entryuuid=") && !bore(&world, held) {
            self.counts.false_renames += 1;
            world.log(format_args!("    false rename: {:?} {}", held.id, held.dn));
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

/// Whether an entry was never as it is held, or not held, since the version that a cookie covers,
/// and nothing that is told later will say so.
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
    // What happened to itself later is told later, cookie or not, and so is what happened to what
    // it lies below, or is held below, with which it comes and goes.
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
    // Of what is below a hidden parent the next question tells, which is owed until it is asked, and
    // a later life asks it: equality at rest is what judges that.
    let search = world.options.search;
    let hides = world.options.hidden_containers || world.options.denied;
    let hidden = hides
        && world
            .versions
            .iter()
            .any(|version| version.directory.is_below_hidden(id, &search));
    !hidden && !later.any(tells)
}
