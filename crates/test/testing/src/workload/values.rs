//! Modifications: values that come, go, change their order or stay as they are.

use super::Workload;
use super::tree::{Id, Kind};
use crate::ldif;

/// One element of a modification, with the values of the attribute afterwards.
struct Modification {
    operation: &'static str,
    attribute: String,
    listed: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
}

const TEXTS: [&str; 6] = [
    "description",
    "mail",
    "title",
    "givenName",
    "cn",
    "cn;lang-de",
];

/// No entry is ever below this name.
const NOWHERE: &str = "ou=nowhere,dc=example,dc=com";

impl Workload {
    /// Up to three modifications of one entry, in one operation.
    pub(super) fn modify(&mut self, id: Id) -> bool {
        let mut modifications: Vec<Modification> = Vec::new();
        for _ in 0..self.names.rng.u8(1..4) {
            let modification = match self.tree.get(id).kind {
                Kind::Person => match self.names.rng.u8(0..10) {
                    0..3 => self.flip(),
                    3..5 => self.bytes(id),
                    _ => {
                        let attribute = TEXTS[self.names.rng.usize(0..TEXTS.len())];
                        self.texts(id, attribute)
                    }
                },
                Kind::Root | Kind::Unit => self.texts(id, "description"),
                Kind::Group => self.texts(id, "member"),
                Kind::Referral => self.texts(id, "ref"),
            };
            let is_new = |m: &Modification| {
                modifications
                    .iter()
                    .all(|earlier| earlier.attribute != m.attribute)
            };
            modifications.extend(modification.filter(is_new));
        }
        if modifications.is_empty() {
            return false;
        }
        self.send_modify(id, modifications);
        true
    }

    /// Gives some person 3 MB to carry, one that has them already if there are two.
    pub(super) fn big_value(&mut self) -> bool {
        let is_big = |value: &Vec<u8>| value.len() > 1_000_000;
        let mut ids = self.tree.ids(|_, node| {
            node.values
                .get("jpegPhoto")
                .is_some_and(|values| values.iter().any(is_big))
        });
        if ids.len() < 2 {
            ids = self.tree.ids(|_, node| node.kind == Kind::Person);
        }
        let Some(id) = self.names.pick(&ids) else {
            return false;
        };
        let photo = vec![self.names.jpeg(3_000_000)];
        self.send_modify(id, vec![replace("jpegPhoto", photo)]);
        true
    }

    /// From staff to temp and back, to both, to neither.
    fn flip(&mut self) -> Option<Modification> {
        let types: &[&str] = match self.names.rng.u8(0..10) {
            0..4 => &["staff"],
            4..8 => &["temp"],
            8 => &["temp", "staff"],
            _ => &[],
        };
        let types = types
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect();
        Some(replace("employeeType", types))
    }

    /// Attributes without an equality rule: their values cannot be named one by one.
    fn bytes(&mut self, id: Id) -> Option<Modification> {
        let attribute = if self.names.rng.bool() {
            "jpegPhoto"
        } else {
            "audio"
        };
        let held = self
            .tree
            .get(id)
            .values
            .get(attribute)
            .cloned()
            .unwrap_or_default();
        let size = self.names.rng.usize(1..3000);
        match self.names.rng.u8(0..6) {
            0 => Some(replace(attribute, Vec::new())),
            1 => Some(replace(attribute, held)),
            2 => Some(replace(
                attribute,
                vec![self.names.jpeg(size), self.names.jpeg(5)],
            )),
            _ if attribute == "audio" => {
                let noise = std::iter::repeat_with(|| self.names.rng.u8(..))
                    .take(size)
                    .collect();
                Some(replace(attribute, vec![noise]))
            }
            _ => Some(replace(attribute, vec![self.names.jpeg(size)])),
        }
    }

    /// Attributes with as many values as one likes.
    fn texts(&mut self, id: Id, attribute: &str) -> Option<Modification> {
        let node = self.tree.get(id);
        let held = node.values.get(attribute).cloned().unwrap_or_default();
        let (mut named, free): (Vec<_>, Vec<_>) = held
            .iter()
            .cloned()
            .partition(|value| node.is_named_by(attribute, value));
        let must = matches!(attribute, "cn" | "member" | "ref");
        match self.names.rng.u8(0..6) {
            0 => {
                let fresh = self.fresh(attribute);
                Some(Modification {
                    operation: "add",
                    attribute: attribute.to_owned(),
                    listed: vec![fresh.clone()],
                    after: [held, vec![fresh]].concat(),
                })
            }
            1 if !free.is_empty() && (held.len() > 1 || !must) => {
                let gone = self.names.pick(&free)?;
                let after = held.into_iter().filter(|value| *value != gone).collect();
                // The server may have renamed a member with the entry that it names, or taken it away.
                if attribute == "member" && !gone.ends_with(NOWHERE.as_bytes()) {
                    return Some(replace(attribute, after));
                }
                Some(Modification {
                    operation: "delete",
                    attribute: attribute.to_owned(),
                    after,
                    listed: vec![gone],
                })
            }
            2 if !held.is_empty() && named.is_empty() && !must => Some(Modification {
                operation: "delete",
                attribute: attribute.to_owned(),
                listed: Vec::new(),
                after: Vec::new(),
            }),
            3 if held.len() > 1 => {
                let reversed = held.into_iter().rev().collect();
                Some(replace(attribute, reversed))
            }
            4 if !held.is_empty() || !must => Some(replace(attribute, held)),
            _ => {
                let number = self.names.rng.u8(1..4);
                named.extend((0..number).map(|_| self.fresh(attribute)));
                Some(replace(attribute, named))
            }
        }
    }

    fn fresh(&mut self, attribute: &str) -> Vec<u8> {
        match attribute {
            "mail" => format!("m{}@example.com", self.names.number()).into_bytes(),
            "ref" => self.elsewhere(),
            "member" => {
                let somebody = vec![("cn".to_owned(), self.names.name())];
                let rdn = super::tree::rdn(&somebody, self.names.rng.bool());
                format!("{rdn},{NOWHERE}").into_bytes()
            }
            _ => self.names.text(),
        }
    }

    fn send_modify(&mut self, id: Id, modifications: Vec<Modification>) {
        let dn = self.begin(id, "modify");
        for Modification {
            operation,
            attribute,
            listed,
            after,
        } in modifications
        {
            self.ldif += &format!("{operation}: {attribute}\n");
            for value in &listed {
                self.ldif += &ldif::line(&attribute, value);
            }
            self.ldif += "-\n";
            self.log.push(format!(
                "{operation} {attribute} of {dn}: {} values",
                listed.len()
            ));
            let values = &mut self.tree.get_mut(id).values;
            if after.is_empty() {
                values.remove(&attribute);
            } else {
                values.insert(attribute, after);
            }
        }
    }
}

fn replace(attribute: &str, values: Vec<Vec<u8>>) -> Modification {
    Modification {
        operation: "replace",
        attribute: attribute.to_owned(),
        listed: values.clone(),
        after: values,
    }
}
