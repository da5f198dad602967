//! Plain searches beside the sync search, on a connection of their own that is opened only when
//! something has to be asked.

mod locate;

use std::net::SocketAddr;

use syncrepl_proto::Uuid;
use syncrepl_proto::attributes::AttributeList;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};
use syncrepl_proto::profile::Provider;

use super::ask::{Absent, Ask, Found};
use crate::connection::{Addresses, ConnectOptions, Connection, Credentials, Server};
use crate::error::{ErrorKind, Result};
use crate::stop::StopHandle;
use crate::store::records::attribute_list;
use crate::store::search::Search;

/// noSuchObject (RFC 4511 §4.1.9).
const NO_SUCH_OBJECT: u32 = 32;

/// Asks one provider, bound as the consumer is.
pub(crate) struct Lookup<'a> {
    pub(crate) server: &'a Server,
    /// The connection of the sync search is: so must be this one, or somebody on the way could answer in
    /// the provider's place what is gone.
    pub(crate) encrypted: bool,
    /// Where that connection goes: behind another address of the same name may be another provider, which
    /// is ahead or behind.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) options: &'a ConnectOptions,
    pub(crate) credentials: &'a Credentials,
    pub(crate) provider: Provider,
    pub(crate) search: &'a Search,
    pub(crate) stop: &'a StopHandle,
    /// Kept open between questions.
    pub(crate) connection: &'a mut Option<Connection>,
}

impl Lookup<'_> {
    /// One search. A connection that was kept may have been closed meanwhile: then a new one is
    /// tried, unless something was handed out already.
    fn run(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        attributes: Vec<&str>,
        on: &mut dyn FnMut(&str, AttributeList<'_>) -> Result<()>,
    ) -> Result<()> {
        let request = SearchRequest {
            base,
            scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: filter.as_bytes(),
            attributes,
        };
        let (mut reused, mut handed_out) = (self.connection.is_some(), false);
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.connect()?,
            };
            let result = connection.search(&request, &[], |entry| {
                handed_out = true;
                on(entry.dn, entry.attributes)
            });
            match result {
                Ok(()) => {
                    *self.connection = Some(connection);
                    return Ok(());
                }
                Err(error) if error.result_code() == Some(NO_SUCH_OBJECT) => {
                    // Nothing is there, which is an answer too.
                    *self.connection = Some(connection);
                    return Ok(());
                }
                Err(error) if reused && !handed_out && error.kind() == ErrorKind::Unreachable => {
                    reused = false;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The oldest and the newest change that the provider remembers, if it says so.
    pub(crate) fn changes(&mut self) -> Result<Option<(u64, u64)>> {
        Ok(self.connection()?.root_dse()?.changes)
    }

    /// The whole search without the control, to see if it is refused.
    pub(crate) fn try_whole(&mut self) -> Result<()> {
        let search = self.search;
        self.connection()?
            .search(&search.request(), &[], |_| Ok(()))
    }

    /// A new connection, since one that was kept may have been closed meanwhile.
    fn connection(&mut self) -> Result<&mut Connection> {
        let connection = self.connect()?;
        Ok(self.connection.insert(connection))
    }

    fn connect(&self) -> Result<Connection> {
        // A first stop request lets the stage end, and so what it asks.
        let options = ConnectOptions {
            abandon_at: 2,
            addresses: self.address.map_or(Addresses::All, Addresses::Only),
            require_tls: self.encrypted || self.options.require_tls,
            ..self.options.clone()
        };
        let mut connection = Connection::open(self.server, &options, self.stop)?;
        connection.bind(self.credentials)?;
        Ok(connection)
    }

    /// The attributes of the sync search, and the identity.
    fn attributes(&self) -> Vec<&str> {
        let search = self.search;
        let mut attributes: Vec<_> = search.attributes.iter().map(String::as_str).collect();
        if attributes.is_empty() {
            attributes.push("*");
        }
        if !search.shows(self.provider.uuid_attribute) {
            attributes.push(self.provider.uuid_attribute);
        }
        attributes
    }

    /// Shows entries as the sync search would: without an identity that was not asked for.
    /// Returns false when the bind identity may not read entryUUID.
    fn entries(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &Filter,
        found: &mut Found<'_>,
    ) -> Result<bool> {
        let (provider, mut readable) = (self.provider, true);
        let mut surplus = Vec::new();
        if !self.search.shows(provider.uuid_attribute) {
            surplus.push(provider.uuid_attribute);
        }
        if self.search.attributes.is_empty() {
            surplus.extend(provider.shown_by_star_only);
        }
        let attributes = self
            .attributes()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        let attributes = attributes.iter().map(String::as_str).collect();
        let except = &self.search.except;
        let found = &mut |uuid, dn: &str, attributes: AttributeList<'_>| match attributes
            .without_any(except)
        {
            Some(kept) => found(uuid, dn, attribute_list(&kept)?),
            None => found(uuid, dn, attributes),
        };
        self.run(base, scope, filter, attributes, &mut |dn, attributes| {
            let Some(uuid) = entry_uuid(provider, &attributes) else {
                readable = false;
                return Ok(());
            };
            let Some((first, others)) = surplus.split_first() else {
                return found(uuid, dn, attributes);
            };
            let mut stripped = attributes.without(first);
            for name in others {
                stripped = attribute_list(&stripped)?.without(name);
            }
            found(uuid, dn, attribute_list(&stripped)?)
        })?;
        Ok(readable)
    }
}

fn entry_uuid(provider: Provider, attributes: &AttributeList<'_>) -> Option<Uuid> {
    provider.uuid_of_value(attributes.values(provider.uuid_attribute).next()?)
}

fn any_of(provider: Provider, uuids: impl Iterator<Item = Uuid>) -> Filter {
    let name = provider.uuid_attribute;
    let items: Vec<_> = uuids
        .map(|uuid| Filter::equality(name, provider.uuid_to_value(uuid).as_bytes()))
        .collect();
    Filter::or(&items)
}

impl Lookup<'_> {
    /// Reads the entry under a DN, if it is the one that is wanted.
    fn at(&mut self, wanted: Uuid, dn: &str, found: &mut Found<'_>) -> Result<()> {
        let search = self.search;
        let mut seen = false;
        let readable = self.entries(
            dn,
            Scope::Base,
            &search.filter,
            &mut |uuid, dn, attributes| {
                if uuid == wanted {
                    seen = true;
                    return found(uuid, dn, attributes);
                }
                Ok(())
            },
        )?;
        if readable || seen {
            return Ok(());
        }
        // Something is there under that DN, and who it is may not be read: it stays.
        self.run(
            dn,
            Scope::Base,
            &search.filter,
            self_attributes(search),
            &mut |dn, attributes| match attributes.without_any(&search.except) {
                Some(kept) => found(wanted, dn, attribute_list(&kept)?),
                None => found(wanted, dn, attributes),
            },
        )
    }
}

impl Ask for Lookup<'_> {
    fn by_uuid(
        &mut self,
        wanted: &[(Uuid, String)],
        present: Option<Uuid>,
        found: &mut Found<'_>,
    ) -> Result<Absent> {
        let search = self.search;
        let ids = any_of(
            self.provider,
            wanted.iter().map(|(uuid, _)| *uuid).chain(present),
        );
        let filter = Filter::and(&[search.filter.clone(), ids]);
        let mut searchable = false;
        let readable = self.entries(
            &search.base,
            search.scope,
            &filter,
            &mut |uuid, dn, attributes| {
                searchable = true;
                if wanted.iter().any(|(wanted, _)| *wanted == uuid) {
                    found(uuid, dn, attributes)
                } else {
                    Ok(())
                }
            },
        )?;
        if readable && searchable {
            return Ok(Absent::IsGone);
        }
        // Either entryUUID may not be searched, or the control is not there any more. Reading each
        // entry by its DN answers in both cases.
        // A copy that was adopted may hold entries outside of the search.
        let may_show = |dn: &str| !dn.is_empty() && search.covers(dn);
        for (wanted, dn) in wanted.iter().filter(|(_, dn)| may_show(dn)) {
            self.at(*wanted, dn, found)?;
        }
        Ok(Absent::MayHaveMoved)
    }

    fn ids(&mut self, found: &mut dyn FnMut(Uuid) -> Result<()>) -> Result<bool> {
        let (search, provider) = (self.search, self.provider);
        let mut readable = true;
        self.run(
            &search.base,
            search.scope,
            &search.filter,
            vec![provider.uuid_attribute],
            &mut |_, attributes| match entry_uuid(provider, &attributes) {
                Some(uuid) => found(uuid),
                None => {
                    readable = false;
                    Ok(())
                }
            },
        )?;
        Ok(readable)
    }

    fn with_children(&mut self, uuids: &[Uuid]) -> Result<Vec<String>> {
        let search = self.search;
        let children = Filter::parse(self.provider.has_children)
            .unwrap_or_else(|_| Filter::present("objectClass"));
        let filter = Filter::and(&[children, any_of(self.provider, uuids.iter().copied())]);
        let mut dns = Vec::new();
        self.run(
            &search.base,
            search.scope,
            &filter,
            vec!["1.1"],
            &mut |dn, _| {
                dns.push(dn.to_owned());
                Ok(())
            },
        )?;
        Ok(dns)
    }

    fn below(&mut self, dn: &str, found: &mut Found<'_>) -> Result<()> {
        let search = self.search;
        self.entries(dn, Scope::Subtree, &search.filter, found)?;
        Ok(())
    }

    fn whole(&mut self, found: &mut Found<'_>) -> Result<()> {
        let search = self.search;
        self.entries(&search.base, search.scope, &search.filter, found)?;
        Ok(())
    }
}

fn self_attributes(search: &Search) -> Vec<&str> {
    search.attributes.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncrepl_proto::profile::openldap;
    use syncrepl_testing::slapd::{SUFFIX, Slapd, Variant};

    /// It is the address that counts, whatever the name says by now.
    #[test]
    fn asks_at_the_address_of_the_sync_search() {
        let slapd = Slapd::start(Variant::Plain);
        let server = Server::ldap("no-such-host.invalid", slapd.port());
        let (options, stop) = (ConnectOptions::default(), StopHandle::new());
        let search = Search {
            base: SUFFIX.to_owned(),
            scope: Scope::Subtree,
            filter: Filter::present("objectClass"),
            attributes: Vec::new(),
            except: Vec::new(),
        };
        let mut connection = None;
        let mut lookup = Lookup {
            server: &server,
            encrypted: false,
            address: Some(SocketAddr::from(([127, 0, 0, 1], slapd.port()))),
            options: &options,
            credentials: &Credentials::Anonymous,
            provider: openldap::PROVIDER,
            search: &search,
            stop: &stop,
            connection: &mut connection,
        };
        lookup.try_whole().unwrap();
    }
}
