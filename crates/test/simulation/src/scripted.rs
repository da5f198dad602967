//! The provider of a history: it takes the steps of the script whenever the consumer waits.

use std::sync::Arc;
use std::time::Instant;

use syncrepl_proto::sync::{EntryState, SyncInfo, SyncMode};

use crate::connection::Sync;
use crate::directory::{Directory, Id, Values};
use crate::script::{Deed, Step};
use crate::world::World;

/// The outcome of a look at the next step.
enum Played {
    Said,
    Pause,
    Quiet(Instant),
    Over,
}

impl World {
    /// The consumer waits on a connection. Returns the answer of
    /// [`Stream::wait`](syncrepl_client::Stream::wait).
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

    /// Takes the next step. `said`: the consumer has still something to read.
    fn play(&mut self, number: u64, sync: &mut Sync, said: bool) -> Played {
        let now = self.now();
        let Some(script) = &mut self.script else {
            return Played::Over;
        };
        match script.steps.front() {
            None => return Played::Over,
            // The consumer may search only after it has read everything.
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
        match step {
            Step::Pause => return Played::Pause,
            Step::Quiet(_) => {}
            Step::Change(deed) => self.deed(&deed),
            Step::AtSearch(deeds) => deeds.iter().for_each(|deed| self.deed(deed)),
            Step::Moment(name) => self.name_moment(name),
            Step::Send { ids, as_of } => {
                let view = self.as_of(sync, as_of.as_deref());
                self.send(number, sync.message, &ids, &view);
            }
            Step::Ids { ids, deleted } => self.id_set(number, sync.message, &ids, deleted),
            Step::Cookie => {
                let cookie = self.cookie_of(sync.told).encode(self.options.profile);
                self.info(number, sync.message, SyncInfo::NewCookie(&cookie));
            }
            Step::PhaseDone => {
                let end = SyncInfo::RefreshPresent {
                    cookie: None,
                    refresh_done: false,
                };
                self.info(number, sync.message, end);
            }
            Step::Done { present, cookie } => self.end_refresh(number, sync, present, cookie),
            Step::Tell => self.tell_next(number, sync),
            Step::RefreshRequired => {
                self.facts.refresh_required += 1;
                self.result(number, sync.message, 4096, "");
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

    fn name_moment(&mut self, name: String) {
        let newest = self.versions.len() - 1;
        if let Some(script) = &mut self.script {
            script.moments.insert(name, newest);
        }
    }

    /// Sends entries as a directory has them. The provider deletes those that its search would
    /// hide.
    fn send(&mut self, number: u64, message: u32, ids: &[Id], view: &Directory) {
        for &id in ids {
            match view.is_shown(id, &self.options.search) {
                true => {
                    let state = self.any_state();
                    self.entry_of(number, message, id, view, (state, Values::All, None));
                }
                false => self.bare(number, message, id, EntryState::Delete, None),
            }
        }
    }

    fn end_refresh(&mut self, number: u64, sync: &mut Sync, present: bool, cookie: bool) {
        let bytes = self.cookie_of(sync.told).encode(self.options.profile);
        self.log(format_args!("  done present={present} cookie={cookie}"));
        self.done(number, sync, present, cookie.then_some(bytes.as_slice()));
        sync.ended = sync.mode == SyncMode::RefreshOnly;
    }

    /// Tells the next change of the persist stage, which the history must have made.
    fn tell_next(&mut self, number: u64, sync: &mut Sync) {
        if sync.persist && sync.told + 1 < self.lineage.len() {
            sync.told += 1;
            self.persist(number, sync);
        } else {
            self.finding("the history has nothing to tell");
        }
    }

    /// The directory as it is, or as it was at a moment to which the history gave a name.
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

    /// Makes the changes that the history wants before the provider answers a plain search.
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

    /// Makes a change. A history with a change that a server would refuse is wrong, so that is a
    /// finding.
    pub fn deed(&mut self, deed: &Deed) {
        let directory = self.directory();
        let change = deed.change(&directory);
        let next = change.as_ref().and_then(|change| directory.after(change));
        match change.zip(next) {
            Some((change, next)) => self.make(change, next, 1),
            None => self.finding(format_args!("the history cannot do this: {deed:?}")),
        }
    }
}
