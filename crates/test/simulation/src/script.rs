//! What the provider does in a history: step by step, whenever the consumer waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use syncrepl_proto::sync::{EntryState, SyncInfo, SyncMode};

use crate::connection::Sync;
use crate::directory::{Change, Directory, Entry, INSIDE, Id, OUTSIDE, Values};
use crate::world::World;

/// What is left to do in this life.
#[derive(Debug, Default)]
pub struct Script {
    pub steps: VecDeque<Step>,
    /// The versions that were given a name.
    moments: BTreeMap<String, usize>,
    quiet_until: Option<Instant>,
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

/// What a step came to.
enum Played {
    Said,
    Pause,
    Quiet(Instant),
    Over,
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

impl World {
    /// The consumer waits on a connection: what [`Stream::wait`](syncrepl_client::Stream::wait) says.
    pub fn wait_for_script(&mut self, number: u64, deadline: Option<Instant>) -> bool {
        loop {
            let Some(connection) = self.connections.get(&number) else {
                return true;
            };
            let something = connection.closed || !connection.outbox.is_empty();
            let Some(mut sync) = connection.sync.clone() else {
                if !something {
                    self.pass_until(deadline);
                }
                return something;
            };
            let played = self.play(number, &mut sync, something);
            if let Some(connection) = self.connections.get_mut(&number)
                && connection.sync.is_some()
            {
                let goes_on = sync.persist || !sync.ended;
                connection.sync = Some(sync).filter(|_| goes_on);
            }
            match played {
                Played::Said => {}
                Played::Pause | Played::Quiet(_) | Played::Over if something => return true,
                Played::Pause => {}
                Played::Quiet(until) => {
                    self.pass_until(Some(deadline.map_or(until, |deadline| deadline.min(until))));
                    return false;
                }
                Played::Over => {
                    self.pass_until(deadline);
                    return false;
                }
            }
        }
    }

    /// Takes the next step. `said`: whether something is still to be read.
    fn play(&mut self, number: u64, sync: &mut Sync, said: bool) -> Played {
        let now = self.now();
        let Some(script) = &mut self.script else {
            return Played::Over;
        };
        match script.steps.front() {
            None => return Played::Over,
            // The consumer searches once it has read what was said, if it does.
            Some(Step::AtSearch(_)) if said => return Played::Pause,
            Some(Step::Quiet(time)) => {
                let until = *script.quiet_until.get_or_insert(now + *time);
                if now < until {
                    return Played::Quiet(until);
                }
                script.quiet_until = None;
            }
            Some(_) => {}
        }
        let Some(step) = script.steps.pop_front() else {
            return Played::Over;
        };
        self.take_step(number, sync, step)
    }

    fn take_step(&mut self, number: u64, sync: &mut Sync, step: Step) -> Played {
        let message = sync.message;
        match step {
            Step::Pause => return Played::Pause,
            Step::Quiet(_) => {}
            Step::Change(deed) => self.deed(&deed),
            Step::AtSearch(deeds) => deeds.iter().for_each(|deed| self.deed(deed)),
            Step::Moment(name) => {
                let newest = self.versions.len() - 1;
                if let Some(script) = &mut self.script {
                    script.moments.insert(name, newest);
                }
            }
            Step::Send { ids, as_of } => {
                let view = self.as_of(sync, as_of.as_deref());
                for id in ids {
                    match view.is_shown(id, &self.options.search) {
                        true => self.entry_of(number, message, id, &view, (Values::All, None)),
                        false => self.bare(number, message, id, EntryState::Delete, None),
                    }
                }
            }
            Step::Ids { ids, deleted } => self.id_set(number, message, &ids, deleted),
            Step::Cookie => {
                let cookie = self.cookie_of(sync.told).encode(self.options.profile);
                self.info(number, message, SyncInfo::NewCookie(&cookie));
            }
            Step::PhaseDone => {
                let end = SyncInfo::RefreshPresent {
                    cookie: None,
                    refresh_done: false,
                };
                self.info(number, message, end);
            }
            Step::Done { present, cookie } => {
                let bytes = self.cookie_of(sync.told).encode(self.options.profile);
                let cookie = cookie.then_some(bytes.as_slice());
                self.log(format_args!(
                    "  done present={present} cookie={}",
                    cookie.is_some()
                ));
                self.done(number, sync, present, cookie);
                sync.ended = sync.mode == SyncMode::RefreshOnly;
            }
            Step::Tell if sync.persist && sync.told + 1 < self.lineage.len() => {
                sync.told += 1;
                self.persist(number, sync);
            }
            Step::Tell => self.finding("the history has nothing to tell"),
            Step::RefreshRequired => {
                self.facts.refresh_required += 1;
                self.result(number, message, 4096, "");
                sync.ended = true;
                sync.persist = false;
            }
            Step::Cut => {
                self.facts.faulted = true;
                self.close(number);
            }
        }
        Played::Said
    }

    /// The directory as it is, or as it was at a moment that has a name.
    fn as_of(&mut self, sync: &Sync, name: Option<&str>) -> Arc<Directory> {
        let moments = self.script.as_ref().map(|script| &script.moments);
        let version = match name {
            None => Some(self.versions.len() - 1),
            Some("start") => Some(self.lineage[sync.told]),
            Some(name) => moments.and_then(|moments| moments.get(name)).copied(),
        };
        if version.is_none() {
            self.finding(format_args!("the history knows no moment {name:?}"));
        }
        self.versions[version.unwrap_or(0)].directory.clone()
    }

    /// What the history has to happen before a plain search is answered.
    pub fn before_search(&mut self) {
        let steps = self.script.as_mut().map(|script| &mut script.steps);
        if let Some(steps) = steps
            && let Some(Step::AtSearch(deeds)) = steps.front()
        {
            let deeds = deeds.clone();
            steps.pop_front();
            deeds.iter().for_each(|deed| self.deed(deed));
        }
    }

    /// Makes a change, which a server has to allow.
    pub fn deed(&mut self, deed: &Deed) {
        let directory = self.directory();
        let change = change(&directory, deed);
        let next = change.as_ref().and_then(|change| directory.after(change));
        match change.zip(next) {
            Some((change, next)) => self.make(change, next, 1),
            None => self.finding(format_args!("the history cannot do this: {deed:?}")),
        }
    }
}

fn change(directory: &Directory, deed: &Deed) -> Option<Change> {
    Some(match deed {
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
