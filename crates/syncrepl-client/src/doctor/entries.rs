//! Checks of what the search shows: entries at all, by which attribute the client can ask for one
//! again, hidden parents, secrets.

use std::time::{Duration, Instant};

use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::Trouble;

use super::{Doctor, Patient, advice};
use crate::connection::ANY_ENTRY;
use crate::engine::trial::Trial;
use crate::error::{ErrorKind, Result};

/// A search for one entryUUID that takes longer than this uses no index.
const QUICK: Duration = Duration::from_secs(1);

impl Doctor<'_> {
    /// Checks that the search shows entries.
    pub(super) fn entries(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        if trial.entries > 0 {
            return Ok(());
        }
        let search = &self.settings.search;
        let any = SearchRequest {
            size_limit: 1,
            filter: ANY_ENTRY,
            attributes: vec!["1.1"],
            ..search.request()
        };
        let who = crate::record::text::identity(&patient.authzid);
        let text = format!("entries: the search shows none to {who}");
        match self.shows(patient, &any)? {
            Some(_) => self.warn(
                text,
                &["there are others below this base: is the filter right, and may this identity search for what it asks?"],
            ),
            None => self.warn(
                format!("{text}, with any filter"),
                &[&advice::nothing_readable(patient.provider)],
            ),
        }
        Ok(())
    }

    /// Checks that a plain search shows no more than the sync search.
    pub(super) fn hidden(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        let provider = patient.provider;
        if provider.newest_changes.is_none() {
            return Ok(());
        }
        let search = &self.settings.search;
        let request = SearchRequest {
            attributes: vec!["1.1"],
            ..search.request()
        };
        let mut shown = 0;
        let asked = patient.connection.search(&request, &[], |_| {
            shown += 1;
            Ok(())
        });
        match asked {
            Err(error) if error.kind() != ErrorKind::Refused => return Err(error),
            // A limit: more than it are there.
            Err(_) => return Ok(()),
            Ok(()) => {}
        }
        // Entries may have been added meanwhile.
        if shown > trial.entries && shown > self.try_refresh(patient)?.entries {
            self.warn(
                format!(
                    "search: it shows {shown} entries, and the sync search sends only {} of them",
                    trial.entries
                ),
                &[&provider.hints(Trouble::Hides)],
            );
        }
        Ok(())
    }

    /// Checks that this identity may search by the attribute that identifies entries.
    pub(super) fn identity(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        let name = patient.provider.uuid_attribute;
        let Some((uuid, _)) = &trial.example else {
            return Ok(());
        };
        let search = &self.settings.search;
        let value = patient.provider.uuid_to_value(*uuid);
        let filter = Filter::and(&[
            search.filter.clone(),
            Filter::equality(name, value.as_bytes()),
        ]);
        let request = SearchRequest {
            filter: filter.as_bytes(),
            attributes: vec![name],
            ..search.request()
        };
        let began = Instant::now();
        let shown = self.shows(patient, &request)?;
        let took = began.elapsed();
        match shown {
            Some(true) if took > QUICK => self.warn(
                format!("{name}: a search by it takes {:.1} s", took.as_secs_f64()),
                &[&format!(
                    "index it{}",
                    advice::in_brackets(patient.provider, Trouble::NotIndexed)
                )],
            ),
            Some(true) => self.good(format!(
                "{name}: entries have it, and may be searched for by it"
            )),
            Some(false) => self.warn(
                format!("{name}: it may be searched for, but not read"),
                &[&advice::search_by_id(patient.provider)],
            ),
            None => self.warn(
                format!("{name}: entries may not be searched for by it"),
                &[&advice::search_by_id(patient.provider)],
            ),
        }
        Ok(())
    }

    /// Checks whether the filter hides parents of entries that it shows.
    pub(super) fn parents(&mut self, patient: &mut Patient, trial: &Trial) -> Result<()> {
        let search = &self.settings.search;
        let provider = patient.provider;
        if provider.resumes_whole_trees_only && !search.shows_a_whole_tree() {
            self.warn(
                format!(
                    "filter: {} tells changes for a search of whole entries of a whole tree only",
                    provider.name
                ),
                &["with this one everything is compared at each start: copy with scope sub, (objectClass=*) and all \
                   attributes, and choose from the copy, if there are many"],
            );
        }
        if search.scope != Scope::Subtree {
            return Ok(());
        }
        if !search.filter.may_hide_parents() {
            self.good("filter: it hides no container");
            return Ok(());
        }
        let parent = trial.example.as_ref();
        let parent = parent.and_then(|(_, dn)| Some(dn::split_first(dn)?.1));
        let Some(parent) = parent.filter(|parent| dn::key(parent) != dn::key(&search.base)) else {
            self.good("filter: it may hide containers; none is between the base and what it shows");
            return Ok(());
        };
        let request = SearchRequest {
            base: parent,
            scope: Scope::Base,
            filter: ANY_ENTRY,
            attributes: vec![patient.provider.uuid_attribute],
            ..search.request()
        };
        match self.shows(patient, &request)? {
            Some(true) => self.good(
                "filter: it may hide containers; when one is renamed, no server tells it, and it is looked up",
            ),
            _ => self.warn(
                format!("filter: it may hide containers, and this identity may not see {parent:?}"),
                &["when it is renamed, nobody tells: let this identity read the containers and their entryUUID, or \
                   compare at intervals (--reconcile-every)"],
            ),
        }
        Ok(())
    }

    /// Checks whether the search names an attribute whose changes the provider does not tell.
    pub(super) fn untold(&mut self, patient: &Patient) {
        let (search, provider) = (&self.settings.search, patient.provider);
        let untold = provider.never_tells.iter().copied();
        let named: Vec<_> = untold
            .filter(|name| search.shows(name) || search.names(name))
            .collect();
        if !named.is_empty() {
            self.warn(
                format!("attributes: {} does not tell every change of {}", provider.name, named.join(", ")),
                &["an overlay writes or computes them, or the tree decides them: --derived finds changes within \
                   seconds, --reconcile-every at intervals"],
            );
        }
    }

    /// Checks whether the search shows password hashes without asking for them.
    pub(super) fn secrets(&mut self, patient: &mut Patient) -> Result<()> {
        const NAME: &str = "userPassword";
        let search = &self.settings.search;
        if !(search.attributes.is_empty() || search.attributes.iter().any(|name| name == "*")) {
            return Ok(());
        }
        let filter = Filter::and(&[search.filter.clone(), Filter::present(NAME)]);
        let request = SearchRequest {
            size_limit: 1,
            filter: filter.as_bytes(),
            attributes: vec![NAME],
            ..search.request()
        };
        if self.shows(patient, &request)? == Some(true) {
            self.warn(
                "secrets: the search brings password hashes (userPassword) into the copy",
                &["name the attributes you want instead of all, or hide them from this identity"],
            );
        } else {
            self.good("secrets: no password hash is among what is shown");
        }
        Ok(())
    }

    /// Whether a search shows an entry, and whether with an attribute. A refusal counts as a no. A
    /// limit does not matter, because it comes after the first entry.
    pub(super) fn shows(
        &self,
        patient: &mut Patient,
        request: &SearchRequest<'_>,
    ) -> Result<Option<bool>> {
        let mut shown = None;
        let asked = patient.connection.search(request, &[], |entry| {
            let attribute = entry.attributes.iter().next().is_some();
            shown = Some(shown == Some(true) || attribute);
            Ok(())
        });
        match asked {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            _ => Ok(shown),
        }
    }
}
