//! Which records may be from before a change that is still to be told: a refresh stage shows no one
//! moment, but each entry as it was when it was read, and its cookie stands for the beginning.

use std::time::{Duration, Instant};

use roaring::RoaringTreemap;

use super::Syncrepl;
use super::watch::open_stage;
use crate::callback::Callback;
use crate::changes::ledger::rowid;
use crate::changes::stage::{Kind, Stage};
use crate::error::{Error, ErrorKind, Result};
use crate::status;
use crate::store::Writer;

/// What was changed while a refresh stage ran is told at the beginning of the persist stage, or in
/// the next refresh stage; after so long in the persist stage nothing of it is under way any more.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(60);

/// What the store knows of it, or of the suspects. A bitmap that cannot be read is taken for none.
pub(super) fn read(writer: &Writer, name: &str) -> Result<RoaringTreemap> {
    let stored = writer.setting(name)?.unwrap_or_default();
    let records = RoaringTreemap::deserialize_from(stored.as_slice()).unwrap_or_default();
    writer.reserve_ids(records.max().map_or(0, rowid));
    Ok(records)
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

/// So long the provider has to be silent before it is asked for suspects: what it has still to tell
/// would be older than its answer.
const QUIET: Duration = Duration::from_secs(1);

/// Hands the fresh records to a stage that begins at `now`, as far as they still are.
pub(super) fn lend(
    fresh: &mut RoaringTreemap,
    until: Option<Instant>,
    now: Instant,
    stage: &mut Stage,
) {
    stage.ledger.fresh = std::mem::take(fresh);
    if !stage.is_refresh() {
        stage.ledger.may_be_ahead = until.is_some_and(|until| now <= until);
        if !stage.ledger.may_be_ahead {
            stage.ledger.fresh.clear();
        }
    }
}

impl<C: Callback> Syncrepl<C> {
    /// Takes them back from a group that ends, and whom it found suspect.
    pub(super) fn keep_fresh(&mut self, stage: &mut Stage) -> Result<()> {
        self.keep_suspects(&stage.agenda.quiet)?;
        let fresh = std::mem::take(&mut stage.ledger.fresh);
        if stage.ledger.more_fresh {
            return self.store_fresh(fresh);
        }
        self.fresh = fresh;
        Ok(())
    }

    /// Stores who is suspect now, in the transaction that found it.
    pub(super) fn keep_suspects(&mut self, found: &RoaringTreemap) -> Result<()> {
        if !found.is_subset(&self.suspects) {
            self.suspects |= found;
            store(&self.writer, status::SUSPECTS, &self.suspects)?;
        }
        if !self.suspects.is_empty() {
            self.suspects_due = self.settings.options.network.after(QUIET);
        }
        Ok(())
    }

    /// Asks for the suspects, if the provider has been silent for a while.
    pub(super) fn ask_for_suspects(&mut self) -> Result<()> {
        let now = self.settings.options.network.now();
        let persisting = self
            .link
            .as_ref()
            .is_some_and(|link| link.session.in_persist_stage() && link.cancelled_at.is_none());
        if self.suspects_due.is_none_or(|due| now < due) || !persisting || self.stage.is_some() {
            return Ok(());
        }
        let mut stage = open_stage(&mut self.writer, &mut self.guard, Kind::Group)?;
        stage.agenda.ask_what_was_quiet(self.take_suspects()?);
        lend(&mut self.fresh, self.fresh_until, now, &mut stage);
        self.stage = Some(stage);
        self.end_group()
    }

    /// The suspects, who are none any more once the transaction is committed.
    pub(super) fn take_suspects(&mut self) -> Result<RoaringTreemap> {
        self.suspects_due = None;
        let suspects = std::mem::take(&mut self.suspects);
        store(&self.writer, status::SUSPECTS, &self.suspects)?;
        Ok(suspects)
    }

    /// Keeps the records whose DN was stated, in the transaction of their refresh stage.
    pub(super) fn store_fresh(&mut self, fresh: RoaringTreemap) -> Result<()> {
        store(&self.writer, status::FRESH, &fresh)?;
        self.fresh = fresh;
        self.fresh_until = self.settings.options.network.after(FRESH_FOR);
        Ok(())
    }
}
