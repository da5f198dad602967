//! The orders of a history: the steps of the provider, and the changes to the directory.

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
    /// The directory changes before the provider answers the next plain search.
    AtSearch(Vec<Deed>),
    /// The history gives the present moment a name.
    Moment(String),
    /// The provider sends entries as they are now, or were at a moment. It deletes those that the
    /// search did not show then.
    Send { ids: Vec<Id>, as_of: Option<String> },
    /// The provider sends a set of ids, present or deleted.
    Ids { ids: Vec<Id>, deleted: bool },
    /// The provider sends a cookie and nothing else.
    Cookie,
    /// The provider ends a present phase; a delete phase follows.
    PhaseDone,
    /// The provider ends the refresh stage.
    Done { present: bool, cookie: bool },
    /// The provider tells the next change of the persist stage.
    Tell,
    /// The provider waits until the consumer has read everything.
    Pause,
    /// The provider is silent for so long.
    Quiet(Duration),
    /// The provider asks for a refresh without a cookie.
    RefreshRequired,
    /// The provider cuts the connection.
    Cut,
}

/// A change as a history words it. Its DNs hold at the moment of the change.
#[derive(Debug, Clone)]
pub enum Deed {
    /// `kind`: the word that says how the entry is hidden, or `None` for a visible one.
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
    /// Takes the steps of the next life. Moments keep their names.
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

/// Completes a DN of a history. It lies below the base, unless it ends in `,out`.
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
