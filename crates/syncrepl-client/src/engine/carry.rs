//! What one stage leaves to the next: the records whose DN may be older than what is still to be
//! told, and the open questions. This file alone knows the fields of [`Stage`] in which they are
//! lent and given back.

use std::time::{Duration, Instant};

use roaring::RoaringTreemap;
use syncrepl_proto::Uuid;

use super::deadlines::{Deadlines, Due};
use crate::changes::stage::{Kind, Stage, member};
use crate::error::{Error, ErrorKind, Result};
use crate::status;
use crate::store::Writer;
use crate::store::records::Records;

/// The provider tells a change that was made during a refresh stage at the beginning of the persist
/// stage, or in the next refresh stage. After so long in the persist stage none of them is under way.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// So long the provider has to be silent before the open questions are put: what it has still to
/// tell would be older than its answer.
const QUIET: Duration = Duration::from_secs(1);

/// Some providers never fall silent. An open question waits no longer than this.
const QUIET_AT_MOST: Duration = Duration::from_secs(15);

/// The open questions, and the records of the last refresh stage.
#[derive(Debug)]
pub(super) struct Carry {
    /// Records that the last refresh stage stated: a refresh stage reads each entry at a moment of
    /// its own, and its cookie stands for the beginning.
    fresh: RoaringTreemap,
    /// Until then a change that is older than a fresh record may be told in the persist stage.
    fresh_until: Option<Instant>,
    /// Records that may be held under another DN than theirs. The store holds them, too.
    suspects: RoaringTreemap,
    /// When the first of them was found.
    suspects_since: Option<Instant>,
}

impl Carry {
    pub(super) fn open(writer: &Writer) -> Result<Self> {
        Ok(Carry {
            fresh: read(writer, status::FRESH)?,
            fresh_until: None,
            suspects: read(writer, status::SUSPECTS)?,
            suspects_since: None,
        })
    }

    /// Believes the store: the last transaction may not have been committed.
    pub(super) fn read_again(&mut self, writer: &Writer) -> Result<()> {
        let fresh_until = self.fresh_until;
        *self = Carry::open(writer)?;
        self.fresh_until = fresh_until;
        Ok(())
    }

    /// Hands the fresh records to a stage that begins at `now`, as far as they still are.
    pub(super) fn lend(&mut self, stage: &mut Stage, now: Instant) {
        stage.fresh = std::mem::take(&mut self.fresh);
        if !stage.is_refresh() {
            stage.may_be_ahead = self.fresh_until.is_some_and(|until| now <= until);
            if !stage.may_be_ahead {
                stage.fresh.clear();
            }
        }
    }

    /// Takes back what was lent to a group that is not committed, because nothing happened in it.
    pub(super) fn take_back(&mut self, stage: &mut Stage) {
        self.fresh = std::mem::take(&mut stage.fresh);
    }

    /// Keeps, in the transaction of a stage that ends at `now`, what it leaves to the next.
    pub(super) fn keep(&mut self, stage: &mut Stage, writer: &Writer, now: Instant) -> Result<()> {
        if stage.is_refresh() {
            self.store_fresh(std::mem::take(&mut stage.stated), writer, now)?;
        } else if stage.looked_up {
            self.store_fresh(std::mem::take(&mut stage.fresh), writer, now)?;
        } else {
            self.take_back(stage);
        }
        self.keep_suspects(&stage.suspects, writer)
    }

    /// The provider said something just before `now`: the open questions, if there are any, are put
    /// when it has been quiet for a while after that, or when the first of them has waited for long.
    pub(super) fn wait_for_quiet(&mut self, deadlines: &mut Deadlines, now: Instant) {
        if self.suspects.is_empty() {
            return;
        }
        let since = *self.suspects_since.get_or_insert(now);
        let at_most = since.checked_add(QUIET_AT_MOST);
        deadlines.set(Due::Quiet, now.checked_add(QUIET).min(at_most));
    }

    /// Puts all open questions to a refresh stage that ends.
    pub(super) fn ask_at_refresh(
        &mut self,
        stage: &mut Stage,
        writer: &Writer,
        deadlines: &mut Deadlines,
    ) -> Result<()> {
        let suspects = self.take_suspects(writer, deadlines)?;
        stage.suspects_before = suspects.clone();
        stage.suspect(suspects);
        Ok(())
    }

    /// Puts all open questions to a group that was opened for them.
    pub(super) fn ask_in_group(
        &mut self,
        stage: &mut Stage,
        writer: &Writer,
        deadlines: &mut Deadlines,
    ) -> Result<()> {
        stage.doubtful = self.take_suspects(writer, deadlines)?;
        stage.suspects_before = stage.doubtful.clone();
        Ok(())
    }

    /// The open questions are none any more once the open transaction is committed.
    fn take_suspects(
        &mut self,
        writer: &Writer,
        deadlines: &mut Deadlines,
    ) -> Result<RoaringTreemap> {
        deadlines.set(Due::Quiet, None);
        self.suspects_since = None;
        let suspects = std::mem::take(&mut self.suspects);
        store(writer, status::SUSPECTS, &self.suspects)?;
        Ok(suspects)
    }

    fn keep_suspects(&mut self, found: &RoaringTreemap, writer: &Writer) -> Result<()> {
        if found.is_subset(&self.suspects) {
            return Ok(());
        }
        self.suspects |= found;
        store(writer, status::SUSPECTS, &self.suspects)
    }

    fn store_fresh(&mut self, fresh: RoaringTreemap, writer: &Writer, now: Instant) -> Result<()> {
        store(writer, status::FRESH, &fresh)?;
        self.fresh = fresh;
        self.fresh_until = now.checked_add(FRESH_FOR);
        Ok(())
    }
}

/// A stage whose transaction has just begun, with what the store knows beforehand.
pub(super) fn new_stage(kind: Kind, before: u64, writer: &Writer) -> Result<Stage> {
    let mut stage = Stage::new(kind, before);
    let any = Records::new(writer.connection()).any_of_each()?;
    stage.any_placed = any.placed;
    stage.any_parked = any.parked;
    stage.any_references = any.references;
    Ok(stage)
}

/// Asks for these records at the end of a group.
pub(super) fn ask_for(stage: &mut Stage, records: RoaringTreemap) {
    stage.doubtful = records;
}

/// Notes that a search showed this entry, and so that it is present.
pub(super) fn note_present(stage: &mut Stage, records: Records<'_>, uuid: Uuid) -> Result<()> {
    if let Some(id) = records.id_of(uuid)? {
        stage.seen.insert(member(id));
    }
    Ok(())
}

/// Whether the end of a group has something to commit: a message, or the answer to a question. The
/// store has to forget a question, whatever the answer was.
pub(super) fn has_news(stage: &Stage) -> bool {
    stage.messages > 0 || stage.everything || !stage.suspects_before.is_empty()
}

/// A bitmap that the store holds. One that cannot be read is taken for an empty one.
fn read(writer: &Writer, name: &str) -> Result<RoaringTreemap> {
    let stored = writer.setting(name)?.unwrap_or_default();
    Ok(RoaringTreemap::deserialize_from(stored.as_slice()).unwrap_or_default())
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
