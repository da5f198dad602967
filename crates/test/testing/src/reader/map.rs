//! A reader's map by DN: what each event must find there, and what it leaves.

use super::{Change, Event, Held, Reader, values};
use crate::judge::Attributes;
use crate::strict::Misfit;

/// From a commit to the map. After a violation it does what it can, so that the next one is seen.
impl Reader {
    pub(super) fn apply_event(&mut self, Event { line, uuid, change }: Event) {
        let is_it = |held: &Held, old: &Attributes| held.uuid == uuid && held.attrs == *old;
        match change {
            Change::Add { dn, attrs } => self.add(line, &uuid, dn, attrs),
            Change::Rename { old_dn, dn } => self.rename(line, &uuid, &old_dn, dn),
            Change::Change { dn, old, attrs } => {
                if old == attrs {
                    self.violation_at(line, format_args!("change of nothing: {dn:?}"));
                }
                let entry = held(&uuid, attrs);
                let fits = self.map.change(dn.clone(), |held| is_it(held, &old), entry);
                self.judge(line, "change", &uuid, &dn, &dn, fits);
                self.dn_of.insert(uuid, dn);
            }
            Change::Values { dn, removed, added } => {
                let mut attrs = self.map.now().get(&dn).map(|held| held.attrs.clone());
                let attrs = attrs.get_or_insert_default();
                if let Err(why) = values::apply(attrs, &removed, &added) {
                    self.violation_at(line, format_args!("change of {dn:?}: {why}"));
                }
                let entry = held(&uuid, std::mem::take(attrs));
                let fits = self.map.change(dn.clone(), |held| held.uuid == uuid, entry);
                self.judge(line, "change", &uuid, &dn, &dn, fits);
                self.dn_of.insert(uuid, dn);
            }
            Change::Delete { dn, old } => {
                let fits = self.map.delete(&dn, |held| is_it(held, &old));
                match fits {
                    Ok(held) => drop(self.dn_of.remove(&held.uuid)),
                    Err(misfit) => self.judge(line, "delete", &uuid, &dn, &dn, Err(misfit)),
                }
                self.deletes.push((uuid, dn, line));
            }
        }
    }

    pub(super) fn add(&mut self, line: usize, uuid: &str, dn: String, attrs: Attributes) {
        if let Some(other) = self.dn_of.get(uuid).cloned() {
            self.violation_at(line, format_args!("add of {uuid} twice: {other:?}, {dn:?}"));
            let _ = self.map.delete(&other, |_| true);
        }
        let fits = self.map.add(dn.clone(), held(uuid, attrs));
        self.judge(line, "add", uuid, &dn, &dn, fits);
        self.dn_of.insert(uuid.to_owned(), dn);
    }

    fn rename(&mut self, line: usize, uuid: &str, old_dn: &str, dn: String) {
        let it = held(uuid, Attributes::new());
        let is_it = |held: &Held| held.uuid == uuid;
        let renamed = |was: Held| Held {
            attrs: was.attrs,
            ..it.clone()
        };
        let fits = self.map.rename(old_dn, dn.clone(), is_it, renamed);
        let missing = matches!(fits, Err(Misfit::Missing));
        self.judge(line, "rename", uuid, old_dn, &dn, fits);
        if missing {
            self.add(line, uuid, dn, it.attrs);
        } else {
            self.dn_of.insert(uuid.to_owned(), dn);
        }
    }

    /// Writes down why an event does not fit, and forgets the entry that lost its place.
    fn judge(
        &mut self,
        line: usize,
        op: &str,
        uuid: &str,
        old_dn: &str,
        dn: &str,
        fits: Result<(), Misfit<Held>>,
    ) {
        let what = match fits {
            Ok(()) => return,
            Err(Misfit::Missing) => format!("{op} of {old_dn:?}, which is not there"),
            Err(Misfit::Taken(holder)) => {
                self.dn_of.remove(&holder.uuid);
                let on = if op == "add" { "on" } else { "onto" };
                format!("{op} of {uuid} {on} {dn:?}, which {} holds", holder.uuid)
            }
            Err(Misfit::Other(held)) => {
                self.dn_of.remove(&held.uuid);
                match held.uuid == uuid {
                    true => format!("{op} of {old_dn:?}: old is not what was told before"),
                    false => format!("{op} of {uuid} at {old_dn:?}, which is {}", held.uuid),
                }
            }
        };
        self.violation_at(line, what);
    }
}

fn held(uuid: &str, attrs: Attributes) -> Held {
    Held {
        uuid: uuid.to_owned(),
        attrs,
    }
}
