//! A store with a journal, and changes that are told to it.

use syncrepl_proto::attributes::AttributeList;

use super::super::journal::{
    Cause, JournalLimits, JournalOp, JournalRow, JournalSettings, Seq, Told,
};
use super::super::{Store, Writer};
use super::{Fixture, uuid};
use crate::record::{Attributes, Record};

/// The attributes of an entry, in BER.
pub(super) fn attributes(named: &[(&str, &[&str])]) -> Vec<u8> {
    AttributeList::encode(
        named
            .iter()
            .map(|(name, values)| (*name, values.iter().map(|value| value.as_bytes()).collect())),
    )
}

pub(super) fn list(bytes: &[u8]) -> Attributes<'_> {
    Attributes::decode(bytes).unwrap()
}

/// A store with a journal.
pub(super) fn journaled(settings: &JournalSettings) -> (Fixture, Writer) {
    let fixture = Fixture::new();
    let mut writer = fixture.writer();
    assert!(writer.journal_on(settings).unwrap());
    (fixture, writer)
}

pub(super) fn limits(marker: u64, prune: u64) -> JournalLimits {
    JournalLimits { marker, prune }
}

pub(super) fn add(writer: &Writer, n: u8, dn: &str, attrs: &[u8]) {
    let record = Record::new(uuid(n), dn, list(attrs));
    writer.note_told(Told::Add(&record)).unwrap();
}

pub(super) fn change(writer: &Writer, n: u8, dn: &str, old: &[u8], new: &[u8]) {
    let old = &Record::new(uuid(n), dn, list(old));
    let new = &Record::new(uuid(n), dn, list(new));
    writer.note_told(Told::Change { old, new }).unwrap();
}

pub(super) fn rename(writer: &Writer, n: u8, old_dn: &str, dn: &str) {
    let attrs = attributes(&[]);
    let record = &Record::new(uuid(n), dn, list(&attrs));
    writer.note_told(Told::Rename { old_dn, record }).unwrap();
}

pub(super) fn delete(writer: &Writer, n: u8, dn: &str, attrs: &[u8]) {
    let record = Record::new(uuid(n), dn, list(attrs));
    writer.note_told(Told::Delete(&record)).unwrap();
}

pub(super) fn begin_refresh(writer: &mut Writer, cause: Cause, first: bool) {
    writer.begin_stage().unwrap();
    writer.journal().unwrap().begin_stage(cause, first);
}

pub(super) fn rows(store: &Store) -> Vec<JournalRow> {
    store
        .journal_rows(Seq::ZERO, usize::MAX, usize::MAX)
        .unwrap()
}

pub(super) fn ops(store: &Store) -> Vec<JournalOp> {
    rows(store).iter().map(|row| row.op).collect()
}
