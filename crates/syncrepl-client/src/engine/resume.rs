//! Whether a refresh may begin with the cookie, and whether it was complete. The engine believes
//! most providers; some are known to leave changes out.

use syncrepl_proto::cookie;
use syncrepl_proto::profile::Provider;

use super::carry;
use super::state::{Consumer, Run, lookup};
use crate::callback::Callback;
use crate::changes::ask::Ask;
use crate::changes::stage::Stage;
use crate::connection::RootDse;
use crate::error::{ErrorKind, Result};
use crate::status;
use crate::store::records::Records;

const FORGOTTEN: &str = "the provider may have forgotten changes since the last refresh";
const PARTIAL: &str =
    "the provider tells of changes only for a search of whole entries of a whole tree";
const NONE_PRESENT: &str =
    "the provider named no entry as present: either all are gone, or it told only changes";

/// The provider's claims about a refresh stage, at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// Entries that it neither sent nor named are gone.
    pub(super) absent_is_deleted: bool,
    /// It named entries as present.
    pub(super) named_present: bool,
}

impl Consumer {
    /// The cookie to send; `None` when the store has none, or everything has to be compared.
    /// `doubt` is a reason to believe that the provider would not tell all changes.
    pub(super) fn cookie_to_send(
        &mut self,
        provider: Provider,
        root_dse: &RootDse,
        same_identity: bool,
        doubt: Option<&'static str>,
        callback: &mut dyn Callback,
    ) -> Option<Vec<u8>> {
        let cookie = self.cookie.clone()?;
        if self.reconcile
            || self.comparison_is_due(callback)
            || !same_identity
            || !provider.may_understand(&cookie)
        {
            return None;
        }
        let last = root_dse.changes.map(|(_, last)| last);
        let why = if let Some(why) = doubt {
            why
        } else if self.has_forgotten(provider, &cookie, root_dse.changes) {
            FORGOTTEN
        } else if self.may_tell_too_little(provider) && last != cookie::number(&cookie) {
            PARTIAL
        } else {
            return Some(cookie);
        };
        callback.debug(why);
        None
    }

    /// Whether the next refresh has to begin without the cookie. Tells the callback why.
    pub(super) fn comparison_is_due(&self, callback: &mut dyn Callback) -> bool {
        let due = self.schedule.is_due();
        if due {
            callback.debug("a full comparison is due");
        }
        due
    }

    fn may_tell_too_little(&self, provider: Provider) -> bool {
        provider.resumes_whole_trees_only && !self.settings.search.shows_a_whole_tree()
    }

    /// Whether a provider that never says so may have forgotten changes after this cookie. If it
    /// hides which changes it remembers, it may have.
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

impl Run<'_> {
    /// The reason to make the refresh that has just ended again, if there is one. It repeats the
    /// checks from before the refresh, because the provider may have forgotten changes meanwhile.
    pub(super) fn doubt(&mut self, stage: &Stage, claim: Claim) -> Result<Option<&'static str>> {
        let (link, Some(sent)) = (&self.on.link, &self.consumer.cookie) else {
            return Ok(None);
        };
        let provider = link.provider;
        if !link.cookie_sent || stage.cookie.as_ref() == Some(sent) {
            // Without a cookie everything was compared. With the same one nothing has changed.
            return Ok(None);
        }
        let silent = stage.cookie.is_none() && stage.messages == 0;
        let names_none = claim.absent_is_deleted && !claim.named_present;
        if names_none && !silent && provider.may_tell_only_changes() {
            return Ok(Some(NONE_PRESENT));
        }
        if self.consumer.may_tell_too_little(provider) {
            return Ok(Some(PARTIAL));
        }
        if !provider.passes_over_forgotten_changes {
            return Ok(None);
        }
        let changes = self.lookup().changes()?;
        let Some(sent) = &self.consumer.cookie else {
            return Ok(None);
        };
        let forgotten = self.consumer.has_forgotten(provider, sent, changes);
        Ok(forgotten.then_some(FORGOTTEN))
    }

    /// The node of this refresh stage: the server's URL, and its own name for itself. `None` if it
    /// sent no cookie: it may lag behind the cookie that the client sent, and the store goes on
    /// naming the node of that cookie.
    pub(super) fn node(&self, stage: &Stage) -> Option<String> {
        stage.cookie.as_ref()?;
        let id = stage.server_id.as_deref().unwrap_or_default();
        let server = &self.consumer.settings.servers[self.on.link.server];
        Some(format!("{server}#{id}"))
    }

    /// Whether the cookie sent comes from another node. This node's delete phase may then leave
    /// deletes out.
    pub(super) fn is_another_node(&self, node: Option<&str>) -> Result<bool> {
        let Some(node) = node else {
            return Ok(false);
        };
        let link = &self.on.link;
        if !link.cookie_sent || !link.provider.forgets_what_it_never_held {
            return Ok(false);
        }
        let last = self.consumer.writer.setting(status::NODE)?;
        Ok(last.as_deref() != Some(node.as_bytes()))
    }

    /// Marks every record that a search shows as present, so that the others count as gone. Returns
    /// false when the provider does not allow that search.
    pub(super) fn list_the_present(&mut self, stage: &mut Stage) -> Result<bool> {
        self.callback
            .debug("deletes may be missing: what the provider shows is compared with the copy");
        let Consumer {
            settings,
            stop,
            writer,
            ..
        } = &*self.consumer;
        let records = Records::new(writer.connection());
        let mut lookup = lookup(&self.on.link, settings, stop, &mut self.on.side);
        let listed = lookup.ids(&mut |uuid| carry::note_present(stage, records, uuid));
        match listed {
            Ok(true) => {
                stage.named.listed = true;
                Ok(true)
            }
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            refused => {
                let why = refused.err().map(|error| format!(": {error}"));
                tracing::warn!(
                    "{} may leave deletes out, and does not show which entries it has; these deletes are \
                     found by --reconcile{}",
                    settings.servers[self.on.link.server],
                    why.unwrap_or_default()
                );
                Ok(false)
            }
        }
    }
}
