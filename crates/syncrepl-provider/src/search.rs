//! A search request, compiled (RFC 4511 §4.5): which entries it finds, how they are encoded, and
//! the plain search, which ends with its result.

use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::control::Control;
use syncrepl_proto::dn;
use syncrepl_proto::filter::{Condition, Filter};
use syncrepl_proto::message::{Message, Operation, Scope, SearchRequest, SearchResultEntry, Uris};

use crate::directory::{Directory, in_scope, valid_key};
use crate::entry::{Entry, SUBSCHEMA_DN, Seen, Subject, View};
use crate::output::{Closed, Output, encode_uris};
use crate::refusal::{Refusal, code};
use crate::select::Selection;
use crate::shared::Shared;
use crate::special::Special;

/// A search request, validated and owned.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) base: String,
    base_key: Vec<u8>,
    scope: Scope,
    condition: Condition,
    selection: Selection,
    manage_dsa_it: bool,
    pub(crate) size_limit: usize,
}

impl Query {
    pub(crate) fn new(request: &SearchRequest<'_>, manage_dsa_it: bool) -> Result<Query, Refusal> {
        let filter = Filter::from_ber(request.filter)
            .map_err(|error| Refusal::new(code::PROTOCOL_ERROR, error.to_string()))?;
        Ok(Query {
            base: request.base.to_owned(),
            base_key: valid_key(request.base)?,
            scope: request.scope,
            condition: Condition::new(&filter),
            selection: Selection::new(&request.attributes, request.types_only),
            manage_dsa_it,
            size_limit: match request.size_limit {
                0 => usize::MAX,
                limit => usize::try_from(limit).unwrap_or(usize::MAX),
            },
        })
    }

    /// The entries that it finds now, parents before children.
    pub(crate) fn find(&self, directory: &Directory) -> Result<Vec<View>, Refusal> {
        if !self.base_key.is_empty() {
            if !self.manage_dsa_it
                && let Some(referral) = directory.referral(&self.base)
            {
                return Err(refer(&referral, &self.base, Some(self.scope)));
            }
            directory.find(&self.base)?;
        }
        let mut found = directory.scope(&self.base_key, self.scope);
        found.retain(|view| self.condition_holds(view));
        Ok(found)
    }

    /// Whether it finds this entry.
    pub(crate) fn matches(&self, view: &View) -> bool {
        in_scope(&view.entry.key, &self.base_key, self.scope) && self.condition_holds(view)
    }

    fn condition_holds(&self, view: &View) -> bool {
        // A search returns references whatever its filter (RFC 3296 §5.2).
        self.is_reference(&view.entry) || self.condition.matches(&Seen(view))
    }

    pub(crate) fn is_reference(&self, entry: &Entry) -> bool {
        !self.manage_dsa_it && entry.is_referral()
    }

    /// Encodes a SearchResultEntry or a SearchResultReference. `with_attributes` false leaves the
    /// attributes out, as for a deleted entry.
    pub(crate) fn message(
        &self,
        id: u32,
        view: &View,
        with_attributes: bool,
        controls: &[Control<'_>],
    ) -> Vec<u8> {
        if self.is_reference(&view.entry) {
            let uris = encode_uris(&references(&view.entry, self.scope));
            let uris = Uris::decode(&uris, "uris");
            return uris.map_or_else(
                |_| Vec::new(),
                |uris| Message::encode(id, &Operation::SearchResultReference(uris), controls),
            );
        }
        let attributes = match with_attributes {
            true => self.selection.apply(view),
            false => AttributeList::encode([]),
        };
        entry_message(id, &view.entry.dn, &attributes, controls)
    }
}

fn entry_message(id: u32, dn: &str, attributes: &[u8], controls: &[Control<'_>]) -> Vec<u8> {
    let attributes = AttributeList::decode(attributes);
    attributes.map_or_else(
        |_| Vec::new(),
        |attributes| {
            let entry = SearchResultEntry { dn, attributes };
            Message::encode(id, &Operation::SearchResultEntry(entry), controls)
        },
    )
}

/// The URIs of a reference, with the scope in which to continue (RFC 3296 §5.2).
fn references(entry: &Entry, scope: Scope) -> Vec<String> {
    let scope = if scope == Scope::One { "base" } else { "sub" };
    let with_scope = |uri: String| match uri.contains('?') {
        true => uri,
        false => format!("{uri}??{scope}"),
    };
    entry.referral_uris().into_iter().map(with_scope).collect()
}

/// Refuses an operation at or below a referral object (RFC 3296 §5.1, §5.6).
pub(crate) fn refer(referral: &Entry, name: &str, scope: Option<Scope>) -> Refusal {
    let levels = dn::depth(&dn::key(name)).saturating_sub(dn::depth(&referral.key));
    let below = dn::rdns(name).unwrap_or_default();
    let below: Vec<&str> = below.into_iter().take(levels).collect();
    let aimed = |uri: String| {
        if below.is_empty() || uri.contains('?') {
            return uri;
        }
        let (server, target) = uri.split_once("://").unwrap_or(("ldap", &uri));
        let (host, dn) = target.split_once('/').unwrap_or((target, ""));
        let comma = if dn.is_empty() { "" } else { "," };
        format!("{server}://{host}/{}{comma}{dn}", below.join(","))
    };
    let with_scope = |uri: String| match scope {
        Some(scope) if !uri.contains('?') => format!("{uri}??{}", scope.as_str()),
        _ => uri,
    };
    let uris = referral.referral_uris().into_iter();
    Refusal {
        matched_dn: referral.dn.clone(),
        referral: uris.map(aimed).map(with_scope).collect(),
        ..Refusal::new(code::REFERRAL, "")
    }
}

/// Runs a search without a Sync Request control, up to its result. The inner value is that result.
pub(crate) fn plain(
    shared: &Shared,
    output: &Output,
    id: u32,
    query: &Query,
) -> Result<Result<(), Refusal>, Closed> {
    if let Some(special) = special(shared, query) {
        if query.condition.matches(&Seen(&special)) {
            let attributes = query.selection.apply(&special);
            output.send_bytes(&entry_message(id, special.dn(), &attributes, &[]))?;
        }
        return Ok(Ok(()));
    }
    let found = match query.find(&shared.lock().directory) {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    for (count, view) in found.iter().enumerate() {
        if count == query.size_limit {
            return Ok(Err(Refusal::new(code::SIZE_LIMIT_EXCEEDED, "")));
        }
        output.send_bytes(&query.message(id, view, true, &[]))?;
    }
    Ok(Ok(()))
}

/// The special entry that a search asks for, if it does.
pub(crate) fn special(shared: &Shared, query: &Query) -> Option<Special> {
    if query.scope != Scope::Base {
        None
    } else if query.base_key.is_empty() {
        Some(Special::root_dse(&shared.config))
    } else {
        (query.base_key == dn::key(SUBSCHEMA_DN)).then(Special::subschema)
    }
}
