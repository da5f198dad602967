//! What a consumer was told, as a map by DN to which every event must fit.

use std::collections::BTreeMap;

use syncrepl_client::{
    Attributes, BoundLdap, Callback, CallbackResult, Cursor, Items, Record, StopHandle,
};
use syncrepl_proto::dn;

/// By normalised DN, since another spelling is stored and told to nobody: the DN, and the
/// attributes as stored.
pub type Copy = BTreeMap<Vec<u8>, (String, Vec<u8>)>;

/// What is in a record, to be put into a copy.
pub fn row(record: &Record<'_>) -> (Vec<u8>, (String, Vec<u8>)) {
    let attributes = record.attrs().as_bytes().to_vec();
    (dn::key(record.dn()), (record.dn().to_owned(), attributes))
}

/// The DNs at which two copies differ in more than spelling.
pub fn differences(one: &Copy, other: &Copy) -> Vec<String> {
    let alike = |key: &Vec<u8>| match (one.get(key), other.get(key)) {
        (Some((dn, ours)), Some((other, theirs))) => {
            let theirs = Attributes::decode(theirs);
            dn::same_spelling_aside(dn, other)
                && theirs.is_ok_and(|theirs| {
                    Attributes::decode(ours).is_ok_and(|ours| ours.same(&theirs))
                })
        }
        _ => false,
    };
    let keys = one.keys().chain(other.keys());
    let wrong = keys.filter(|key| !alike(key));
    wrong
        .map(|key| String::from_utf8_lossy(key).into_owned())
        .collect()
}

#[derive(Default)]
pub struct Told {
    /// As of the last commit, and with what was told since.
    pub durable: Copy,
    now: Copy,
    pub commits: usize,
    pub changes: usize,
    /// Used when a refresh is done.
    pub stop: Option<StopHandle>,
}

impl Told {
    pub fn of(copy: &Copy) -> Told {
        Told {
            durable: copy.clone(),
            now: copy.clone(),
            ..Told::default()
        }
    }
}

/// Whether this is what was known of the record.
fn same((dn, attributes): &(String, Vec<u8>), record: &Record<'_>) -> bool {
    dn::same_spelling_aside(dn, record.dn())
        && Attributes::decode(attributes).is_ok_and(|known| known.same(record.attrs()))
}

impl Callback for Told {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        // As when it was recorded: the message IDs have to fit.
        ldap.whoami().map(drop).or_else(|error| match error.kind() {
            syncrepl_client::ErrorKind::Refused => Ok(()),
            _ => Err(error.into()),
        })
    }

    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.changes += 1;
        let (key, value) = row(record);
        let before = self.now.insert(key, value);
        assert_eq!(before, None, "added where one is: {}", record.dn());
        Ok(())
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.changes += 1;
        let before = self.now.remove(&dn::key(record.dn()));
        assert!(same(&before.expect("what is deleted is there"), record));
        Ok(())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.changes += 1;
        let moved = self.now.remove(&dn::key(old_dn));
        let (_, attributes) = moved.expect("what is renamed is there");
        let moved = (record.dn().to_owned(), attributes);
        let before = self.now.insert(dn::key(record.dn()), moved);
        assert_eq!(before, None, "renamed to where one is: {}", record.dn());
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.changes += 1;
        let (key, value) = row(new);
        let before = self.now.insert(key, value);
        assert!(same(&before.expect("what is changed is there"), old));
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        assert_eq!(items.len(), self.now.len() as u64);
        self.stop.iter().for_each(StopHandle::please_stop);
        Ok(())
    }

    fn committed(&mut self) {
        self.commits += 1;
        self.durable = self.now.clone();
    }
}
