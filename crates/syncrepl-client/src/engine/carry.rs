//! The memory of one stage for the next: the fresh records and the open questions. Only this file
//! moves them into a [`Stage`] and out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use super::deadlines::{Deadlines, Due};
use crate::changes::hints::Lately;
use crate::changes::ledger::{member, rowid};
use crate::changes::rules::Limits;
use crate::changes::source::Kind;
use crate::changes::stage::Stage;
use crate::changes::waiting::Waiting;
use crate::error::{Error, ErrorKind, Result};
use crate::status;
use crate::store::records::Records;
use crate::store::{DAMAGED, Writer};

/// The provider tells a change that was made during a refresh stage at the beginning of the persist
/// stage, or in the next refresh stage. After this long in the persist stage it has told all of
/// them.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// The provider must be silent for this long before the engine asks the open questions. Messages
/// that it had still to send would be older than its answer.
const QUIET: Duration = Duration::from_secs(1);

/// The longest wait of an open question, because some providers never fall silent.
const QUIET_AT_MOST: Duration = Duration::from_secs(15);

/// So many messages have to lack values of an attribute, and most of those that would take some away. Some
/// are due to two writers at one moment, of which slapd sends the state in between.
const PROOF: u32 = 3;

/// More attributes than these are not counted.
const COUNTED: usize = 1000;

/// The fresh records and the open questions.
#[derive(Debug)]
pub(super) struct Carry {
    /// The records that the last refresh stage stated. The provider read each entry at a moment of
    /// its own, and the cookie stands for the beginning of the stage.
    fresh: RoaringTreemap,
    /// Until then the provider may tell a change that is older than a fresh record.
    fresh_until: Option<Instant>,
    /// The store holds fresh records.
    stores_fresh: bool,
    /// The records whose DNs the engine asks for once the provider is silent. The store keeps these
    /// questions too.
    quiet: RoaringTreemap,
    /// When the first of these questions arose.
    quiet_since: Option<Instant>,
    /// The entries whose values a search showed lately.
    lately: Lately,
    /// The attributes of which live messages lack values.
    lacked: BTreeSet<String>,
    /// How many messages would have taken values of an attribute away, and how many of them lacked them.
    counts: BTreeMap<String, (u32, u32)>,
}

impl Carry {
    pub(super) fn open(writer: &Writer) -> Result<Self> {
        let fresh = read(writer, status::FRESH)? | read(writer, status::FRESH_PLACED)?;
        Ok(Carry {
            stores_fresh: !fresh.is_empty(),
            fresh,
            fresh_until: None,
            quiet: read(writer, status::QUIET)?,
            quiet_since: None,
            lately: Lately::default(),
            lacked: read_lacked(writer)?,
            counts: BTreeMap::new(),
        })
    }

    /// Reads the state from the store, because the last transaction may have been rolled back.
    pub(super) fn read_again(&mut self, writer: &Writer) -> Result<()> {
        *self = Carry {
            fresh_until: self.fresh_until,
            lately: std::mem::take(&mut self.lately),
            counts: std::mem::take(&mut self.counts),
            ..Carry::open(writer)?
        };
        Ok(())
    }

    /// Hands the fresh records to a stage that begins at `now`, if they are still fresh then.
    pub(super) fn lend(&mut self, stage: &mut Stage, now: Instant) {
        let ledger = &mut stage.ledger;
        ledger.fresh = std::mem::take(&mut self.fresh);
        if stage.kind == Kind::Group {
            ledger.may_be_ahead = self.fresh_until.is_some_and(|until| now <= until);
            if !ledger.may_be_ahead {
                ledger.fresh.clear();
            }
            self.lately.forget(now);
            stage.hints.lately = std::mem::take(&mut self.lately);
            stage.hints.refuted = !self.lacked.is_empty();
        }
    }

    /// Takes the fresh records back from a group in which nothing happened and which is not
    /// committed.
    pub(super) fn take_back(&mut self, stage: &mut Stage) {
        self.fresh = std::mem::take(&mut stage.ledger.fresh);
        if stage.kind == Kind::Group {
            self.lately = std::mem::take(&mut stage.hints.lately);
        }
    }

    /// Keeps what a stage that ends at `now` leaves to the next, in its transaction.
    pub(super) fn keep(&mut self, stage: &mut Stage, writer: &Writer, now: Instant) -> Result<()> {
        if stage.is_refresh() {
            stage.ledger.stated_is_fresh();
        }
        let placed = std::mem::take(&mut stage.ledger.fresh_placed);
        self.take_back(stage);
        let expired = self.stores_fresh && self.fresh.is_empty();
        if stage.is_refresh() || expired {
            store(writer, status::FRESH, &self.fresh)?;
            store(writer, status::FRESH_PLACED, &RoaringTreemap::new())?;
        } else if !placed.is_empty() {
            let placed = placed | read(writer, status::FRESH_PLACED)?;
            store(writer, status::FRESH_PLACED, &placed)?;
        }
        self.stores_fresh = !self.fresh.is_empty();
        if stage.is_refresh() {
            self.fresh_until = now.checked_add(FRESH_FOR);
        }
        self.keep_hints(stage, writer, now)?;
        self.keep_quiet(&stage.agenda.quiet, writer)
    }

    /// Keeps what a group has learned of the values in live messages. A full refresh begins that anew.
    fn keep_hints(&mut self, stage: &mut Stage, writer: &Writer, now: Instant) -> Result<()> {
        for uuid in std::mem::take(&mut stage.hints.shown) {
            self.lately.note(uuid, now);
        }
        let mut lacked = BTreeSet::new();
        if !stage.kind.is_full() {
            lacked.clone_from(&self.lacked);
            self.count_lacked(stage);
            let most =
                |(_, (lost, lacks)): &(&String, &(u32, u32))| *lacks >= PROOF && lacks * 2 > *lost;
            lacked.extend(
                self.counts
                    .iter()
                    .filter(most)
                    .map(|(name, _)| name.clone()),
            );
        }
        if lacked == self.lacked {
            return Ok(());
        }
        let names = Vec::from_iter(lacked.iter().map(String::as_str)).join(" ");
        let stored = Some(names.as_bytes()).filter(|names| !names.is_empty());
        writer.set_setting(status::LACKED, stored)?;
        self.lacked = lacked;
        Ok(())
    }

    fn count_lacked(&mut self, stage: &mut Stage) {
        if self.counts.len() > COUNTED {
            self.counts.clear();
        }
        for name in std::mem::take(&mut stage.hints.lost) {
            self.counts.entry(name).or_default().0 += 1;
        }
        for name in std::mem::take(&mut stage.hints.lacked) {
            self.counts.entry(name).or_default().1 += 1;
        }
    }

    /// The attributes of which live messages lack values.
    pub(super) fn lacked(&self) -> &BTreeSet<String> {
        &self.lacked
    }

    /// Sets the deadline for the open questions, if there are any, after a message at `now`: once
    /// the provider has been quiet for [`QUIET`], or the first question has waited for
    /// [`QUIET_AT_MOST`].
    pub(super) fn wait_for_quiet(&mut self, deadlines: &mut Deadlines, now: Instant) {
        if self.quiet.is_empty() {
            return;
        }
        let since = *self.quiet_since.get_or_insert(now);
        let at_most = since.checked_add(QUIET_AT_MOST);
        deadlines.set(Due::Quiet, now.checked_add(QUIET).min(at_most));
    }

    /// Moves all open questions into a stage that ends, which asks them.
    pub(super) fn ask(
        &mut self,
        stage: &mut Stage,
        writer: &Writer,
        deadlines: &mut Deadlines,
    ) -> Result<()> {
        let quiet = self.take_quiet(writer, deadlines)?;
        stage.agenda.ask_what_was_quiet(quiet);
        Ok(())
    }

    /// Takes all open questions. They leave the store with the commit of the open transaction.
    fn take_quiet(&mut self, writer: &Writer, deadlines: &mut Deadlines) -> Result<RoaringTreemap> {
        deadlines.set(Due::Quiet, None);
        self.quiet_since = None;
        let quiet = std::mem::take(&mut self.quiet);
        store(writer, status::QUIET, &self.quiet)?;
        Ok(quiet)
    }

    fn keep_quiet(&mut self, found: &RoaringTreemap, writer: &Writer) -> Result<()> {
        if found.is_subset(&self.quiet) {
            return Ok(());
        }
        self.quiet |= found;
        store(writer, status::QUIET, &self.quiet)
    }
}

/// A new stage, filled from the store. Its transaction has just begun.
pub(super) fn new_stage(kind: Kind, limits: Limits, writer: &Writer) -> Result<Stage> {
    let mut stage = Stage::new(kind);
    stage.limits = limits;
    let records = Records::new(writer.connection());
    let any = records.any_of_each()?;
    stage.any.shown = any.shown;
    stage.waiting = Waiting::read(any.parked, records)?;
    stage.any.references = any.references;
    Ok(stage)
}

/// Notes that a search showed this entry, so that the stage takes it for present.
pub(super) fn note_present(stage: &mut Stage, records: Records<'_>, uuid: Uuid) -> Result<()> {
    if let Some(id) = records.id_of(uuid)? {
        stage.ledger.present.insert(member(id));
    }
    Ok(())
}

/// Whether a group has something to commit: a message, or an answered question, which the store
/// must forget whatever the answer was.
pub(super) fn has_news(stage: &Stage) -> bool {
    let looked = stage.agenda.everything || stage.agenda.all_values;
    stage.messages > 0 || looked || !stage.agenda.asked_when_quiet.is_empty()
}

/// A bitmap from the store.
fn read(writer: &Writer, name: &str) -> Result<RoaringTreemap> {
    let stored = writer.setting(name)?.unwrap_or_default();
    if stored.is_empty() {
        return Ok(RoaringTreemap::new());
    }
    let records = RoaringTreemap::deserialize_from(stored.as_slice()).map_err(|error| {
        let message = format!("the store is damaged: {name} cannot be read");
        Error::new(ErrorKind::Store, message)
            .with_source(error)
            .with_hint(DAMAGED)
    })?;
    writer.ids().reserve(records.max().map_or(0, rowid));
    Ok(records)
}

fn read_lacked(writer: &Writer) -> Result<BTreeSet<String>> {
    let stored = writer.setting(status::LACKED)?.unwrap_or_default();
    let names = String::from_utf8_lossy(&stored);
    Ok(names.split_whitespace().map(str::to_owned).collect())
}

fn store(writer: &Writer, name: &str, records: &RoaringTreemap) -> Result<()> {
    if records.is_empty() {
        if writer.setting(name)?.is_some() {
            writer.set_setting(name, None)?;
        }
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(records.serialized_size());
    records
        .serialize_into(&mut bytes)
        .map_err(|error| Error::new(ErrorKind::Store, error.to_string()))?;
    writer.set_setting(name, Some(&bytes))
}
