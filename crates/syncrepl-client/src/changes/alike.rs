//! Names that differ in letter case alone. As a rule they are one name in two spellings; but an attribute
//! may be case-exact, as `automountKey` is, and the provider may not know of letters that Unicode folds.
//! Only the provider can tell: it shows two entries under the two spellings, or one.

use std::collections::BTreeSet;

use syncrepl_proto::{Uuid, dn};

use super::ask::Ask;
use super::stage::Work;
use crate::error::Result;

impl Work<'_> {
    /// Of each pair one entry waits for a name that the other holds. If the names differ in letter case
    /// alone, and the provider shows an entry under each, both may stay. Returns whether there was such a
    /// pair.
    pub(super) fn tell_apart(
        &mut self,
        conflicts: &BTreeSet<(Uuid, Uuid)>,
        ask: &mut dyn Ask,
    ) -> Result<bool> {
        let mut names = BTreeSet::new();
        for (waiting, holder) in conflicts {
            let waiting = self.apply.records().parked_dn(*waiting)?;
            let holder = self.apply.records().by_uuid(*holder)?;
            if let (Some(waiting), Some(holder)) = (waiting, holder)
                && let Some((key, [one, other])) = dn::alike(&waiting, &holder.dn)
            {
                names.insert((key, one.to_owned(), other.to_owned()));
            }
        }
        let mut apart = false;
        for (_, one, other) in names {
            let both = ask.named(&[one.clone(), other.clone()])?;
            let [Some(first), Some(second)] = both.as_slice() else {
                continue;
            };
            // Further up another name may be told apart by now, and this one with it.
            let keys = self.apply.writer.keys();
            if first.uuid != second.uuid && keys.of(&first.dn) == keys.of(&second.dn) {
                let key = keys.of(&one);
                let connection = self.apply.writer.connection();
                keys.tell_apart(connection, &key, [&one, &other])?;
                apart = true;
            }
        }
        Ok(apart)
    }

    /// Letter case counts no longer where one entry of two is left.
    pub(super) fn forget_alike(&mut self) -> Result<()> {
        let keys = self.apply.writer.keys();
        match keys.any() {
            true => keys.forget_unneeded(self.apply.writer.connection())?,
            false => return Ok(()),
        }
        self.forget_names_held();
        Ok(())
    }
}
