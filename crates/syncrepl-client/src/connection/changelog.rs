//! What a provider shows of its changelog: whether its configuration leaves changes out, and how much
//! was written beside how much was kept.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::{Changelog, Clock};

use super::operations::ANY_ENTRY;
use super::root_dse::RootDse;
use super::wire::Connection;
use crate::error::{ErrorKind, Result};
use crate::record::text::excerpt;

/// How often the counters are read again, when a change was counted in between.
const TRIES: usize = 3;

/// Which changes a changelog keeps, by its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All that can concern the search.
    All,
    /// Not all, because of these lines.
    Some(Vec<String>),
    /// The identity is not shown the whole configuration, or it was changed since the moment asked about.
    Unknown,
}

/// The counters of a provider at one moment after its start. Only differences count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The requests that write, those that failed as well.
    pub(crate) requests: u64,
    /// The writes, those that the provider makes by itself as well, if it counts them. Some requests
    /// that fail are counted down.
    pub(crate) writes: Option<u64>,
    /// The changes that the changelog keeps.
    pub(crate) kept: u64,
}

/// A configuration attribute as this identity sees it.
enum Line {
    /// The provider confirms that there is none.
    Absent,
    Values(Vec<String>),
    Hidden,
}

impl Connection {
    /// Which changes of a search below `base` the changelog has kept since `started`, a start of the
    /// provider: it goes by a changed configuration only from the next start on. `matters` says of an
    /// attribute whether the search looks at it.
    pub(crate) fn kept(
        &mut self,
        changelog: &Changelog,
        started: &str,
        root_dse: &RootDse,
        base: &str,
        matters: &dyn Fn(&str) -> bool,
    ) -> Result<Kept> {
        // An identity without the right to an attribute finds nothing by `(!(attribute=*))` either. So
        // an entry that is found is a proof.
        let later = Filter::greater_or_equal("modifyTimestamp", started.as_bytes());
        let names = [changelog.only, changelog.except, changelog.without];
        let mut all = vec![Filter::not(&later)];
        all.extend(names.iter().map(|name| Filter::not(&Filter::present(name))));
        if self.shows(changelog.entry, &Filter::and(&all))? {
            return Ok(Kept::All);
        }
        let mut lines = Vec::new();
        let context = root_dse.context_of(base);
        for name in names {
            match self.line(changelog.entry, name)? {
                Line::Hidden => return Ok(Kept::Unknown),
                Line::Absent => {}
                Line::Values(values) if name == changelog.only => {
                    if !context.is_some_and(|context| is_within_any(context, &values)) {
                        lines.extend(values.iter().map(|value| written(name, value)));
                    }
                }
                Line::Values(values) if name == changelog.except => {
                    let values = values.iter().filter(|value| overlap(context, value));
                    lines.extend(values.map(|value| written(name, value)));
                }
                Line::Values(values) => {
                    let values = values.iter().filter(|value| matters(value));
                    lines.extend(values.map(|value| written(name, value)));
                }
            }
        }
        if !lines.is_empty() {
            return Ok(Kept::Some(lines));
        }
        // Nothing matters of what is there. Is it what the provider was started with?
        match self.shows(changelog.entry, &Filter::not(&later))? {
            true => Ok(Kept::All),
            false => Ok(Kept::Unknown),
        }
    }

    fn line(&mut self, entry: &str, name: &str) -> Result<Line> {
        if self.shows(entry, &Filter::not(&Filter::present(name)))? {
            return Ok(Line::Absent);
        }
        let values = self.values(entry, name)?;
        Ok(match values.is_empty() {
            true => Line::Hidden,
            false => Line::Values(values),
        })
    }

    /// When the provider was started, if it shows that to this identity.
    pub(crate) fn started(&mut self, changelog: &Changelog) -> Result<Option<String>> {
        let Clock { entry, attribute } = changelog.started;
        self.value(entry, attribute)
    }

    /// The counters, if the provider shows them to this identity.
    pub(crate) fn counts(
        &mut self,
        changelog: &Changelog,
        root_dse: &RootDse,
    ) -> Result<Option<Counts>> {
        let mut before = root_dse.counted(changelog);
        for attempt in 1.. {
            let requests = self.requests(changelog)?;
            let after = self.root_dse()?.counted(changelog);
            // A change between the two would be in one number and not in the other.
            if after == before || attempt == TRIES {
                return Ok(requests
                    .zip(after)
                    .map(|(requests, (kept, writes))| Counts {
                        requests,
                        writes,
                        kept,
                    }));
            }
            before = after;
        }
        Ok(None)
    }

    fn requests(&mut self, changelog: &Changelog) -> Result<Option<u64>> {
        let mut total = None;
        self.read(
            changelog.counters,
            ANY_ENTRY,
            changelog.requests.to_vec(),
            |attributes| {
                let mut counts = changelog.requests.iter().map(|name| {
                    let value = attributes.values(name).next()?;
                    std::str::from_utf8(value).ok()?.parse::<u64>().ok()
                });
                total = counts.try_fold(0, |sum: u64, count| Some(sum.wrapping_add(count?)));
            },
        )?;
        Ok(total)
    }

    fn value(&mut self, entry: &str, name: &str) -> Result<Option<String>> {
        let mut found = None;
        self.read(entry, ANY_ENTRY, vec![name], |attributes| {
            let value = attributes.values(name).next();
            found = value.map(|value| String::from_utf8_lossy(value).into_owned());
        })?;
        Ok(found)
    }

    fn values(&mut self, entry: &str, name: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let present = Filter::present(name);
        self.read(entry, present.as_bytes(), vec![name], |attributes| {
            let values = attributes.values(name);
            found.extend(values.map(|value| String::from_utf8_lossy(value).into_owned()));
        })?;
        Ok(found)
    }

    fn shows(&mut self, entry: &str, filter: &Filter) -> Result<bool> {
        let mut shown = false;
        self.read(entry, filter.as_bytes(), vec!["1.1"], |_| shown = true)?;
        Ok(shown)
    }

    /// Reads one entry. A refusal shows nothing.
    fn read(
        &mut self,
        entry: &str,
        filter: &[u8],
        attributes: Vec<&str>,
        mut on: impl FnMut(&AttributeList<'_>),
    ) -> Result<()> {
        let request = SearchRequest {
            base: entry,
            scope: Scope::Base,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter,
            attributes,
        };
        let asked = self.search(&request, &[], |entry| {
            on(&entry.attributes);
            Ok(())
        });
        match asked {
            Err(error) if error.kind() != ErrorKind::Refused => Err(error),
            _ => Ok(()),
        }
    }
}

impl RootDse {
    /// The changes kept, and the writes if they are counted.
    fn counted(&self, changelog: &Changelog) -> Option<(u64, Option<u64>)> {
        let (_, kept) = self.changes?;
        Some((kept, self.data_writes(changelog, kept)))
    }

    /// The writes to the data, without those to the changelog.
    fn data_writes(&self, changelog: &Changelog, kept: u64) -> Option<u64> {
        if self.writes.is_empty() {
            return None;
        }
        let of_data = self
            .writes
            .iter()
            .filter(|(option, _)| option != changelog.own_option)
            .map(|(option, count)| match option.as_str() {
                "" => count.wrapping_sub(kept),
                _ => *count,
            });
        Some(of_data.fold(0, u64::wrapping_add))
    }

    /// The naming context that holds this DN. Whatever moves into the search comes from there.
    pub(crate) fn context_of(&self, base: &str) -> Option<&str> {
        let base = dn::key(base);
        let holds = |context: &&String| dn::is_within(&base, &dn::key(context));
        let contexts = self.naming_contexts.iter().filter(holds);
        contexts
            .max_by_key(|context| dn::key(context).len())
            .map(String::as_str)
    }
}

fn is_within_any(context: &str, suffixes: &[String]) -> bool {
    let context = dn::key(context);
    suffixes
        .iter()
        .any(|suffix| dn::is_within(&context, &dn::key(suffix)))
}

/// Whether entries of the context may be below this suffix.
fn overlap(context: Option<&str>, suffix: &str) -> bool {
    let Some(context) = context else {
        return true;
    };
    let (context, suffix) = (dn::key(context), dn::key(suffix));
    dn::is_within(&context, &suffix) || dn::is_within(&suffix, &context)
}

fn written(name: &str, value: &str) -> String {
    format!("{name}: {}", excerpt(value))
}
