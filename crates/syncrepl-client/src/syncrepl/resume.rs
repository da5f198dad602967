//! Whether the refresh may begin with the cookie, and whether what came after it is all there was
//! to tell. Most providers are taken at their word; some are known not to tell everything.

use syncrepl_proto::cookie;
use syncrepl_proto::profile::Provider;

use super::Syncrepl;
use super::watch::lookup;
use crate::callback::Callback;
use crate::connection::RootDse;
use crate::error::Result;
use crate::lookup::Lookup;

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
        } else if self.may_tell_too_little(provider) && last != cookie::number_389ds(&cookie) {
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
        if !provider.passes_over_forgotten_changes() {
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

    /// Plain searches at the provider that it is connected to.
    pub(super) fn lookup(&mut self) -> Option<Lookup<'_>> {
        let link = self.link.as_ref()?;
        Some(lookup(link, &self.settings, &self.stop, &mut self.side))
    }

    fn may_tell_too_little(&self, provider: Provider) -> bool {
        provider.resumes_whole_trees_only() && !self.settings.search.shows_a_whole_tree()
    }

    /// Whether a provider that does not say so itself may have forgotten changes that came after
    /// this cookie. One that hides what it remembers may have.
    fn has_forgotten(
        &self,
        provider: Provider,
        cookie: &[u8],
        changes: Option<(u64, u64)>,
    ) -> bool {
        if !provider.passes_over_forgotten_changes() {
            return false;
        }
        match (cookie::number_389ds(cookie), changes) {
            (Some(number), Some((first, _))) => first > number.saturating_add(1),
            _ => true,
        }
    }
}
