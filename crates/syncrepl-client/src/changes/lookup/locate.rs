//! Where entries are, and who bears a DN, whatever the filter says.

use std::collections::BTreeMap;

use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::Scope;
use syncrepl_proto::profile::Provider;
use syncrepl_proto::{Uuid, attributes::AttributeList, dn};

use super::{Lookup, any_of, entry_uuid};
use crate::changes::ask::{Locate, Located, Place, Searched};
use crate::error::{ErrorKind, Result};

/// busy and unavailable (RFC 4511 §4.1.9): another try may be answered.
const PASSING: [u32; 2] = [51, 52];

impl Lookup<'_> {
    /// One search for entryUUIDs. A provider that refuses it shows nothing.
    fn show(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        on: &mut dyn FnMut(&str, AttributeList<'_>),
    ) -> Result<()> {
        let wanted = vec![self.provider.uuid_attribute, "entryCSN"];
        let shown = self.run(base, scope, filter, wanted, &mut |dn, attributes| {
            on(dn, attributes);
            Ok(())
        });
        match shown {
            Err(error)
                if error.kind() == ErrorKind::Refused
                    && error
                        .result_code()
                        .is_some_and(|code| !PASSING.contains(&code)) =>
            {
                tracing::debug!("parents are not shown: {error}");
                Ok(())
            }
            shown => shown,
        }
    }

    fn read(&mut self, dn: &str) -> Result<Option<Located>> {
        let mut found = None;
        let (provider, any) = (self.provider, Filter::present("objectClass"));
        self.show(dn, Scope::Base, &any, &mut |dn, attributes| {
            found = named(provider, dn, &attributes);
        })?;
        Ok(found)
    }
}

fn named(provider: Provider, dn: &str, attributes: &AttributeList<'_>) -> Option<Located> {
    Some(Located {
        uuid: entry_uuid(provider, attributes)?,
        dn: dn.to_owned(),
        csn: attributes.values("entryCSN").next().map(<[u8]>::to_vec),
    })
}

impl Locate for Lookup<'_> {
    fn places(
        &mut self,
        wanted: &[(Uuid, String)],
        present: Option<Uuid>,
        found: &mut Place<'_>,
    ) -> Result<Searched> {
        let provider = self.provider;
        let ids = any_of(
            provider,
            wanted.iter().map(|(uuid, _)| *uuid).chain(present),
        );
        let base = self.search.base.as_str();
        let mut searched = Searched::ByDn;
        self.show(base, Scope::Subtree, &ids, &mut |dn, attributes| {
            if let Some(named) = named(provider, dn, &attributes) {
                searched = Searched::ByUuid;
                found(named);
            }
        })?;
        if searched == Searched::ByDn {
            for (uuid, dn) in wanted {
                if let Some(named) = self.read(dn)?.filter(|named| named.uuid == *uuid) {
                    found(named);
                }
            }
        }
        Ok(searched)
    }

    fn named(&mut self, dns: &[String]) -> Result<Vec<Option<Located>>> {
        let items: Vec<_> = dns
            .iter()
            .map(|dn| Filter::equality("entryDN", dn.as_bytes()))
            .collect();
        let base = self.search.base.as_str();
        let mut shown: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let (provider, any) = (self.provider, Filter::or(&items));
        self.show(base, Scope::Subtree, &any, &mut |dn, attributes| {
            let alike = shown.entry(dn::key(dn)).or_default();
            alike.extend(named(provider, dn, &attributes));
        })?;
        // Not every provider knows entryDN, and the right to search it may be missing. And only the
        // provider knows whether a name in other letters is the same.
        dns.iter()
            .map(|dn| {
                let alike = shown.get(&dn::key(dn)).into_iter().flatten();
                let mut same = alike.filter(|named| dn::same_spelling_aside(&named.dn, dn));
                match same.next() {
                    Some(named) => Ok(Some(named.clone())),
                    None => self.read(dn),
                }
            })
            .collect()
    }
}
