//! Each event of the provider: its effect at once, and what it leaves for the end of the stage.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::message::Uris;
use syncrepl_proto::session::SyncEvent;
use syncrepl_proto::{Uuid, dn};

use super::agenda::When;
use super::change::{self, Difference, Statement};
use super::ledger::member;
use super::rules::Rule;
use super::stage::Work;
use super::values::with_name;
use crate::error::{Error, ErrorKind, Result};
use crate::store::records::{Attributes, Parked, Stored, attribute_list};

/// The most RDNs in a DN. The DN of each parent may be asked for and stored.
const DEEPEST: usize = 1000;

/// The most bytes that the DNs of an entry and of its parents may take, all together, if the DN is long.
/// slapd takes no DN of more than 8 KiB.
const LONGEST: usize = DEEPEST * 8192;

impl Work<'_> {
    /// Takes what the provider said of entries and references. Returns the cookie that came with it.
    pub(crate) fn take<'e>(&mut self, event: SyncEvent<'e>) -> Result<Option<&'e [u8]>> {
        match event {
            SyncEvent::Entry {
                uuid,
                dn,
                attributes,
                added,
                cookie,
            } => {
                self.stage.messages += 1;
                self.notice_told_again(uuid, added)?;
                let kept = attributes.without_any(self.except);
                let attributes = match &kept {
                    Some(kept) => attribute_list(kept)?,
                    None => attributes,
                };
                match self.is_hint(uuid, &attributes)? {
                    true => self.hint(uuid, dn)?,
                    false => self.entry(uuid, dn, attributes)?,
                }
                Ok(cookie)
            }
            SyncEvent::Reference { uuid, uris, cookie } => {
                self.stage.messages += 1;
                self.reference(uuid, Some(uris))?;
                Ok(cookie)
            }
            SyncEvent::Present { uuid, cookie } => {
                self.stage.messages += 1;
                self.present(uuid)?;
                Ok(cookie)
            }
            SyncEvent::Delete { uuid, cookie } => {
                self.stage.messages += 1;
                self.delete(uuid)?;
                Ok(cookie)
            }
            SyncEvent::IdSet {
                deleted,
                uuids,
                cookie,
            } => {
                for uuid in uuids.iter() {
                    self.stage.messages += 1;
                    if deleted {
                        self.delete(uuid)?;
                    } else {
                        self.present(uuid)?;
                    }
                }
                Ok(cookie)
            }
            SyncEvent::NewCookie(cookie) => {
                self.stage.hidden.only_cookie = true;
                Ok(Some(cookie))
            }
            SyncEvent::PhaseDone { cookie } => Ok(cookie),
            _ => Ok(None),
        }
    }

    /// The key of a DN that the provider sent.
    fn key_of(&self, dn: &str) -> Result<Vec<u8>> {
        let key = self.key(dn);
        // An RDN takes more than one byte, so most DNs need not be counted.
        if dn.len() <= DEEPEST {
            return Ok(key);
        }
        let depth = dn::depth(&key);
        let message = if depth > DEEPEST {
            format!("the provider sent an entry more than {DEEPEST} levels deep")
        } else if depth > 1 && depth.saturating_mul(dn.len()) > LONGEST {
            let bytes = dn.len();
            format!("the provider sent an entry {depth} levels deep with a DN of {bytes} bytes")
        } else {
            return Ok(key);
        };
        Err(Error::new(ErrorKind::Protocol, message))
    }

    /// The provider sent an entry that is looked up at the end of the group.
    fn hint(&mut self, uuid: Uuid, dn: &str) -> Result<()> {
        let dn_key = self.key_of(dn)?;
        self.notice_name(&dn_key)?;
        let known = self.apply.records().by_uuid(uuid)?;
        if known.is_none_or(|known| known.dn_key != dn_key) {
            self.notice_hinted_name(&dn_key)?;
        }
        self.stage.agenda.ask_where_named(uuid, dn.to_owned());
        Ok(())
    }

    /// The provider sent an entry, or a search showed it.
    pub(crate) fn entry(
        &mut self,
        uuid: Uuid,
        dn: &str,
        attributes: AttributeList<'_>,
    ) -> Result<()> {
        self.stage.named.unknown.remove(&uuid);
        let reference = match self.stage.any.references {
            true => self.apply.records().reference_id(uuid)?,
            false => None,
        };
        // In a refresh stage a referral object comes as a reference, so this is none.
        let referral = change::is_referral(&attributes)
            .unwrap_or(reference.is_some() && !self.stage.is_refresh());
        if referral {
            return self.reference(uuid, None);
        }
        if reference.is_some() {
            self.apply.records().delete_reference(uuid)?;
        }
        let dn_key = self.key_of(dn)?;
        let statement = Statement {
            uuid,
            dn,
            dn_key: &dn_key,
            attributes,
        };
        let may_be_new = self.stage.kind.is_full() && self.stage.any.after_new;
        if may_be_new && !self.stage.waiting.any() && self.add_if_new(&statement)? {
            return Ok(());
        }
        let known = self.apply.records().by_uuid(uuid)?;
        let does_not_wait = self.stage.is_about_the_end()
            && known
                .as_ref()
                .is_some_and(|known| !self.stage.waiting.may_hold(known.id));
        if !does_not_wait {
            self.leaves_wait(uuid, Some(&dn_key))?;
        }
        self.stage.any.after_new = known.is_none();
        if known.as_ref().is_none_or(|known| known.dn_key != dn_key) {
            self.notice_name(&dn_key)?;
        }
        self.notice_place(&statement)?;
        match known {
            None => self.new_entry(&statement),
            Some(known) => self.known_entry(known, &statement),
        }
    }

    /// Adds an entry that is new, its DN free; false when it is known, or its DN is held.
    fn add_if_new(&mut self, statement: &Statement<'_>) -> Result<bool> {
        if self.is_held(statement.dn_key)? {
            return Ok(false);
        }
        self.note_name_held(statement.dn_key);
        let Some(id) = self.apply.add(statement)? else {
            return Ok(false);
        };
        self.mark_added(id)?;
        Ok(true)
    }

    fn new_entry(&mut self, statement: &Statement<'_>) -> Result<()> {
        match self.add_if_new(statement)? {
            true => Ok(()),
            false => self.park(statement, None),
        }
    }

    pub(crate) fn is_held(&self, dn_key: &[u8]) -> Result<bool> {
        Ok(self.apply.records().holder(dn_key, None)?.is_some())
    }

    /// A newer statement of an entry, or that it is gone: an older one waits no longer.
    fn leaves_wait(&mut self, uuid: Uuid, goes_to: Option<&[u8]>) -> Result<()> {
        if !self.stage.waiting.any() {
            return Ok(());
        }
        let awaited = self.apply.records().parked_dn(uuid)?;
        let waits = awaited.is_some();
        let awaited = awaited.map(|dn| self.key(&dn));
        if let Some(key) = &awaited {
            self.notice_awaited_name(key, goes_to)?;
        }
        self.notice_left_name(uuid, awaited, goes_to)?;
        if waits {
            self.waits_no_longer(uuid)?;
        }
        Ok(())
    }

    pub(crate) fn mark_added(&mut self, id: i64) -> Result<()> {
        self.stage.ledger.present.insert(member(id));
        self.stage.ledger.stated.insert(member(id));
        self.stage.ledger.new.insert(member(id));
        self.notice_soon_after_refresh(id);
        self.stage.hidden.placed.insert(member(id));
        self.note_shown_or_told(id)
    }

    fn known_entry(&mut self, known: Stored, statement: &Statement<'_>) -> Result<()> {
        let id = member(known.id);
        self.stage.ledger.present.insert(id);
        self.stage.ledger.gone.remove(id);
        self.stage.agenda.answered(id);
        // Of two keys each is that of another name.
        let moves = known.dn_key != statement.dn_key
            || change::dn_difference(&known.dn, statement.dn) == Difference::Meaning;
        if moves && !self.stage.is_about_the_end() && self.is_shown(known.id)? {
            // This DN may be older than the one that a search showed. It is taken for now, because
            // later messages may name entries below it; at the end of the group it is asked for again.
            if !self.lacks(Rule::ShownMovesInStream) {
                self.stage.agenda.ask_where(id, When::Now);
            }
        } else {
            self.note_shown_or_told(known.id)?;
        }
        let doubted = self.doubts_values(&known, statement)?;
        // If only the spelling of the DN differs, it stays as it was told: a copy keyed by DN has to
        // find the entry there with the next event.
        if !moves {
            self.stage.ledger.stated.insert(id);
            self.notice_name(&known.dn_key)?;
            return match doubted {
                true => Ok(()),
                false => self.apply.restate(&known, statement.attributes),
            };
        }
        if self.stage.is_about_the_end() {
            // Renames wait for the end of the stage. Only then is it known what became of the record
            // that holds the DN, and of what lies below.
            if self.stage.is_refresh() {
                self.notice_stated_children(&known, statement.dn_key)?;
            }
            self.stage.ledger.stated.insert(id);
            return self.park(statement, Some(&known));
        }
        self.notice_soon_after_refresh(known.id);
        self.stage.hidden.placed.insert(id);
        let mut parked = parked(statement, Some(&known));
        if doubted {
            parked.attributes = Attributes::Stated(with_name(&known, statement)?);
        }
        if self
            .apply
            .records()
            .holder(statement.dn_key, Some(known.id))?
            .is_some()
        {
            return self.let_wait(&parked);
        }
        self.move_record(known, &parked, &mut Vec::new())
    }

    fn park(&mut self, statement: &Statement<'_>, known: Option<&Stored>) -> Result<()> {
        self.let_wait(&parked(statement, known))
    }

    /// A reference was sent, or a referral object whose URLs are not known.
    pub(crate) fn reference(&mut self, uuid: Uuid, uris: Option<Uris<'_>>) -> Result<()> {
        self.stage.named.unknown.remove(&uuid);
        self.stage.any.references = true;
        let urls = uris.map(|uris| uris.as_bytes());
        let id = self.apply.records().set_reference(uuid, urls)?;
        self.stage.named.references.insert(member(id));
        if let Some(known) = self.apply.records().by_uuid(uuid)? {
            // It was a record until now. A search no longer shows it as one.
            self.delete_record(&known)?;
        }
        Ok(())
    }

    /// The provider named an entry or a reference as present.
    pub(crate) fn present(&mut self, uuid: Uuid) -> Result<()> {
        if let Some(id) = self.apply.records().id_of(uuid)? {
            self.stage.ledger.present.insert(member(id));
            self.stage.ledger.gone.remove(member(id));
        } else if let Some(id) = self.apply.records().reference_id(uuid)? {
            self.stage.named.references.insert(member(id));
        } else if self.stage.is_refresh() && !self.apply.records().is_parked(uuid)? {
            self.stage.named.unknown(uuid);
        }
        Ok(())
    }

    /// The provider said that an entry or a reference is gone. If it was never there, nothing is told.
    pub(crate) fn delete(&mut self, uuid: Uuid) -> Result<()> {
        self.stage.named.unknown.remove(&uuid);
        self.leaves_wait(uuid, None)?;
        if self.stage.any.references && self.apply.records().delete_reference(uuid)? {
            return Ok(());
        }
        let Some(known) = self.apply.records().by_uuid(uuid)? else {
            return Ok(());
        };
        let id = member(known.id);
        self.stage.ledger.present.remove(id);
        self.stage.ledger.stated.remove(id);
        // In a refresh stage the provider may still send the entry; and children are deleted before
        // their parents.
        if self.stage.is_about_the_end() {
            self.stage.ledger.gone.insert(id);
            return Ok(());
        }
        // An entry that came just now may have brought others, and the filter may hide it from here on.
        let came = !self.shows_parents
            && self.stage.ledger.new.contains(id)
            && !self.lacks(Rule::NewAndGoneUnseen);
        if !came {
            self.stage.ledger.new.remove(id);
        }
        if came || self.apply.records().any_below(&known.dn_key)? {
            self.stage.ledger.gone.insert(id);
            return Ok(());
        }
        self.delete_record(&known)
    }
}

fn parked(statement: &Statement<'_>, known: Option<&Stored>) -> Parked {
    let attributes = statement.attributes.as_bytes();
    Parked {
        uuid: statement.uuid,
        id: known.map(|known| known.id),
        dn: statement.dn.to_owned(),
        dn_key: statement.dn_key.to_vec(),
        attributes: match known {
            Some(known) if known.attributes == attributes => Attributes::Same,
            _ => Attributes::Stated(attributes.to_vec()),
        },
    }
}
