//! The questions that a statement puts while a stage runs. Three events matter, each when the statement
//! is read: parent P leaves a name, P is stated with a name, child C is placed below a name. A
//! provider tells nothing of what lies below a renamed entry, so the copy may hold C below the wrong
//! parent. The rules are listed in [`super::rules`].

use roaring::RoaringTreemap;
use syncrepl_proto::{Uuid, dn};

use super::agenda::When;
use super::change::Statement;
use super::ledger::{Ledger, member, rowid};
use super::rules::Rule;
use super::stage::Work;
use crate::error::Result;
use crate::store::records::Stored;

impl Work<'_> {
    /// In a refresh stage P is stated with another name. Child C that was stated below the old name
    /// before may have moved with P, or stayed below an entry that took its place: only the provider
    /// knows. A new C has no parent then, which is noticed by itself, unless P is only respelled.
    pub(crate) fn notice_stated_children(&mut self, known: &Stored, dn_key: &[u8]) -> Result<()> {
        if self.lacks(Rule::StatedBeforeParentLeft) || !self.may_hold_below(&known.dn_key) {
            return Ok(());
        }
        let respelled = known.dn_key == dn_key;
        let Ledger { stated, new, .. } = &self.stage.ledger;
        let agenda = &mut self.stage.agenda;
        if stated.is_empty() {
            return Ok(());
        }
        self.apply.records().below(&known.dn_key, |id| {
            let id = member(id);
            if stated.contains(id) && (respelled || !new.contains(id)) {
                agenda.ask_where(id, When::Now);
            }
        })
    }

    /// The provider tells of P, which the copy holds. P may have come into the base only now, and C
    /// with it: the stream says so; or a search was ahead and showed P earlier; or the last refresh
    /// stage stated P, which came while it ran, and had passed C. Then P counts as back.
    pub(crate) fn notice_told_again(&mut self, uuid: Uuid, added: bool) -> Result<()> {
        let refresh = self.stage.is_refresh();
        let may_be_fresh = refresh && !self.stage.ledger.fresh.is_empty();
        let may_be_back = may_be_fresh || self.stage.any.shown || added && !refresh;
        if !may_be_back || self.stage.kind.is_full() || self.lacks(Rule::ToldAgain) {
            return Ok(());
        }
        let Some(id) = self.apply.records().id_of(uuid)? else {
            return Ok(());
        };
        let came = match refresh {
            true => self.stage.ledger.fresh.contains(member(id)),
            false => added,
        };
        // The base itself brings nothing: what lies below it is the whole search.
        let is_base = self.apply.records().key_of(id)? == Some(dn::key(self.base));
        if !is_base && (came || self.is_shown(id)?) {
            self.stage.ledger.back.insert(member(id));
        }
        Ok(())
    }

    /// P is stated with a name that it had already, or takes now. P may have been renamed to it while
    /// the last refresh ran. That refresh read C before, and then C is held below the next holder of
    /// P's old name; or after, and then C is held below the former holder of this name. If no record
    /// had this name, a parent that the filter hides may have had it.
    pub(crate) fn notice_name(&mut self, dn_key: &[u8]) -> Result<()> {
        let full = self.stage.kind.is_full();
        if full || self.stage.searching || dn_key == dn::key(self.base) {
            return Ok(());
        }
        let by_hidden =
            !self.shows_parents && !self.lacks(Rule::BelowHiddenName) && !self.is_held(dn_key)?;
        let no_fresh = self.stage.ledger.fresh.is_empty() || self.lacks(Rule::FreshBelowStatedName);
        if !by_hidden && no_fresh {
            return Ok(());
        }
        let mut below = RoaringTreemap::new();
        self.apply.records().below(dn_key, |id| {
            below.insert(member(id));
        })?;
        if !by_hidden {
            below &= &self.stage.ledger.fresh;
        }
        self.stage.ask_where(below);
        Ok(())
    }

    /// A hint gives P a name, which P may have left by now. A search showed C below that name, perhaps
    /// while P had it.
    pub(crate) fn notice_hinted_name(&mut self, dn_key: &[u8]) -> Result<()> {
        if !self.stage.any.shown || self.lacks(Rule::ShownBelowHint) {
            return Ok(());
        }
        let mut below = RoaringTreemap::new();
        self.apply.records().below(dn_key, |id| {
            below.insert(member(id));
        })?;
        for id in below {
            if self.is_shown(rowid(id))? {
                self.stage.agenda.ask_where(id, When::Now);
            }
        }
        Ok(())
    }

    /// P waited for a name, and goes elsewhere or is gone. A search, or the last refresh, may have shown
    /// C below P there. C is held below the holder of that name, so it does not go with P.
    pub(crate) fn notice_awaited_name(&mut self, key: &[u8], goes_to: Option<&[u8]>) -> Result<()> {
        if goes_to == Some(key) || self.lacks(Rule::BelowAwaitedName) {
            return Ok(());
        }
        let mut below = RoaringTreemap::new();
        self.apply.records().below(key, |id| {
            below.insert(member(id));
        })?;
        for id in below {
            if self.may_be_of_another(id)? {
                self.stage.agenda.ask_where(id, When::Now);
            }
        }
        Ok(())
    }

    /// Whether the DN of a record may have been read below another holder of its parent's name.
    fn may_be_of_another(&self, id: u64) -> Result<bool> {
        let Ledger { stated, fresh, .. } = &self.stage.ledger;
        Ok(stated.contains(id) || fresh.contains(id) || self.is_shown(rowid(id))?)
    }

    /// In the stream P leaves a name, for another or for good. An entry that waits for a name below
    /// that one does not go along: at the end of the group the provider is asked where it is.
    pub(crate) fn notice_left_name(
        &mut self,
        uuid: Uuid,
        awaited: Option<Vec<u8>>,
        goes_to: Option<&[u8]>,
    ) -> Result<()> {
        if self.stage.is_about_the_end() || self.lacks(Rule::WaitsBelowLeftName) {
            return Ok(());
        }
        let records = self.apply.records();
        let held = records.by_uuid(uuid)?.map(|known| known.dn_key);
        for key in held.into_iter().chain(awaited) {
            if goes_to != Some(&key) {
                records.parked_below(&key, |uuid, dn| {
                    self.stage.agenda.ask_where_named(uuid, dn);
                })?;
            }
        }
        Ok(())
    }

    /// In the stream C is placed below a name whose holder has left it and waits for another name. C
    /// came after that, and does not go along.
    pub(crate) fn notice_place(&mut self, statement: &Statement<'_>) -> Result<()> {
        if self.shows_parents
            || !self.stage.waiting.any()
            || self.stage.is_about_the_end()
            || self.lacks(Rule::PlacedBelowLeavingName)
        {
            return Ok(());
        }
        let records = self.apply.records();
        let mut key = statement.dn_key;
        while let Some(parent) = dn::parent_key(key) {
            if let Some(holder) = records.holder(parent, None)?
                && records.parked_rename(holder)?.is_some()
            {
                self.stage.ledger.unsure.insert(statement.uuid);
                break;
            }
            key = parent;
        }
        Ok(())
    }

    /// For a while after a refresh stage the copy may hold parents by names that they leave only by
    /// what the stream has still to tell. The stream may place a record below such a name.
    pub(crate) fn notice_soon_after_refresh(&mut self, id: i64) {
        if self.stage.ledger.may_be_ahead
            && !self.stage.searching
            && !self.lacks(Rule::SentSoonAfterRefresh)
        {
            self.stage.ledger.fresh.insert(member(id));
            self.stage.ledger.fresh_placed.insert(member(id));
        }
    }

    /// Whether the simulation has taken out a rule.
    pub(crate) fn lacks(&self, rule: Rule) -> bool {
        self.stage.limits.without == Some(rule)
    }
}
