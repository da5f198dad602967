//! The map by DN: what each event must find there, and what it leaves.

use super::{Change, Event, Held, Reader};
use crate::judge::Attributes;

/// From a commit to the map. After a violation it does what it can, so that the next one is seen.
impl Reader {
    pub(super) fn apply_event(&mut self, Event { line, uuid, change }: Event) {
        match change {
            Change::Add { dn, attrs } => self.add(line, &uuid, dn, attrs),
            Change::Rename { old_dn, dn } => self.rename(line, &uuid, &old_dn, dn),
            Change::Change { dn, old, attrs } => {
                self.expect(line, "change", &uuid, &dn, Some(&old));
                if old == attrs {
                    self.violation_at(line, format_args!("change of nothing: {dn:?}"));
                }
                self.put(&uuid, dn, attrs);
            }
            Change::Delete { dn, old } => {
                self.expect(line, "delete", &uuid, &dn, Some(&old));
                self.take(&dn);
                self.deletes.push((uuid, dn, line));
            }
        }
    }

    pub(super) fn add(&mut self, line: usize, uuid: &str, dn: String, attrs: Attributes) {
        if let Some(held) = self.map.get(&dn) {
            let holder = held.uuid.clone();
            self.violation_at(
                line,
                format_args!("add of {uuid} on {dn:?}, which {holder} holds"),
            );
        }
        if let Some(other) = self.dn_of.get(uuid).cloned() {
            self.violation_at(line, format_args!("add of {uuid} twice: {other:?}, {dn:?}"));
            self.take(&other);
        }
        self.put(uuid, dn, attrs);
    }

    fn rename(&mut self, line: usize, uuid: &str, old_dn: &str, dn: String) {
        self.expect(line, "rename", uuid, old_dn, None);
        if let Some(held) = self.map.get(&dn) {
            let holder = held.uuid.clone();
            self.violation_at(
                line,
                format_args!("rename of {uuid} onto {dn:?}, which {holder} holds"),
            );
        }
        let attrs = self.take(old_dn).map(|held| held.attrs).unwrap_or_default();
        self.put(uuid, dn, attrs);
    }

    /// The entry of that id must be there, under that DN, with those attributes.
    fn expect(&mut self, line: usize, op: &str, uuid: &str, dn: &str, old: Option<&Attributes>) {
        let Some(held) = self.map.get(dn) else {
            self.violation_at(line, format_args!("{op} of {dn:?}, which is not there"));
            return;
        };
        let (holder, same) = (held.uuid.clone(), old.is_none_or(|old| *old == held.attrs));
        if holder != uuid {
            self.violation_at(
                line,
                format_args!("{op} of {uuid} at {dn:?}, which is {holder}"),
            );
        } else if !same {
            self.violation_at(
                line,
                format_args!("{op} of {dn:?}: old is not what was told before"),
            );
        }
    }

    fn put(&mut self, uuid: &str, dn: String, attrs: Attributes) {
        self.take(&dn);
        self.dn_of.insert(uuid.to_owned(), dn.clone());
        self.map.insert(
            dn,
            Held {
                uuid: uuid.to_owned(),
                attrs,
            },
        );
    }

    fn take(&mut self, dn: &str) -> Option<Held> {
        let held = self.map.remove(dn)?;
        self.dn_of.remove(&held.uuid);
        Some(held)
    }
}
