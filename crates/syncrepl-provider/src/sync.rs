//! A sync search (RFC 4533): its refresh stage, its persist stage, its end.
//!
//! It runs in a thread of its own. The connection's thread can then read a Cancel meanwhile, and
//! passes it on through the inbox.

use std::sync::Arc;

use syncrepl_proto::control::Control;
use syncrepl_proto::message::{LdapResult, Message, NOTICE_OF_DISCONNECTION, Operation};
use syncrepl_proto::sync::{
    EntryState, SYNC_DONE, SYNC_INFO, SYNC_STATE, SyncDone, SyncInfo, SyncMode, SyncState, UuidSet,
};

use crate::changelog::Change;
use crate::cookie::{Cookie, Shape};
use crate::csn::Csn;
use crate::entry::View;
use crate::faults::{CookieFault, Extra, Fault, Meter, Moment};
use crate::inbox::{Inbox, Stop};
use crate::output::{Closed, Output, with_result};
use crate::plan::{self, Plan, Step};
use crate::refusal::{Refusal, code};
use crate::search::Query;
use crate::shared::{SearchId, Shared};

pub(crate) struct SyncSearch {
    pub(crate) shared: Arc<Shared>,
    pub(crate) output: Output,
    pub(crate) search: SearchId,
    pub(crate) query: Query,
    pub(crate) mode: SyncMode,
    pub(crate) cookie: Cookie,
    pub(crate) shape: Shape,
    pub(crate) inbox: Inbox,
    pub(crate) meter: Meter,
}

/// The name of an unsolicited notification that no client knows: an OID of the arc for examples.
const UNKNOWN_NOTICE: &str = "2.999.1";
/// A message ID that no client reaches.
const STRAY_ID: u32 = i32::MAX as u32;

impl SyncSearch {
    /// Runs the search to its end.
    pub(crate) fn run(mut self) {
        let id = self.search.1;
        let stop = match self.refresh() {
            Ok(()) if self.mode == SyncMode::RefreshAndPersist => self.persist(),
            Ok(()) => Stop::Done,
            Err(stop) => stop,
        };
        // After this call a Cancel finds no search. One may already be in the inbox.
        self.shared.unwatch(self.search);
        let _ = match &stop {
            Stop::Done | Stop::Abandoned => Ok(()),
            Stop::Refused(refusal) => with_result(refusal, |result| {
                self.output.answer(id, &Operation::SearchResultDone(result))
            }),
            Stop::Cancelled(cancel) => {
                let canceled = Operation::SearchResultDone(LdapResult::new(code::CANCELED));
                let _ = self.output.send(id, &canceled, &[]);
                self.output.answer(*cancel, &extended(0, None))
            }
        };
        for cancel in self.inbox.late_cancels() {
            let _ = self.output.answer(cancel, &extended(code::TOO_LATE, None));
        }
    }

    fn refresh(&mut self) -> Result<(), Stop> {
        let Plan {
            steps,
            cookie,
            tells_deletes,
        } = self.plan()?;
        self.moment(Moment::RefreshStart)?;
        let twice = !steps.is_empty() && self.takes(Extra::Duplicates);
        let mut early = cookie.clone().filter(|_| self.takes_early_cookie(&steps));
        let mut entries = 0;
        for (at, step) in steps.iter().enumerate() {
            if at == steps.len() / 2 {
                self.middle()?;
            }
            if matches!(step, Step::Entry(_)) {
                entries += 1;
                if entries > self.query.size_limit {
                    return Err(Stop::Refused(Refusal::new(code::SIZE_LIMIT_EXCEEDED, "")));
                }
            }
            self.inbox.check()?;
            let cookie = early.take().map(|csn| self.shape.write(&csn));
            self.step(step, cookie.as_deref())?;
            if twice {
                self.step(step, None)?;
            }
        }
        if steps.is_empty() {
            self.middle()?;
        }
        self.moment(Moment::RefreshEnd)?;
        let cookie = cookie.and_then(|csn| self.make_cookie(&csn));
        self.end_refresh(cookie.as_deref(), tells_deletes)
    }

    /// Plans the refresh stage and begins to follow the directory, under one lock: each change is
    /// either in the plan or comes through the inbox.
    fn plan(&self) -> Result<Plan, Stop> {
        let mut state = self.shared.lock();
        let plan = plan::plan(
            &self.shared.config,
            &state.directory,
            &self.query,
            self.cookie.clone(),
            &self.shared.faults,
        );
        if self.mode == SyncMode::RefreshAndPersist {
            state.follow(self.search);
        }
        plan.map_err(Stop::Refused)
    }

    /// Sends the message that ends the refresh stage.
    fn end_refresh(&mut self, cookie: Option<&[u8]>, tells_deletes: bool) -> Result<(), Stop> {
        let refresh_done = true;
        match self.mode {
            SyncMode::RefreshOnly => {
                let value = SyncDone {
                    cookie,
                    refresh_deletes: tells_deletes,
                };
                let value = value.encode();
                let op = Operation::SearchResultDone(LdapResult::new(0));
                self.send(&op, Some((SYNC_DONE, &value)))?;
            }
            SyncMode::RefreshAndPersist if tells_deletes => self.info(SyncInfo::RefreshDelete {
                cookie,
                refresh_done,
            })?,
            SyncMode::RefreshAndPersist => self.info(SyncInfo::RefreshPresent {
                cookie,
                refresh_done,
            })?,
        }
        Ok(self.output.flush()?)
    }

    /// Sends changes until the search ends.
    fn persist(&mut self) -> Stop {
        self.shared.persists(self.search);
        loop {
            let told = self.moment(Moment::Persist).and_then(|()| {
                let output = &self.output;
                match self.inbox.next(|| output.flush())? {
                    Some(change) => self.change(&change),
                    None => Ok(()),
                }
            });
            if let Err(stop) = told {
                return stop;
            }
        }
    }

    /// Sends one change as this search sees it: an entry that is added, modified or deleted, or a
    /// new cookie alone.
    fn change(&mut self, change: &Change) -> Result<(), Stop> {
        let cookie = self.make_cookie(&change.csn);
        let seen = |view: &Option<View>| view.as_ref().is_some_and(|view| self.query.matches(view));
        let (state, view) = match (seen(&change.before), seen(&change.after)) {
            (false, false) => {
                return match &cookie {
                    Some(cookie) => self.info(SyncInfo::NewCookie(cookie)),
                    None => Ok(()),
                };
            }
            (false, true) => (EntryState::Add, &change.after),
            (true, true) => (EntryState::Modify, &change.after),
            // An entry that left the content is deleted under its new DN.
            (true, false) if change.after.is_some() => (EntryState::Delete, &change.after),
            (true, false) => (EntryState::Delete, &change.before),
        };
        match view {
            Some(view) => self.entry(view, state, cookie.as_deref()),
            None => Ok(()),
        }
    }

    fn step(&mut self, step: &Step, cookie: Option<&[u8]>) -> Result<(), Stop> {
        match step {
            Step::Entry(view) => self.entry(view, EntryState::Add, cookie),
            Step::Ids(refresh_deletes, uuids) => {
                let set = UuidSet::encode(uuids.iter().copied());
                let Ok(uuids) = UuidSet::decode(&set) else {
                    return Ok(());
                };
                self.info(SyncInfo::SyncIdSet {
                    cookie,
                    refresh_deletes: *refresh_deletes,
                    uuids,
                })
            }
        }
    }

    fn entry(&mut self, view: &View, state: EntryState, cookie: Option<&[u8]>) -> Result<(), Stop> {
        let value = SyncState {
            state,
            uuid: view.entry.uuid,
            cookie,
        };
        let value = value.encode();
        let control = Control {
            oid: SYNC_STATE,
            critical: false,
            value: Some(&value),
        };
        let with_attributes = state != EntryState::Delete;
        let id = self.search.1;
        self.send_bytes(&self.query.message(id, view, with_attributes, &[control]))
    }

    fn info(&mut self, info: SyncInfo<'_>) -> Result<(), Stop> {
        let value = info.encode();
        let (name, value) = (Some(SYNC_INFO), Some(value.as_slice()));
        self.send(&Operation::IntermediateResponse { name, value }, None)
    }

    fn send(&mut self, op: &Operation<'_>, control: Option<(&str, &[u8])>) -> Result<(), Stop> {
        let control = control.map(|(oid, value)| Control {
            oid,
            critical: false,
            value: Some(value),
        });
        self.send_bytes(&Message::encode(self.search.1, op, control.as_slice()))
    }

    fn send_bytes(&mut self, message: &[u8]) -> Result<(), Stop> {
        match self.meter.admit(message.len()) {
            None => Ok(self.output.send_bytes(message)?),
            Some(length) => {
                self.output.cut(message.get(..length).unwrap_or_default());
                Err(Closed.into())
            }
        }
    }

    /// The cookie for a state, after any armed fault.
    fn make_cookie(&self, csn: &Csn) -> Option<Vec<u8>> {
        let fault = self.shared.faults.take(|fault| match fault {
            Fault::Cookie(CookieFault::Early) => None,
            Fault::Cookie(fault) => Some(*fault),
            _ => None,
        });
        match fault {
            None | Some(CookieFault::Early) => Some(self.shape.write(csn)),
            Some(CookieFault::LeftOut) => None,
            Some(CookieFault::WithoutCsn) => Some(self.shape.without_csn()),
            Some(CookieFault::SetBack(changes)) => {
                let back = self.shared.lock().directory.log.back(changes);
                Some(self.shape.write(back.as_ref().unwrap_or(csn)))
            }
        }
    }

    fn takes_early_cookie(&self, steps: &[Step]) -> bool {
        let fault = Fault::Cookie(CookieFault::Early);
        !steps.is_empty() && self.shared.faults.takes(&fault)
    }

    fn takes(&self, extra: Extra) -> bool {
        self.shared.faults.takes(&Fault::Extra(extra))
    }

    fn middle(&mut self) -> Result<(), Stop> {
        self.moment(Moment::RefreshMiddle)?;
        if self.takes(Extra::Unsolicited) {
            self.output
                .send(0, &extended(0, Some(UNKNOWN_NOTICE)), &[])?;
        }
        if self.takes(Extra::Stray) {
            let done = Operation::SearchResultDone(LdapResult::new(0));
            self.output.send(STRAY_ID, &done, &[])?;
        }
        if self.takes(Extra::Disconnection) {
            let notice = extended(code::UNAVAILABLE, Some(NOTICE_OF_DISCONNECTION));
            self.output.cut(&Message::encode(0, &notice, &[]));
            return Err(Closed.into());
        }
        Ok(())
    }

    /// Carries out the faults that are armed for this moment.
    fn moment(&mut self, now: Moment) -> Result<(), Stop> {
        let faults = &self.shared.faults;
        let releases = faults.releases();
        if faults.takes(&Fault::Stall(now)) {
            self.output.flush()?;
            while faults.releases() == releases {
                self.inbox.wait()?;
            }
        }
        let result = faults.take(|fault| match fault {
            Fault::Result(moment, code) if *moment == now => Some(*code),
            _ => None,
        });
        match result {
            Some(code) => Err(Stop::Refused(Refusal::new(code, "as it was arranged"))),
            None => Ok(()),
        }
    }
}

/// An ExtendedResponse with a result code and a name.
pub(crate) fn extended(code: u32, name: Option<&'static str>) -> Operation<'static> {
    Operation::ExtendedResponse {
        result: LdapResult::new(code),
        name,
        value: None,
    }
}
