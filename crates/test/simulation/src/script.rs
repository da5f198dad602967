//! What a history orders: the steps of the provider, and the changes to the directory.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::directory::{Change, Directory, Entry, INSIDE, Id, OUTSIDE};

/// The steps that the provider has still to take in this life.
#[derive(Debug, Default)]
pub struct Script {
    pub steps: VecDeque<Step>,
    /// The versions to which the history gave a name.
    pub moments: BTreeMap<String, usize>,
    /// The end of the quiet step that the provider has begun.
    pub quiet_until: Option<Instant>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// The directory changes.
    Change(Deed),
    /// It changes before the next plain search is answered.
    AtSearch(Vec<Deed>),
    /// The present moment gets a name.
    Moment(String),
    /// Entries are sent as they are now or were then; those that are not shown are deleted.
    Send { ids: Vec<Id>, as_of: Option<String> },
    /// Ids of entries, present or deleted.
    Ids { ids: Vec<Id>, deleted: bool },
    /// A cookie and nothing else.
    Cookie,
    /// A present phase has ended, a delete phase follows.
    PhaseDone,
    /// The refresh stage has ended.
    Done { present: bool, cookie: bool },
    /// The next change of the persist stage.
    Tell,
    /// What was said so far is read before more is said.
    Pause,
    /// So long nothing is said.
    Quiet(Duration),
    /// A refresh without a cookie is asked for.
    RefreshRequired,
    /// The connection is lost.
    Cut,
}

/// A change as a history words it. DNs are those of its moment.
#[derive(Debug, Clone)]
pub enum Deed {
    /// `kind` is a word: how the entry is hidden, if it is.
    Add {
        id: Id,
        dn: String,
        kind: Option<String>,
    },
    Move {
        id: Id,
        dn: String,
    },
    Delete(Id),
    Text(Id, u8),
    Keep(Id, bool),
}

impl Script {
    /// Names are kept from one life to the next.
    pub fn go_on(&mut self, steps: Vec<Step>) {
        self.steps = steps.into();
        self.quiet_until = None;
    }

    pub fn is_over(&self) -> bool {
        self.steps.is_empty()
    }
}

impl Deed {
    /// The change to a directory, or `None` if the directory lacks a parent that the history names.
    pub fn change(&self, directory: &Directory) -> Option<Change> {
        Some(match self {
            Deed::Add { id, dn, kind } => {
                let is = |word: &str| kind.as_deref() == Some(word);
                let (parent, name) = place(directory, dn)?;
                let entry = Entry {
                    parent,
                    name,
                    text: 0,
                    keep: !is("hidden"),
                    denied: is("denied"),
                    subentry: is("subentry"),
                };
                Change::Add { id: *id, entry }
            }
            Deed::Move { id, dn } => {
                let (parent, name) = place(directory, dn)?;
                Change::Move {
                    id: *id,
                    parent,
                    name,
                }
            }
            Deed::Delete(id) => Change::Delete(*id),
            Deed::Text(id, text) => Change::Text(*id, *text),
            Deed::Keep(id, keep) => Change::Keep(*id, *keep),
        })
    }
}

/// The DN that a history means: below the base, or below `out`.
pub fn whole_dn(dn: &str) -> String {
    match dn.strip_suffix(",out") {
        Some(dn) => format!("{dn},ou=out,dc=x"),
        None => format!("{dn},ou=in,dc=x"),
    }
}

fn place(directory: &Directory, dn: &str) -> Option<(Id, String)> {
    let (rdn, parent) = dn.split_once(',').unwrap_or((dn, ""));
    let parent = match parent {
        "" => INSIDE,
        "out" => OUTSIDE,
        parent => {
            let dn = whole_dn(parent);
            let is = |id: &&Id| match directory.alike {
                true => directory.dn(**id) == dn,
                false => directory.dn(**id).eq_ignore_ascii_case(&dn),
            };
            *directory.entries.keys().find(is)?
        }
    };
    Some((parent, rdn.strip_prefix("cn=")?.to_owned()))
}
