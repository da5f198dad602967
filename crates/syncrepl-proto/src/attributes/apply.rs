//! The new list from the old one and what differs: the way back of `diff`.

use std::collections::{HashMap, HashSet};

use super::diff::{AttributeDiff, Name};
use super::list::AttributeList;
use super::owned::OwnedAttributeList;
use crate::ber::{DecodeError, Writer, tag};

impl AttributeList<'_> {
    /// This list with these differences: without the values that went, with those that came.
    /// `old.with_diff(old.diff(&new))` is the [`same`](Self::same) as `new`, in an order of its own.
    ///
    /// A value that went and is not there, or came and is there already, is no fault, so the same
    /// differences can be applied twice. A value that both went and came is there at the end.
    ///
    /// # Errors
    /// An attribute among the differences has no name. None of [`diff`](Self::diff) is like that.
    pub fn with_diff<'d>(
        &self,
        diff: impl IntoIterator<Item = AttributeDiff<'d>>,
    ) -> Result<OwnedAttributeList, DecodeError> {
        let mut changes = Changes::default();
        diff.into_iter().for_each(|one| changes.take(&one));
        let mut writer = Writer::with_capacity(self.raw.len());
        writer.constructed(tag::SEQUENCE, |writer| {
            for attribute in self.iter() {
                match changes.of(attribute.name) {
                    None => write(writer, attribute.name, |writer| {
                        writer.raw(attribute.values);
                    }),
                    Some(change) => {
                        let stay = attribute.values();
                        let stay = stay.filter(|value| !change.named.contains(value));
                        // An attribute that comes twice gets them once.
                        let come = std::mem::take(&mut change.added);
                        write_values(writer, change.name, stay.chain(come));
                    }
                }
            }
            for change in &mut changes.list {
                let come = std::mem::take(&mut change.added);
                write_values(writer, change.name, come.into_iter());
            }
        });
        OwnedAttributeList::decode(writer.finish())
    }
}

/// The differences by description.
#[derive(Default)]
struct Changes<'d> {
    list: Vec<Change<'d>>,
    index: HashMap<Name<'d>, usize>,
}

struct Change<'d> {
    name: &'d str,
    /// The values that come and are not written yet, each once.
    added: Vec<&'d [u8]>,
    /// All values that come or go.
    named: HashSet<&'d [u8]>,
}

impl<'d> Changes<'d> {
    fn take(&mut self, diff: &AttributeDiff<'d>) {
        let next = self.list.len();
        let at = *self.index.entry(Name(diff.name)).or_insert(next);
        if at == next {
            self.list.push(Change {
                name: diff.name,
                added: Vec::with_capacity(diff.added.len()),
                named: HashSet::new(),
            });
        }
        if let Some(change) = self.list.get_mut(at) {
            let named = &mut change.named;
            let added = diff.added.iter().filter(|value| named.insert(value));
            change.added.extend(added);
            named.extend(&diff.removed);
        }
    }

    fn of(&mut self, name: &str) -> Option<&mut Change<'d>> {
        let at = self.index.get(&Name(name))?;
        self.list.get_mut(*at)
    }
}

/// Writes an attribute, unless no value is left of it.
fn write_values<'v>(writer: &mut Writer, name: &str, values: impl Iterator<Item = &'v [u8]>) {
    let mut values = values.peekable();
    if values.peek().is_some() {
        write(writer, name, |writer| {
            values.for_each(|value| writer.octets(value));
        });
    }
}

fn write(writer: &mut Writer, name: &str, values: impl FnOnce(&mut Writer)) {
    writer.constructed(tag::SEQUENCE, |writer| {
        writer.octets(name.as_bytes());
        writer.constructed(tag::SET, values);
    });
}
