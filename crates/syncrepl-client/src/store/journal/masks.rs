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
    /// An entry has the names of the one before, and to look for a secret takes longer than to remember.
    known: RefCell<HashMap<Box<str>, bool>>,
}

impl Masks {
    pub(super) fn new(unmasked: &[String]) -> Self {
        Masks {
            unmasked: unmasked.to_vec(),
            known: RefCell::default(),
        }
    }

    /// Whether the values of this attribute stay out of the journal.
    pub(super) fn hides(&self, name: &str) -> bool {
        let mut known = self.known.borrow_mut();
        if let Some(hides) = known.get(name) {
            return *hides;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let bare = without_options(name);
        let is_it = |other: &String| other.eq_ignore_ascii_case(bare);
        let hides = is_secret(name) && !self.unmasked.iter().any(is_it);
        known.insert(name.into(), hides);
        hides
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_unless_named() {
        let masks = Masks::new(&["ntUserPassword".to_owned()]);
        for _ in 0..2 {
            assert!(masks.hides("userPassword"));
            assert!(masks.hides("2.5.4.35;x-a"));
            assert!(!masks.hides("NTuserPASSWORD;x-a"));
            assert!(!masks.hides("cn"));
        }
        for n in 0..3 * REMEMBERED {
            assert!(!masks.hides(&format!("x{n}")));
        }
        assert!(masks.known.borrow().len() <= REMEMBERED);
    }
}
