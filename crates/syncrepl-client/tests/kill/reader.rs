//! A reader of the journal that holds what the rows tell it, and is never told of a kill.

use std::collections::BTreeMap;
use std::path::Path;

use syncrepl_client::journal::{JournalOp, JournalSettings, OwnedAttributes, Seq};
use syncrepl_client::{Store, Uuid};

/// The reader has to have all values to compare.
pub fn settings() -> JournalSettings {
    let mut settings = JournalSettings::default();
    settings.image_max = 64 << 20;
    settings.unmasked = vec!["userPassword".to_owned()];
    settings
}

/// Entries by entryUUID: the DN, and the attributes.
type Entries = BTreeMap<Uuid, (String, OwnedAttributes)>;

/// It begins with the copy as it is.
pub struct Reader {
    held: Entries,
    at: Seq,
}

fn copy(store: &Store) -> Entries {
    let records = store.records_after(0, usize::MAX, usize::MAX);
    let records = records.expect("the records").into_iter();
    let entry = |(_, record): (i64, syncrepl_client::OwnedRecord)| {
        let attributes = OwnedAttributes::from(record.attrs());
        (record.uuid(), (record.dn().to_owned(), attributes))
    };
    records.map(entry).collect()
}

impl Reader {
    pub fn of(data: &Path) -> Reader {
        let store = Store::open(data).expect("the store opens");
        let at = store.journal_head().expect("the journal");
        Reader {
            held: copy(&store),
            at,
        }
    }

    /// Reads on to the end. Then it holds what the copy does.
    pub fn assert_equal(&mut self, data: &Path) {
        let store = Store::open(data).expect("the store opens");
        let rows = store.journal_rows(self.at, usize::MAX, usize::MAX);
        let rows = rows.expect("the journal");
        let told = |op| op != JournalOp::Refreshed;
        assert!(rows.iter().any(|row| told(row.op)), "nothing has happened");
        let mut last = self.at;
        for row in rows {
            assert!(row.seq > last && row.op != JournalOp::Marker, "{row:?}");
            last = row.seq;
            if row.op == JournalOp::Refreshed {
                continue;
            }
            let dn = row.dn.clone().expect("a DN");
            let held = self.held.remove(&row.uuid);
            let attributes = match (row.op, held) {
                (JournalOp::Delete, Some(_)) => continue,
                (JournalOp::Add, None) => row.after.expect("the attributes"),
                (JournalOp::Change | JournalOp::Rename, Some((was, attributes))) => {
                    assert_eq!(row.old_dn.as_ref().unwrap_or(&dn), &was);
                    let changes = row.diff.iter().flat_map(|diff| diff.iter());
                    let changes = changes.map(|change| change.to_diff());
                    let after = attributes.as_list().with_diff(changes);
                    after.expect("a difference")
                }
                (op, held) => panic!("{op:?} of {dn}, which was {held:?}"),
            };
            self.held.insert(row.uuid, (dn, attributes));
        }
        self.at = last;
        let copy = copy(&store);
        assert_eq!(
            Vec::from_iter(self.held.keys()),
            Vec::from_iter(copy.keys())
        );
        for (held, entry) in self.held.values().zip(copy.values()) {
            assert_eq!(held.0, entry.0);
            assert!(held.1.as_list().same(&entry.1.as_list()), "{}", entry.0);
        }
    }
}
