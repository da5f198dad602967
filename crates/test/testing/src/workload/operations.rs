//! The changes of names and places. `values` has the changes of values.

use std::collections::BTreeSet;

use super::Workload;
use super::tree::{Id, Kind, Node, Rdn, rdn};
use crate::ldif;

impl Workload {
    /// Makes one change; false when the dice fell on something that cannot be done just now.
    pub(super) fn one_change(&mut self) -> bool {
        match self.names.rng.u8(0..100) {
            0..18 => self.add(),
            18..52 => self.modify_any(),
            52..62 => self.delete(),
            62..64 => self.delete_subtree(),
            64..73 => self.rename(),
            73..80 => self.relocate(),
            80..84 => self.rename_case(),
            84..89 => self.delete_and_recreate(),
            89..93 => self.swap(),
            93..96 => self.delete_and_replace(),
            96..99 => self.options.referrals && self.change_referral(),
            _ => self.add_unit(),
        }
    }

    fn add(&mut self) -> bool {
        let Some(parent) = self.container() else {
            return false;
        };
        self.person(parent);
        true
    }

    fn add_unit(&mut self) -> bool {
        let Some(parent) = self.container() else {
            return false;
        };
        let name = self.names.name();
        self.unit(parent, &name);
        true
    }

    fn modify_any(&mut self) -> bool {
        let people = |_: Id, node: &Node| node.kind == Kind::Person;
        let others = |_: Id, node: &Node| node.kind != Kind::Person && node.kind != Kind::Referral;
        let ids = if self.names.one_in(8) {
            self.tree.ids(others)
        } else {
            self.tree.ids(people)
        };
        self.names.pick(&ids).is_some_and(|id| self.modify(id))
    }

    fn delete(&mut self) -> bool {
        let Some(id) = self.leaf() else { return false };
        self.send_delete(id);
        true
    }

    /// A small one, children first.
    fn delete_subtree(&mut self) -> bool {
        let mut parents = self.tree.parents();
        parents.retain(|id| matches!(self.tree.get(*id).kind, Kind::Person | Kind::Unit));
        let parents: Vec<Id> = parents.into_iter().collect();
        let Some(id) = self.names.pick(&parents) else {
            return false;
        };
        let subtree = self.tree.subtree(id);
        if subtree.len() > 5 {
            return false;
        }
        for id in subtree.into_iter().rev() {
            self.send_delete(id);
        }
        true
    }

    fn rename(&mut self) -> bool {
        let Some(id) = self.movable() else {
            return false;
        };
        let new = match self.tree.get(id).kind {
            Kind::Unit => vec![("ou".to_owned(), self.names.name())],
            _ => self.names.person_rdn(),
        };
        let parent = self.tree.get(id).parent;
        let delete_old = !self.names.one_in(3);
        self.send_rename(id, new, parent, delete_old);
        true
    }

    /// To another parent, one in three with another name.
    fn relocate(&mut self) -> bool {
        let (Some(id), Some(parent)) = (self.movable(), self.container()) else {
            return false;
        };
        let node = self.tree.get(id);
        if self.tree.is_below(parent, id)
            || node.parent == parent
            || self.tree.is_taken(parent, &node.rdn, id)
        {
            return false;
        }
        let (mut new, kind) = (node.rdn.clone(), node.kind);
        if kind == Kind::Person && self.names.one_in(3) {
            new = self.names.person_rdn();
        }
        let delete_old = !self.names.one_in(3);
        self.send_rename(id, new, parent, delete_old);
        true
    }

    /// Only the letter case of the name changes.
    fn rename_case(&mut self) -> bool {
        let Some(id) = self.movable() else {
            return false;
        };
        let node = self.tree.get(id);
        let (parent, mut new) = (node.parent, node.rdn.clone());
        let changed = |c: char| match c {
            'a'..='z' => c.to_ascii_uppercase(),
            _ => c.to_ascii_lowercase(),
        };
        new[0].1 = new[0].1.chars().map(changed).collect();
        if new == node.rdn {
            return false;
        }
        let delete_old = !self.names.one_in(4);
        self.send_rename(id, new, parent, delete_old);
        true
    }

    /// Another entry, of another entryUUID, under the same DN.
    fn delete_and_recreate(&mut self) -> bool {
        let Some(id) = self.leaf() else { return false };
        if self.tree.get(id).kind != Kind::Person {
            return false;
        }
        let mut node = self.send_delete(id);
        if !self.names.one_in(4) {
            node.values = self.names.person(&node.rdn);
        }
        self.announce(node);
        true
    }

    /// Two of a kind take each other's DN, by way of a third.
    fn swap(&mut self) -> bool {
        let (Some(a), Some(b)) = (self.movable(), self.movable()) else {
            return false;
        };
        let (one, two) = (self.tree.get(a).clone(), self.tree.get(b).clone());
        if one.kind != two.kind || self.tree.is_below(a, b) || self.tree.is_below(b, a) {
            return false;
        }
        let attribute = if one.kind == Kind::Unit { "ou" } else { "cn" };
        let away = vec![(
            attribute.to_owned(),
            format!("swap {}", self.names.number()),
        )];
        self.send_rename(a, away, one.parent, true);
        self.send_rename(b, one.rdn, one.parent, true);
        self.send_rename(a, two.rdn, two.parent, true);
        true
    }

    /// One goes, another takes its DN.
    fn delete_and_replace(&mut self) -> bool {
        let (Some(gone), Some(id)) = (self.leaf(), self.movable()) else {
            return false;
        };
        if gone == id || self.tree.get(gone).kind != self.tree.get(id).kind {
            return false;
        }
        if self.tree.is_below(gone, id) {
            return false;
        }
        let node = self.send_delete(gone);
        self.send_rename(id, node.rdn, node.parent, true);
        true
    }

    fn change_referral(&mut self) -> bool {
        let all = self.tree.ids(|_, node| node.kind == Kind::Referral);
        match (self.names.rng.u8(0..3), self.names.pick(&all)) {
            (0, Some(id)) => {
                self.send_delete(id);
                true
            }
            (1, Some(id)) => self.modify(id),
            _ => {
                let units = self.tree.ids(|_, node| node.kind == Kind::Unit);
                let parent = self.names.pick(&units);
                parent.map(|parent| self.referral(parent)).is_some()
            }
        }
    }
}

/// The choice of an entry.
impl Workload {
    /// A parent for an entry: a unit, or seldom a person.
    fn container(&mut self) -> Option<Id> {
        let kind = if self.names.one_in(15) {
            Kind::Person
        } else {
            Kind::Unit
        };
        let not_too_deep = |id: Id, node: &Node| node.kind == kind && self.tree.depth(id) < 6;
        let ids = self.tree.ids(not_too_deep);
        self.names.pick(&ids)
    }

    fn leaf(&mut self) -> Option<Id> {
        let kind = if self.names.one_in(10) {
            Kind::Unit
        } else {
            Kind::Person
        };
        let parents = self.tree.parents();
        let ids = self
            .tree
            .ids(|id, node| node.kind == kind && !parents.contains(&id));
        self.names.pick(&ids)
    }

    fn movable(&mut self) -> Option<Id> {
        let kind = if self.names.one_in(5) {
            Kind::Unit
        } else {
            Kind::Person
        };
        let stay = match self.options.parent_renames {
            true => BTreeSet::new(),
            false => self.tree.parents(),
        };
        let ids = self
            .tree
            .ids(|id, node| node.kind == kind && !stay.contains(&id));
        self.names.pick(&ids)
    }
}

/// Into the LDIF and into the model.
impl Workload {
    fn send_delete(&mut self, id: Id) -> Node {
        let dn = self.begin(id, "delete");
        self.log.push(format!("delete {dn}"));
        self.tree.remove(id)
    }

    fn send_rename(&mut self, id: Id, new: Rdn, parent: Id, delete_old: bool) {
        let moves = self.tree.get(id).parent != parent;
        // Without its old name the entry may lack what its class demands.
        let delete_old = delete_old && self.tree.get(id).may_lose(&new);
        let superior = self.tree.dn(parent, self.names.style());
        let text = rdn(&new, self.names.style() & 1 == 1);
        let dn = self.begin(id, "modrdn");
        self.ldif += &ldif::line("newrdn", &text);
        self.ldif += &format!("deleteoldrdn: {}\n", u8::from(delete_old));
        if moves {
            self.ldif += &ldif::line("newsuperior", &superior);
        }
        self.log.push(format!(
            "rename {dn} to {text},{superior} (deleteoldrdn {delete_old})"
        ));
        let node = self.tree.get_mut(id);
        node.parent = parent;
        node.renamed(new, delete_old);
    }
}
