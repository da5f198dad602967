//! Whether the refresh may begin with the cookie, and whether what came after it is all there was
//! to tell. Most providers are taken at their word; some are known not to tell everything.

use syncrepl_proto::cookie;
use syncrepl_proto::profile::Provider;

use super::watch::lookup;
use super::{Syncrepl, not_connected};
use crate::callback::Callback;
use crate::changes::lookup::Lookup;
use crate::changes::stage::member;
use crate::connection::RootDse;
use crate::error::{ErrorKind, Result};
use crate::status;
use crate::store::records::Records;

const FORGOTTEN: &str = "the provider may have forgotten changes since the last refresh";
const PARTIAL: &str =
    "the provider tells of changes only for a search of whole entries of a whole tree";
const NOBODY: &str =
    "the provider named nobody as present: either all are gone, or it told changes";

impl<C: Callback> Syncrepl<C> {
    /// The cookie to send. None when there is none, or when everything has to be compared.
    pub(super) fn cookie_to_send(
        &mut self,
        provider: Provider,
        root_dse: &RootDse,
        same_identity: bool,
    ) -> Option<Vec<u8>> {
        let cookie = self.cookie.clone()?;
        if self.reconcile
            || self.comparison_is_due()
            || !same_identity
            || !provider.may_understand(&cookie)
        {
            return None;
        }
        let last = root_dse.changes.map(|(_, last)| last);
        let why = if self.has_forgotten(provider, &cookie, root_dse.changes) {
            FORGOTTEN
        } else if self.may_tell_too_little(provider) && last != cookie::number(&cookie) {
            PARTIAL
        } else {
            return Some(cookie);
        };
        self.callback.debug(why);
        None
    }

    /// Why the refresh that has just ended has to be made again, if so. What was looked at before
    /// it began is looked at once more, since changes may have come, and others gone, in between.
    /// `absent_is_deleted` is what it said, `named_present` whether it named anybody.
    pub(super) fn doubt(
        &mut self,
        absent_is_deleted: bool,
        named_present: bool,
    ) -> Result<Option<&'static str>> {
        let (Some(link), Some(stage), Some(sent)) = (&self.link, &self.stage, &self.cookie) else {
            return Ok(None);
        };
        let provider = link.provider;
        if !link.cookie_sent || stage.cookie.as_ref() == Some(sent) {
            // The same cookie, if it counts changes: there was none.
            return Ok(None);
        }
        let silent = stage.cookie.is_none() && stage.messages == 0;
        if absent_is_deleted && !named_present && !silent && provider.may_tell_only_changes() {
            return Ok(Some(NOBODY));
        }
        if self.may_tell_too_little(provider) {
            return Ok(Some(PARTIAL));
        }
        if !provider.passes_over_forgotten_changes {
            return Ok(None);
        }
        let sent = sent.clone();
        let changes = match self.lookup() {
            Some(mut lookup) => lookup.changes()?,
            None => None,
        };
        Ok(self
            .has_forgotten(provider, &sent, changes)
            .then_some(FORGOTTEN))
    }

    /// Which node the refresh stage is of: the server as it was named, and its own name for itself.
    /// `None` when it sent no cookie: it may lag behind the one it was sent, and only with a cookie
    /// of its own is sent again what it does not have yet.
    pub(super) fn node(&self) -> Option<String> {
        let (link, stage) = (self.link.as_ref()?, self.stage.as_ref()?);
        stage.cookie.as_ref()?;
        let id = stage.server_id.as_deref().unwrap_or_default();
        Some(format!("{}#{id}", self.settings.servers[link.server]))
    }

    /// Whether the cookie that was sent is of another node than this one, whose delete phase then
    /// may pass over deletes.
    pub(super) fn is_another_node(&self, node: Option<&str>) -> Result<bool> {
        let Some(node) = node else {
            return Ok(false);
        };
        let doubtful = self
            .link
            .as_ref()
            .is_some_and(|link| link.cookie_sent && link.provider.forgets_what_it_never_held);
        if !doubtful {
            return Ok(false);
        }
        let last = self.writer.setting(status::NODE)?;
        Ok(last.as_deref() != Some(node.as_bytes()))
    }

    /// Marks all records that the provider shows as seen, so that the others are found to be gone.
    /// False when it may not be asked.
    pub(super) fn list_the_present(&mut self) -> Result<bool> {
        self.callback
            .debug("another node than last time: what it shows is compared with the copy");
        let Some(link) = self.link.as_ref() else {
            return Err(not_connected());
        };
        let Some(stage) = self.stage.as_mut() else {
            return Err(not_connected());
        };
        let records = Records::new(self.writer.connection());
        let mut lookup = lookup(link, &self.settings, &self.stop, &mut self.side);
        let listed = lookup.ids(&mut |uuid| {
            if let Some(id) = records.id_of(uuid)? {
                stage.ledger.present.insert(member(id));
            }
            Ok(())
        });
        match listed {
            Ok(true) => {
                stage.named.listed = true;
                Ok(true)
            }
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            refused => {
                let why = refused.err().map(|error| format!(": {error}"));
                tracing::warn!(
                    "{} is another server than last time, and does not show which entries it has; \
                     deletes that only the other one knows of are found by --reconcile{}",
                    self.settings.servers[link.server],
                    why.unwrap_or_default()
                );
                Ok(false)
            }
        }
    }

    /// Plain searches at the provider that it is connected to.
    pub(super) fn lookup(&mut self) -> Option<Lookup<'_>> {
        let link = self.link.as_ref()?;
        Some(lookup(link, &self.settings, &self.stop, &mut self.side))
    }

    fn may_tell_too_little(&self, provider: Provider) -> bool {
        provider.resumes_whole_trees_only && !self.settings.search.shows_a_whole_tree()
    }

    /// Whether a provider that does not say so itself may have forgotten changes that came after
    /// this cookie. One that hides what it remembers may have.
    fn has_forgotten(
        &self,
        provider: Provider,
        cookie: &[u8],
        changes: Option<(u64, u64)>,
    ) -> bool {
        if !provider.passes_over_forgotten_changes {
            return false;
        }
        match (cookie::number(cookie), changes) {
            (Some(number), Some((first, _))) => first > number.saturating_add(1),
            _ => true,
        }
    }
}
