//! Below which names records may be held. A search that shows everything states each record once, and for
//! each it matters what is held below its old name: nothing, mostly. To look at a few bits for that costs
//! far less than to look at the store.

use syncrepl_proto::dn;

use super::stage::Work;
use crate::error::Result;

/// The number of bits: 128 KiB, whatever the size of the copy. For a hundred thousand names with something
/// below them, one look in ten is in vain.
const BITS: u64 = 1 << 20;

/// One bit for each name, found by its hash. A name whose bit is not set has nothing below it; the other
/// way round that is not certain.
#[derive(Debug, Default)]
pub(crate) struct Occupied {
    /// Nothing is known while it is empty.
    bits: Vec<u64>,
}

impl Occupied {
    /// A record is held by this name.
    fn note(&mut self, dn_key: &[u8]) {
        if self.bits.is_empty() {
            return;
        }
        let Some(above) = dn::parent_key(dn_key) else {
            return;
        };
        for hash in hashes(above) {
            let (word, bit) = place(hash);
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_hold_below(&self, dn_key: &[u8]) -> bool {
        let Some(hash) = hashes(dn_key).last() else {
            return true;
        };
        let (word, bit) = place(hash);
        self.bits.get(word).is_none_or(|word| word & bit != 0)
    }
}

/// The hash of each name in a key, from the root down to the whole key.
fn hashes(dn_key: &[u8]) -> impl Iterator<Item = u64> {
    // FNV-1a. A provider that makes names of one hash makes us look at the store, no more.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    dn::rdns_of_key(dn_key).map(move |rdn| {
        for byte in rdn {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash
    })
}

fn place(hash: u64) -> (usize, u64) {
    // The low bits of this hash depend on the last bytes alone.
    let bit = (hash ^ hash >> 32) % BITS;
    ((bit / 64) as usize, 1 << (bit % 64))
}

impl Work<'_> {
    /// Notes all names. From here on each record that is added or renamed has to be noted.
    pub(super) fn note_all_names(&mut self) -> Result<()> {
        let occupied = &mut self.stage.occupied;
        if occupied.bits.is_empty() {
            occupied.bits = vec![0; (BITS / 64) as usize];
            self.apply.records().keys(|key| occupied.note(key))?;
        }
        Ok(())
    }

    pub(super) fn note_name_held(&mut self, dn_key: &[u8]) {
        self.stage.occupied.note(dn_key);
    }

    /// Whether a record may be held below this name.
    pub(super) fn may_hold_below(&self, dn_key: &[u8]) -> bool {
        // Where names in other letters are told apart, records take other keys.
        let may = self.apply.writer.keys().any() || self.stage.occupied.may_hold_below(dn_key);
        // A name that was not noted would seldom show in the outcome, so every test looks for one.
        debug_assert!(may || !self.apply.records().any_below(dn_key).unwrap_or(false));
        may
    }

    /// Other keys were given to some records.
    pub(super) fn forget_names_held(&mut self) {
        self.stage.occupied = Occupied::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_something_below_them() {
        let mut occupied = Occupied::default();
        let key = |dn| dn::key(dn);
        assert!(occupied.may_hold_below(&key("ou=empty")));
        occupied.bits = vec![0; (BITS / 64) as usize];
        for dn in ["ou=a", "uid=1,ou=b", "uid=2,cn=y,ou=c"] {
            occupied.note(&key(dn));
        }
        for dn in ["", "ou=b", "ou=c", "cn=y,ou=c"] {
            assert!(occupied.may_hold_below(&key(dn)), "{dn}");
        }
        for dn in ["ou=a", "uid=1,ou=b", "cn=y,ou=b", "uid=2,cn=y,ou=c"] {
            assert!(!occupied.may_hold_below(&key(dn)), "{dn}");
        }
    }
}
