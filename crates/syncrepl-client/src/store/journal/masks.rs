//! Which attributes the journal names without their values.

use std::cell::RefCell;
use std::collections::HashMap;

use syncrepl_proto::secret::{is_secret, without_options};

/// More names than these are looked up anew: a provider may send any number of them.
const REMEMBERED: usize = 1000;

/// The attributes whose values stay out of the journal: those that hold secrets, but for a few.
#[derive(Debug, Default)]
pub(super) struct Masks {
    /// These are not masked, with all their options.
    unmasked: Vec<String>,
    /// To look for a secret takes longer than to remember.
    known: RefCell<Known>,
}

/// Names and whether they are masked. An entry has the names of the one before, as a rule in the same order.
#[derive(Debug, Default)]
struct Known {
    names: Vec<(Box<[u8]>, bool)>,
    /// Where the next name is in that order.
    next: usize,
    /// Where each name is.
    index: HashMap<Box<[u8]>, usize>,
}

impl Known {
    fn find(&mut self, name: &[u8]) -> Option<bool> {
        let is_at = |at: &usize| self.names.get(*at).is_some_and(|known| *known.0 == *name);
        let likely = [self.next, 0].into_iter().find(is_at);
        let at = likely.or_else(|| self.index.get(name).copied())?;
        self.next = at + 1;
        self.names.get(at).map(|known| known.1)
    }

    fn add(&mut self, name: &[u8], hides: bool) {
        if self.names.len() >= REMEMBERED {
            *self = Known::default();
        }
        self.index.insert(name.into(), self.names.len());
        self.names.push((name.into(), hides));
        self.next = self.names.len();
    }
}

impl Masks {
    pub(super) fn new(unmasked: &[String]) -> Self {
        Masks {
            unmasked: unmasked.to_vec(),
            known: RefCell::default(),
        }
    }

    /// Whether the values of the attribute of this name stay out of the journal.
    pub(super) fn hides(&self, name: &[u8]) -> bool {
        let mut known = self.known.borrow_mut();
        if let Some(hides) = known.find(name) {
            return hides;
        }
        let hides = match std::str::from_utf8(name) {
            Ok(text) => self.looks_secret(text),
            Err(_) => true,
        };
        known.add(name, hides);
        hides
    }

    fn looks_secret(&self, name: &str) -> bool {
        let bare = without_options(name);
        let is_it = |other: &String| other.eq_ignore_ascii_case(bare);
        is_secret(name) && !self.unmasked.iter().any(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_unless_named() {
        let masks = Masks::new(&["ntUserPassword".to_owned()]);
        for _ in 0..2 {
            assert!(masks.hides(b"userPassword"));
            assert!(masks.hides(b"2.5.4.35;x-a"));
            assert!(!masks.hides(b"NTuserPASSWORD;x-a"));
            assert!(!masks.hides(b"cn"));
        }
        for n in 0..3 * REMEMBERED {
            assert!(!masks.hides(format!("x{n}").as_bytes()));
        }
        assert!(masks.known.borrow().names.len() <= REMEMBERED);
    }
}
