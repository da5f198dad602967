//! The changes to the directory. Names are few, so that DNs collide. Subtrees are renamed, and move
//! into the base and out of it. Entries hand their names on, swap them and pass them round.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::directory::{Change, Directory, Entry, INSIDE, Id, OUTSIDE, SUFFIX};
use crate::options::Options;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
/// Names that all differ if letter case counts. The last is the Kelvin sign, a `k` to Unicode.
const ALIKE: [&str; 5] = ["a", "A", "k", "K", "\u{212a}"];
/// The name of an entry in the middle of a swap.
const AWAY: &str = "t";
const MOST_ENTRIES: usize = 13;
const DEEPEST: usize = 5;

/// Draws changes. Changes that belong together, such as a swap of names, come one after the other,
/// but other events may come in between.
#[derive(Debug, Default)]
pub struct Workload {
    queue: VecDeque<Change>,
    last_id: Id,
    /// No entry moves into the base or out of it.
    closed: bool,
    denied: bool,
    subentries: bool,
    alike: bool,
}

impl Workload {
    pub fn new(options: Options) -> Self {
        Workload {
            closed: options.closed,
            denied: options.denied,
            subentries: options.subentries,
            alike: options.alike,
            ..Workload::default()
        }
    }

    /// The next change; a server may refuse it.
    pub fn next(&mut self, directory: &Directory, rng: &mut Rng) -> Option<Change> {
        if let Some(change) = self.queue.pop_front() {
            return Some(change);
        }
        self.draw(directory, rng);
        self.queue.pop_front()
    }

    fn draw(&mut self, directory: &Directory, rng: &mut Rng) {
        let mut movable: Vec<Id> = directory.entries.keys().copied().collect();
        movable.retain(|id| !Directory::is_fixed(*id));
        let some = |rng: &mut Rng| rng.choice(movable.iter().copied());
        let few = movable.len() < 3;
        match if few { 0 } else { rng.u8(0..22) } {
            0..=4 if movable.len() < MOST_ENTRIES => {
                let parent = self.parent(directory, rng);
                let entry = self.entry(parent, rng);
                self.add(entry);
            }
            0..=6 => self.delete_leaf(directory, &movable, rng),
            7..=8 => {
                if let Some(id) = some(rng) {
                    self.queue.push_back(Change::Text(id, rng.u8(0..3)));
                }
            }
            9..=10 => {
                if let Some(id) = some(rng) {
                    let keep = !directory.entries[&id].keep;
                    self.queue.push_back(Change::Keep(id, keep));
                }
            }
            11..=12 => {
                if let Some(id) = some(rng) {
                    let name = self.name(rng);
                    self.rename(directory, id, name, rng);
                }
            }
            13..=16 => {
                if let Some(id) = some(rng) {
                    self.relocate(directory, id, rng);
                }
            }
            17..=19 => self.rotate(directory, &movable, rng),
            _ => {
                if let Some(id) = some(rng) {
                    self.cross_base(directory, id);
                }
            }
        }
    }

    /// Deletes an entry without children. Half of the time another entry takes its DN.
    fn delete_leaf(&mut self, directory: &Directory, movable: &[Id], rng: &mut Rng) {
        let leaf = |id: &Id| directory.children(*id).next().is_none();
        let leaves: Vec<_> = movable.iter().copied().filter(leaf).collect();
        let Some(id) = rng.choice(leaves) else {
            return;
        };
        self.queue.push_back(Change::Delete(id));
        if rng.bool() {
            let gone = &directory.entries[&id];
            let mut entry = self.entry(gone.parent, rng);
            entry.name = gone.name.clone();
            self.add(entry);
        }
    }

    /// Moves an entry to another parent, and sometimes back again.
    fn relocate(&mut self, directory: &Directory, id: Id, rng: &mut Rng) {
        let parent = self.parent(directory, rng);
        let name = match rng.bool() {
            true => directory.entries[&id].name.clone(),
            false => self.name(rng),
        };
        self.queue.push_back(Change::Move { id, parent, name });
        if rng.u8(0..4) == 0 {
            let Entry { parent, name, .. } = directory.entries[&id].clone();
            self.queue.push_back(Change::Move { id, parent, name });
        }
    }

    /// Moves an entry out of the base, or into it, with its whole subtree.
    fn cross_base(&mut self, directory: &Directory, id: Id) {
        let parent = match directory.is_within(id, OUTSIDE) || self.closed {
            true => INSIDE,
            false => OUTSIDE,
        };
        let name = directory.entries[&id].name.clone();
        self.queue.push_back(Change::Move { id, parent, name });
    }

    /// Two or three entries take each other's place.
    fn rotate(&mut self, directory: &Directory, movable: &[Id], rng: &mut Rng) {
        let mut chosen = movable.to_vec();
        rng.shuffle(&mut chosen);
        chosen.truncate(rng.usize(2..4));
        let Some(first) = chosen.first().copied() else {
            return;
        };
        let places: Vec<_> = chosen
            .iter()
            .map(|id| {
                let Entry { parent, name, .. } = directory.entries[id].clone();
                (parent, name)
            })
            .collect();
        let go = |id, (parent, name): (Id, String)| Change::Move { id, parent, name };
        let away = (places[0].0, AWAY.to_owned());
        self.queue.push_back(go(first, away));
        for index in 1..chosen.len() {
            self.queue
                .push_back(go(chosen[index], places[index - 1].clone()));
        }
        self.queue
            .push_back(go(first, places[chosen.len() - 1].clone()));
    }

    fn rename(&mut self, directory: &Directory, id: Id, name: String, rng: &mut Rng) {
        let Entry {
            parent, name: old, ..
        } = directory.entries[&id].clone();
        self.queue.push_back(Change::Move { id, parent, name });
        if rng.u8(0..3) == 0 {
            let mut entry = self.entry(parent, rng);
            entry.name = old;
            self.add(entry);
        }
    }

    fn add(&mut self, entry: Entry) {
        self.last_id += 1;
        let id = self.last_id + OUTSIDE;
        self.queue.push_back(Change::Add { id, entry });
    }

    fn entry(&self, parent: Id, rng: &mut Rng) -> Entry {
        Entry {
            parent,
            name: self.name(rng),
            text: rng.u8(0..3),
            keep: rng.u8(0..4) > 0,
            denied: self.denied && rng.u8(0..6) == 0,
            subentry: self.subentries && rng.u8(0..6) == 0,
        }
    }

    fn name(&self, rng: &mut Rng) -> String {
        if self.alike {
            return ALIKE[rng.usize(..ALIKE.len())].to_owned();
        }
        let name = NAMES[rng.usize(..NAMES.len())];
        match rng.u8(0..8) {
            0 => name.to_uppercase(),
            _ => name.to_owned(),
        }
    }

    fn parent(&self, directory: &Directory, rng: &mut Rng) -> Id {
        let mut parents: Vec<Id> = directory.entries.keys().copied().collect();
        parents.retain(|&id| {
            id != SUFFIX
                && !directory.entries[&id].subentry
                && directory.depth(id) < DEEPEST
                && !(self.closed && directory.is_within(id, OUTSIDE))
        });
        parents.extend([INSIDE; 3]);
        rng.choice(parents).unwrap_or(INSIDE)
    }
}
