//! The questions that the engine asks in the persist stage when they are due: where the hidden
//! parents are, and where records are whose DN may be wrong.

use syncrepl_proto::dn;

use super::state::{Consumer, Run, lookup};
use crate::changes::ancestors::look_up;
use crate::changes::ask::Searched;
use crate::changes::source::Kind;
use crate::changes::terms::Parents;
use crate::error::Result;
use crate::store::ancestors::Ancestors;
use crate::store::records::Records;

impl Run<'_> {
    /// Asks where the hidden parents are. Opens a transaction only if that leaves something to do.
    pub(super) fn ask_for_parents(&mut self) -> Result<()> {
        let began = self.now();
        let asked = self.consumer.watch.take_task();
        let (mut strayed, mut searched) = (0, Searched::ByUuid);
        self.ancestors().forget_strayed()?;
        if asked {
            let connection = self.consumer.writer.connection();
            let (records, ancestors) = (Records::new(connection), Ancestors::new(connection));
            let Consumer { settings, stop, .. } = &*self.consumer;
            let mut lookup = lookup(&self.on.link, settings, stop, &mut self.on.side);
            (strayed, searched) = look_up(ancestors, records, &mut lookup)?;
        }
        let base = dn::key(&self.consumer.settings.search.base);
        let missing = self.ancestors().list_missing(&base)?;
        if strayed > 0 || missing > 0 {
            let mut stage = self.consumer.open_stage(Kind::Group)?;
            stage.hidden.task = Parents::LookedUp(searched);
            self.on.stage = Some(stage);
            self.end_group()?;
        }
        let now = self.now();
        self.consumer.watch.rest(began, now);
        Ok(())
    }

    /// Asks the questions that waited for the provider to be quiet.
    pub(super) fn ask_when_quiet(&mut self) -> Result<()> {
        let mut stage = self.consumer.open_stage(Kind::Group)?;
        let Consumer { carry, writer, .. } = &mut *self.consumer;
        carry.ask(&mut stage, writer, &mut self.on.deadlines)?;
        self.on.stage = Some(stage);
        self.end_group()
    }

    fn ancestors(&self) -> Ancestors<'_> {
        Ancestors::new(self.consumer.writer.connection())
    }
}
