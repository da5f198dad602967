//! Which records may be from before a change that is still to be told: a refresh stage shows no one
//! moment, but each entry as it was when it was read, and its cookie stands for the beginning.

use std::time::Duration;

use roaring::RoaringTreemap;

use super::Syncrepl;
use crate::error::{Error, ErrorKind, Result};
use crate::status;
use crate::store::Writer;

/// What was changed while a refresh stage ran is told at the beginning of the persist stage, or in
/// the next refresh stage; after so long in the persist stage nothing of it is under way any more.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(60);

/// What the store knows of it. One that cannot be read is taken for none.
pub(super) fn read(writer: &Writer) -> Result<RoaringTreemap> {
    let stored = writer.setting(status::FRESH)?.unwrap_or_default();
    Ok(RoaringTreemap::deserialize_from(stored.as_slice()).unwrap_or_default())
}

impl<C> Syncrepl<C> {
    /// Keeps the records whose DN was stated, in the transaction of their refresh stage.
    pub(super) fn store_fresh(&mut self, fresh: RoaringTreemap) -> Result<()> {
        let known = self.writer.setting(status::FRESH)?;
        if fresh.is_empty() {
            if known.is_some() {
                self.writer.set_setting(status::FRESH, None)?;
            }
        } else {
            let mut bytes = Vec::with_capacity(fresh.serialized_size());
            fresh
                .serialize_into(&mut bytes)
                .map_err(|error| Error::new(ErrorKind::Store, error.to_string()))?;
            self.writer.set_setting(status::FRESH, Some(&bytes))?;
        }
        self.fresh = fresh;
        self.fresh_until = self.settings.options.network.after(FRESH_FOR);
        Ok(())
    }
}
