//! The search whose result is copied: base, scope, filter, attributes. A store refuses any other
//! search.

use std::collections::BTreeSet;

use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::Provider;
use syncrepl_proto::url::LdapUrl;

use crate::error::{Error, ErrorKind, Result};
use crate::record::text::printable;
use crate::terms;

/// A search as it is sent and remembered.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) base: String,
    pub(crate) scope: Scope,
    pub(crate) filter: Filter,
    pub(crate) attributes: Vec<String>,
    /// Attributes that are left out of the copy although the provider sends them.
    pub(crate) except: Vec<String>,
}

impl Search {
    pub(crate) fn from_url(url: &LdapUrl) -> Self {
        Search {
            base: url.dn.clone().unwrap_or_default(),
            scope: url.scope_or_default(),
            filter: url
                .filter
                .clone()
                .unwrap_or_else(|| Filter::present("objectClass")),
            attributes: url.attributes.clone(),
            except: url.attributes_except().map(str::to_owned).collect(),
        }
    }

    /// The search as a URL without a host. The store keeps it in this form.
    pub(crate) fn to_url(&self) -> LdapUrl {
        LdapUrl {
            dn: Some(self.base.clone()).filter(|base| !base.is_empty()),
            scope: Some(self.scope),
            filter: Some(self.filter.clone()),
            attributes: self.attributes.clone(),
            extensions: LdapUrl::except(&self.except).into_iter().collect(),
            ..LdapUrl::default()
        }
    }

    pub(crate) fn request(&self) -> SearchRequest<'_> {
        SearchRequest {
            base: &self.base,
            scope: self.scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: self.filter.as_bytes(),
            attributes: self.attributes.iter().map(String::as_str).collect(),
        }
    }

    /// Whether the user asked for this operational attribute.
    pub(crate) fn shows(&self, operational: &str) -> bool {
        self.attributes
            .iter()
            .any(|name| name == "+" || name.eq_ignore_ascii_case(operational))
    }

    /// Whether the search names this attribute, as one to show or in its filter.
    pub(crate) fn names(&self, attribute: &str) -> bool {
        let mut listed = self.attributes.iter();
        listed.any(|name| name.eq_ignore_ascii_case(attribute)) || self.filter.asks_for(attribute)
    }

    /// Whether the search shows by which classes an entry is special, and no attribute that is known to be
    /// computed.
    pub(crate) fn is_telling(&self, provider: Provider) -> bool {
        let class = |name: &String| {
            name == "*"
                || ["objectClass", "2.5.4.0"]
                    .iter()
                    .any(|class| class.eq_ignore_ascii_case(name))
        };
        let mut computed = provider.never_tells.iter();
        (self.attributes.is_empty() || self.attributes.iter().any(class))
            && !computed.any(|name| self.shows(name) || self.filter.asks_for(name))
    }

    /// Whether the result may depend on this attribute: it is shown, or the filter asks for it.
    pub(crate) fn looks_at(&self, name: &str) -> bool {
        let any = |asked: &String| asked == "*" || asked.eq_ignore_ascii_case(name);
        self.attributes.is_empty()
            || self.shows(name)
            || self.attributes.iter().any(any)
            || !self.filter.matches_every_entry()
    }

    /// Whether the search shows all entries below the base, with all their user attributes.
    pub(crate) fn shows_a_whole_tree(&self) -> bool {
        self.scope == Scope::Subtree
            && self.filter.matches_every_entry()
            && self.attributes.is_empty()
    }

    /// Whether the search shows every parent of an entry that it shows. The base may be missing.
    pub(crate) fn shows_everything_below(&self) -> bool {
        self.scope == Scope::Subtree && !self.filter.may_hide_parents()
    }

    /// Whether base and scope of the search cover the entry with this DN.
    pub(crate) fn covers(&self, dn: &str) -> bool {
        let (key, base) = (dn::key(dn), dn::key(&self.base));
        match self.scope {
            Scope::Base => key == base,
            Scope::One => dn::parent_key(&key) == Some(&base),
            _ => dn::is_within(&key, &base),
        }
    }

    /// Refuses the copy of another search, and says what differs.
    pub(crate) fn check_same(&self, stored: &Search) -> Result<()> {
        let mut differs = Vec::new();
        if dn::key(&self.base) != dn::key(&stored.base) {
            differs.push(format!("its base is \"{}\"", printable(&stored.base)));
        }
        if self.scope != stored.scope {
            differs.push(format!("its scope is {}", stored.scope.as_str()));
        }
        if self.filter != stored.filter {
            differs.push(format!("its filter is {}", terms::shown(&stored.filter)));
        }
        if set(&self.attributes) != set(&stored.attributes) {
            let list = match stored.attributes.join(" ") {
                list if list.is_empty() => "all user attributes".to_owned(),
                list => list,
            };
            differs.push(format!("its attributes are {}", printable(&list)));
        }
        if set(&self.except) != set(&stored.except) {
            differs.push(match stored.except.join(" ") {
                list if list.is_empty() => "it leaves out no attributes".to_owned(),
                list => format!("it leaves out {}", printable(&list)),
            });
        }
        if differs.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::UrlConflict,
            format!(
                "the store holds the copy of another search: {}",
                differs.join(", ")
            ),
        )
        .with_hint(
            "name another data file, or ask for the same search; `syncrepl adopt NEW-FILE --from FILE` lets another \
             search take over this copy, in a new file",
        ))
    }
}

/// A list of attributes, of which neither order nor letter case counts.
fn set(attributes: &[String]) -> BTreeSet<String> {
    let lower = |name: &String| name.to_ascii_lowercase();
    attributes.iter().map(lower).collect()
}
