//! A callback that keeps a map by DN, to which every event must fit.

use std::collections::BTreeMap;

use syncrepl_client::{
    Attributes, BoundLdap, Callback, CallbackResult, Cursor, Items, Record, StopHandle,
};
use syncrepl_proto::dn;
use syncrepl_testing::StrictMap;

/// The last change of the recorded persist stages adds it.
const LAST: &str = "cn=last,dc=example,dc=com";

/// A DN as told, and the attributes as stored.
pub type Held = (String, Vec<u8>);

/// Keyed by normalised DN, because the consumer stores another spelling of a DN and does not tell of it.
pub type Copy = BTreeMap<Vec<u8>, Held>;

/// The row of a copy that a record makes.
pub fn row(record: &Record<'_>) -> (Vec<u8>, Held) {
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

/// When a run is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    RefreshDone,
    /// When the last live change is stored.
    AsRecorded,
}

#[derive(Default)]
pub struct Told {
    map: StrictMap<Vec<u8>, Held>,
    pub commits: usize,
    pub changes: usize,
    pub stop: Option<(Moment, StopHandle)>,
}

impl Told {
    pub fn of(copy: &Copy) -> Told {
        Told {
            map: copy.clone().into(),
            ..Told::default()
        }
    }

    fn stop_at(&self, now: Moment) {
        if let Some((_, stop)) = self.stop.as_ref().filter(|(moment, _)| *moment == now) {
            stop.please_stop();
        }
    }

    /// The map of the last commit.
    pub fn durable(&self) -> &Copy {
        self.map.committed()
    }
}

/// Whether the map holds what the record says.
fn same((dn, attributes): &Held, record: &Record<'_>) -> bool {
    dn::same_spelling_aside(dn, record.dn())
        && Attributes::decode(attributes).is_ok_and(|known| known.same(record.attrs()))
}

impl Callback for Told {
    fn bind_complete(&mut self, ldap: &mut BoundLdap<'_>, _: &Cursor<'_>) -> CallbackResult {
        // The recorded consumer asked this too, so the message IDs fit only if this one asks.
        ldap.whoami().map(drop).or_else(|error| match error.kind() {
            syncrepl_client::ErrorKind::Refused => Ok(()),
            _ => Err(error.into()),
        })
    }

    fn record_add(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.changes += 1;
        let (key, held) = row(record);
        self.map.add(key, held).unwrap();
        Ok(())
    }

    fn record_delete(&mut self, record: &Record<'_>, _: &Cursor<'_>) -> CallbackResult {
        self.changes += 1;
        let key = dn::key(record.dn());
        self.map.delete(&key, |held| same(held, record)).unwrap();
        Ok(())
    }

    fn record_rename(
        &mut self,
        old_dn: &str,
        record: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.changes += 1;
        let (from, to) = (dn::key(old_dn), dn::key(record.dn()));
        let renamed = |(_, attributes)| (record.dn().to_owned(), attributes);
        self.map.rename(&from, to, |_| true, renamed).unwrap();
        Ok(())
    }

    fn record_change(
        &mut self,
        old: &Record<'_>,
        new: &Record<'_>,
        _: &Cursor<'_>,
    ) -> CallbackResult {
        self.changes += 1;
        let (key, held) = row(new);
        self.map.change(key, |held| same(held, old), held).unwrap();
        Ok(())
    }

    fn refresh_done(&mut self, items: &Items<'_>, _: &Cursor<'_>) -> CallbackResult {
        assert_eq!(items.len(), self.map.now().len() as u64);
        self.stop_at(Moment::RefreshDone);
        Ok(())
    }

    fn committed(&mut self) {
        self.commits += 1;
        self.map.commit();
        if self.durable().contains_key(&dn::key(LAST)) {
            self.stop_at(Moment::AsRecorded);
        }
    }
}
