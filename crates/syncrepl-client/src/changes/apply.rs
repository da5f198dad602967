//! One change at a time: into the open transaction, then to the callback.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::{Uuid, dn};

use super::change::Statement;
use super::hashes::Hashes;
use crate::callback::Callback;
use crate::error::{CallbackResult, Error, ErrorKind, Result};
use crate::record::Record;
use crate::stop::StopHandle;
use crate::store::journal::Told;
use crate::store::records::{Records, Stored, attribute_list};
use crate::store::{Cursor, Items, Writer};

/// Stores changes and tells them.
pub(crate) struct Applier<'a> {
    pub(crate) writer: &'a Writer,
    pub(crate) callback: &'a mut dyn Callback,
    pub(crate) stop: &'a StopHandle,
    pub(crate) hashes: &'a mut Hashes,
}

impl Applier<'_> {
    pub(crate) fn records(&self) -> Records<'_> {
        Records::new(self.writer.connection())
    }

    /// Fails once a second stop request abandons the stage.
    pub(crate) fn heed_stop(&self) -> Result<()> {
        match self.stop.requests() > 1 {
            true => Err(stopped()),
            false => Ok(()),
        }
    }

    fn tell(
        &mut self,
        call: impl FnOnce(&mut dyn Callback, &Cursor<'_>) -> CallbackResult,
    ) -> Result<()> {
        self.heed_stop()?;
        let callback = &mut *self.callback;
        self.writer.with_cursor(|cursor| call(callback, cursor))
    }

    /// Tells one change of a record, counts it for the commit, and writes it to the journal.
    fn tell_change(
        &mut self,
        change: Told<'_>,
        call: impl FnOnce(&mut dyn Callback, &Cursor<'_>) -> CallbackResult,
    ) -> Result<()> {
        self.writer.note_told(change)?;
        self.tell(call)
    }

    /// Adds an entry whose DN is free. Returns its rowid, or `None` if it is not new: then nothing
    /// happens.
    pub(crate) fn add(&mut self, statement: &Statement<'_>) -> Result<Option<i64>> {
        let Statement {
            uuid,
            dn,
            dn_key,
            attributes,
        } = *statement;
        let (named, stored) = (self.writer.ids().to_name(), attributes.as_bytes());
        let added = self.records().insert(named, uuid, dn, dn_key, stored)?;
        let Some(id) = added else {
            return Ok(None);
        };
        self.writer.ids().given(id);
        self.writer.note(1, 0);
        self.hashes.look(&attributes);
        let record = Record::new(uuid, dn, attributes);
        let change = Told::Add(&record);
        self.tell_change(change, |callback, cursor| {
            callback.record_add(&record, cursor)
        })?;
        Ok(Some(id))
    }

    /// Stores the attributes that were stated for a record. Tells a change only if they differ in
    /// meaning: the order of attributes and values, the case of their names and empty lists mean
    /// nothing.
    pub(crate) fn restate(&mut self, known: &Stored, stated: AttributeList<'_>) -> Result<()> {
        if known.attributes == stated.as_bytes() {
            return Ok(());
        }
        let old = known.record()?;
        self.records().set_attributes(known.id, stated.as_bytes())?;
        self.hashes.look(&stated);
        if !old.attrs().same(&stated) {
            let new = Record::new(known.uuid, &known.dn, stated);
            let (old, new) = (&old, &new);
            self.tell_change(Told::Change { old, new }, |callback, cursor| {
                callback.record_change(old, new, cursor)
            })?;
        }
        Ok(())
    }

    /// entryDN (RFC 5020) follows from the DN: no provider sends it for an entry that goes along with its
    /// parent.
    pub(crate) fn restate_entry_dn(&mut self, known: &Stored) -> Result<()> {
        let attributes = attribute_list(&known.attributes)?;
        let shown = attributes.values("entryDN").next();
        if shown.is_none_or(|shown| shown == known.dn.as_bytes()) {
            return Ok(());
        }
        let restated = attributes.with_value("entryDN", known.dn.as_bytes());
        self.restate(known, attribute_list(&restated)?)
    }

    /// Deletes a record.
    pub(crate) fn delete(&mut self, known: &Stored) -> Result<()> {
        self.records().delete(known.id)?;
        self.writer.ids().freed(known.id);
        self.writer.note(0, 1);
        let record = known.record()?;
        self.tell_change(Told::Delete(&record), |callback, cursor| {
            callback.record_delete(&record, cursor)
        })
    }

    /// Gives a record another DN. Returns it as it is then.
    pub(crate) fn rename(&mut self, known: Stored, dn: &str, dn_key: &[u8]) -> Result<Stored> {
        self.records().set_dn(known.id, dn, dn_key)?;
        let renamed = Stored {
            dn: dn.to_owned(),
            dn_key: dn_key.to_vec(),
            ..known
        };
        let (record, old_dn) = (&renamed.record()?, &known.dn);
        self.tell_change(Told::Rename { old_dn, record }, |callback, cursor| {
            callback.record_rename(old_dn, record, cursor)
        })?;
        Ok(renamed)
    }

    pub(crate) fn refresh_done(&mut self, count: u64) -> Result<()> {
        let writer = self.writer;
        let items = Items::new(Records::new(writer.connection()), count);
        self.tell(|callback, cursor| callback.refresh_done(&items, cursor))
    }
}

/// The error of a stage that a second stop request abandoned.
pub(crate) fn stopped() -> Error {
    Error::new(
        ErrorKind::Stopped,
        "stopped before the refresh was complete; nothing was changed",
    )
}

/// A DN of its own for a record that has to give way: `entryUUID=…` below the base.
pub(crate) fn waiting_dn(uuid: Uuid, base: &str) -> (String, Vec<u8>) {
    let dn = if base.is_empty() {
        format!("entryUUID={uuid}")
    } else {
        format!("entryUUID={uuid},{base}")
    };
    let key = dn::key(&dn);
    (dn, key)
}
