//! What becomes of each attribute: whether the sink is told of it, under which name, and without its values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use syncrepl_proto::dn;
use syncrepl_proto::secret::{MASK, is_secret, without_options};

/// More names than these are looked up anew: a provider may send any number of them.
const REMEMBERED: usize = 1000;

/// One name for all names of the attribute type.
pub(super) fn type_of(name: &str) -> Cow<'static, str> {
    dn::type_name(without_options(name))
}

/// What was configured, checked. Names are in lower case and without options.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    /// The types that are told; `None` for all.
    pub(super) only: Option<BTreeSet<String>>,
    /// New names by old ones.
    pub(super) rename: BTreeMap<String, String>,
    /// The types whose values are not told.
    pub(super) mask: BTreeSet<String>,
    /// The secret attributes that are told like others, named as the journal knows them.
    pub(super) unmask: BTreeSet<String>,
}

impl Rules {
    /// Whether the journal does not hold its values.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        is_secret(name)
            && !self
                .unmask
                .contains(&without_options(name).to_ascii_lowercase())
    }

    /// Whether `mask` names it.
    pub(super) fn masks(&self, name: &str) -> bool {
        !self.mask.is_empty() && self.mask.contains(&*type_of(name))
    }

    fn hides(&self, name: &str) -> bool {
        self.masks(name) || self.is_secret(name)
    }

    fn fate(&self, name: &str) -> Fate {
        let plain = without_options(name);
        let lower = plain.to_ascii_lowercase();
        let is_taken = |taken: &String| taken.eq_ignore_ascii_case(&lower);
        let (out, free) = match self.rename.get(&lower) {
            Some(new) => {
                let options = name.get(plain.len()..).unwrap_or_default();
                (Some([new, options].concat()), true)
            }
            None => (None, !self.rename.values().any(is_taken)),
        };
        let in_only = self
            .only
            .as_ref()
            .is_none_or(|only| only.contains(&*type_of(name)));
        Fate {
            told: in_only && free,
            hidden: self.hides(name),
            secret: self.is_secret(name),
            out,
        }
    }

    /// The DN as the sink is told it.
    fn dn(&self, dn: String) -> String {
        match dn::masked(&dn, |name| self.hides(name)) {
            Ok(Cow::Borrowed(_)) => dn,
            Ok(Cow::Owned(masked)) => masked,
            Err(_) if self.mask.is_empty() => dn,
            // What is in it, nobody knows.
            Err(_) => MASK.to_owned(),
        }
    }
}

/// What becomes of an attribute.
#[derive(Debug)]
pub(super) struct Fate {
    /// The sink is told of it.
    pub(super) told: bool,
    /// Its values are not told.
    pub(super) hidden: bool,
    /// The journal does not hold its values.
    pub(super) secret: bool,
    /// Its new name.
    out: Option<String>,
}

impl Fate {
    /// The name for the sink.
    pub(super) fn name(&self, name: String) -> String {
        self.out.clone().unwrap_or(name)
    }
}

/// The fates of all attributes.
#[derive(Debug, Default)]
pub(super) struct Fates {
    rules: Rules,
    /// By name and options as the provider spells them. An entry has the names of the one before, and to look for
    /// a secret takes longer than to remember.
    known: Mutex<HashMap<Box<str>, Arc<Fate>>>,
}

impl Clone for Fates {
    fn clone(&self) -> Self {
        Fates::new(self.rules.clone())
    }
}

impl Fates {
    pub(super) fn new(rules: Rules) -> Fates {
        Fates {
            rules,
            known: Mutex::default(),
        }
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether there are attributes of which the sink is told nothing.
    pub(super) fn limited(&self) -> bool {
        self.rules.only.is_some() || !self.rules.rename.is_empty()
    }

    /// The fate of the attribute with this description.
    pub(super) fn of(&self, name: &str) -> Arc<Fate> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fate) = known.get(name) {
            return Arc::clone(fate);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let fate = Arc::new(self.rules.fate(name));
        known.insert(name.into(), Arc::clone(&fate));
        fate
    }

    /// The DN as the sink is told it.
    pub(super) fn dn(&self, dn: String) -> String {
        self.rules.dn(dn)
    }
}
