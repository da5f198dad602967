//! Derived values: an overlay of the provider computes them, so nobody tells when they change. If the
//! user wants them all the same, the whole search is made after each change, and compared.

use std::time::Duration;

use syncrepl_proto::profile::Provider;

use super::deadlines::Due;
use super::state::{Consumer, Run};
use crate::changes::source::Kind;
use crate::changes::stage::Stage;
use crate::error::Result;

/// Several changes often come one after the other.
const SOON: Duration = Duration::from_secs(1);

/// The search rests for so many times as long as it took.
const REST: u32 = 10;

impl Run<'_> {
    /// The provider told something: derived values may have changed with it.
    pub(super) fn wait_for_derived(&mut self) {
        if self.consumer.settings.derived {
            let soon = self.now() + SOON;
            let at = self
                .consumer
                .derived_rests
                .map_or(soon, |rest| rest.max(soon));
            self.on.deadlines.set_first(Due::Derived, at);
        }
    }

    /// Compares the values of all entries.
    pub(super) fn look_at_derived(&mut self) -> Result<()> {
        let began = self.now();
        let mut stage = self.consumer.open_stage(Kind::Group)?;
        stage.agenda.all_values = true;
        self.on.stage = Some(stage);
        self.end_group()?;
        let took = self.now().saturating_duration_since(began);
        self.consumer.derived_rests = self.now().checked_add(took * REST);
        Ok(())
    }

    /// A refresh that began with a cookie tells nothing of them, either.
    pub(super) fn ask_for_derived(&mut self, stage: &mut Stage) {
        let changed = stage.messages > 0 || stage.cookie != self.consumer.cookie;
        if self.consumer.settings.derived && self.on.link.cookie_sent && changed {
            stage.agenda.all_values = true;
        }
    }
}

impl Consumer {
    /// Warns at each run of values whose changes nobody tells.
    pub(super) fn warn_of_derived(&mut self, provider: Provider) {
        let settings = &self.settings;
        if settings.derived || settings.reconcile_every.is_some() || self.warned_of_derived {
            return;
        }
        self.warned_of_derived = true;
        let named = provider.never_tells.iter().copied();
        let named: Vec<_> = named.filter(|name| settings.search.names(name)).collect();
        if !named.is_empty() {
            tracing::warn!(
                "the search names {}: {} does not tell every change of it; --derived or \
                 --reconcile-every finds them",
                named.join(" and "),
                provider.name
            );
        }
        self.warn_of_lacked();
    }

    /// Warns of the attributes of which live messages lack values that a search shows.
    pub(super) fn warn_of_lacked(&self) {
        let lacked = Vec::from_iter(self.carry.lacked().iter().map(String::as_str));
        let settings = &self.settings;
        if lacked.is_empty() || settings.derived || settings.reconcile_every.is_some() {
            return;
        }
        tracing::warn!(
            "the provider computes values of {}: it does not tell when they change, and each entry \
             that it does tell of is read again; --derived or --reconcile-every finds the changes",
            lacked.join(", ")
        );
    }
}
