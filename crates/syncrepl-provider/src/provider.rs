//! The handle of a running provider: its address, its entries, and functions that make the same
//! changes as LDAP clients.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use syncrepl_proto::Uuid;
use syncrepl_proto::dn;
use syncrepl_proto::filter::Filter;
use syncrepl_proto::message::{Scope, SearchRequest};

use crate::arming::Faults;
use crate::config::{Builder, Config, refused};
use crate::directory::{Directory, Modification, group};
use crate::entry::{Entry, Stored};
use crate::refusal::{Refusal, code};
use crate::request::Request;
use crate::search::Query;
use crate::server::Server;
use crate::shared::Shared;

/// A running in-memory RFC 4533 provider. Dropping it stops it and closes its connections.
///
/// Threads may share it. When a function that makes a change returns, the change is complete, and
/// every search in the persist stage has been notified.
#[derive(Debug)]
pub struct Provider {
    shared: Arc<Shared>,
    server: Server,
    seed: u64,
}

impl Provider {
    /// A configuration with every default.
    pub fn builder() -> Builder {
        Builder::new()
    }

    fn start(mut config: Config) -> io::Result<Provider> {
        let seed = config.seed.unwrap_or_else(|| fastrand::u64(..));
        let mut directory = Directory::new(&config.suffixes, config.change_log, seed);
        for suffix in &config.suffixes {
            dn::validate(suffix)
                .map_err(|error| Refusal::new(code::INVALID_DN_SYNTAX, error.to_string()))
                .map_err(|refusal| refused(suffix, refusal))?;
        }
        for entry in std::mem::take(&mut config.restored) {
            directory.restore(entry);
        }
        if config.suffix_entries {
            for suffix in &config.suffixes {
                let mentioned =
                    |(name, _): &(String, Vec<Stored>)| dn::key(name) == dn::key(suffix);
                let there = directory.get(&dn::key(suffix)).is_some();
                if !there && !config.entries.iter().any(mentioned) {
                    let class = Stored::new("objectClass", suffix_classes(suffix));
                    let added = directory.add(suffix, vec![class]);
                    added.map_err(|refusal| refused(suffix, refusal))?;
                }
            }
        }
        for (dn, attributes) in std::mem::take(&mut config.entries) {
            let added = directory.add(&dn, attributes);
            added.map_err(|refusal| refused(&dn, refusal))?;
        }
        let port = config.port;
        let shared = Arc::new(Shared::new(config, directory));
        let server = Server::start(Arc::clone(&shared), port)?;
        Ok(Provider {
            shared,
            server,
            seed,
        })
    }

    /// The address it listens on: `ldap://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port())
    }

    /// The LDAP URL (RFC 4516) of a search for every entry in the first naming context.
    pub fn search_url(&self) -> String {
        format!("{}/{}??sub", self.url(), percent_encode(self.base()))
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The first naming context.
    pub fn base(&self) -> &str {
        self.shared
            .config
            .suffixes
            .first()
            .map_or("", String::as_str)
    }

    /// The DN that may write, and its password.
    pub fn root(&self) -> (String, String) {
        self.shared.config.root()
    }

    /// The seed of all randomness. The same seed and the same adds give the same entryUUIDs, see
    /// [`Builder::seed`].
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Adds an entry and returns its entryUUID.
    ///
    /// Give an attribute once for each of its values. `objectClass` is required. The provider adds
    /// the values of the RDN itself.
    ///
    /// # Errors
    /// The result an LDAP client would get: the parent is missing, the DN is taken, `objectClass`
    /// is missing, or a value is given twice.
    pub fn add<N: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        dn: &str,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Uuid, Refusal> {
        let attributes = group(attributes);
        let change = self
            .shared
            .change(|directory| directory.add(dn, attributes))?;
        Ok(change.uuid)
    }

    /// Modifies an entry: either every modification applies or none.
    ///
    /// # Errors
    /// The result an LDAP client would get: the entry or a value is missing, a value exists
    /// already, or the RDN needs a value that would go.
    pub fn modify(
        &self,
        dn: &str,
        modifications: impl IntoIterator<Item = Modification>,
    ) -> Result<(), Refusal> {
        let modifications: Vec<_> = modifications.into_iter().collect();
        let change = self
            .shared
            .change(|directory| directory.modify(dn, &modifications));
        change.map(drop)
    }

    /// Gives an entry another RDN, and another parent if `new_superior` names one.
    ///
    /// The descendants move along. Like real providers, this one tells consumers nothing about
    /// them.
    ///
    /// # Errors
    /// The result an LDAP client would get: the entry or the new parent is missing, or the new DN
    /// is taken.
    pub fn rename(
        &self,
        dn: &str,
        new_rdn: &str,
        delete_old_rdn: bool,
        new_superior: Option<&str>,
    ) -> Result<(), Refusal> {
        let rename =
            |directory: &mut Directory| directory.rename(dn, new_rdn, delete_old_rdn, new_superior);
        self.shared.change(rename).map(drop)
    }

    /// Deletes an entry that has no children.
    ///
    /// # Errors
    /// The result an LDAP client would get: the entry is missing, or has children.
    pub fn delete(&self, dn: &str) -> Result<(), Refusal> {
        self.shared
            .change(|directory| directory.delete(dn))
            .map(drop)
    }

    /// Every entry, parents before children.
    pub fn entries(&self) -> Vec<Entry> {
        let found = self.shared.lock().directory.scope(&[], Scope::Subtree);
        found.iter().map(|view| Entry::clone(&view.entry)).collect()
    }

    /// The entry of this name.
    pub fn get(&self, dn: &str) -> Option<Entry> {
        let view = self.shared.lock().directory.get(&dn::key(dn))?;
        Some(Entry::clone(&view.entry))
    }

    /// The entries that a search finds, parents before children. Referral objects come as entries.
    /// `filter` is RFC 4515 text.
    ///
    /// # Errors
    /// The result an LDAP client would get: the base is missing, or the filter is malformed.
    pub fn search(&self, base: &str, scope: Scope, filter: &str) -> Result<Vec<Entry>, Refusal> {
        let filter = Filter::parse(filter)
            .map_err(|error| Refusal::new(code::PROTOCOL_ERROR, error.to_string()))?;
        let request = SearchRequest {
            base,
            scope,
            size_limit: 0,
            time_limit: 0,
            types_only: false,
            filter: filter.as_bytes(),
            attributes: Vec::new(),
        };
        let found = Query::new(&request, true)?.find(&self.shared.lock().directory)?;
        Ok(found.iter().map(|view| Entry::clone(&view.entry)).collect())
    }

    /// The faults that can be armed.
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(&self.shared)
    }

    /// Closes every connection without a notice. The provider accepts new ones.
    pub fn disconnect(&self) {
        self.server.disconnect();
    }

    /// The last 10,000 requests of all clients, in the order they arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// The number of searches in the persist stage.
    pub fn persisting(&self) -> usize {
        self.shared.persisting()
    }

    /// Waits until exactly `count` searches are in the persist stage; false when `patience` is
    /// over.
    pub fn wait_persisting(&self, count: usize, patience: Duration) -> bool {
        self.shared.wait_persisting(count, patience)
    }

    /// Stops the provider, as dropping it does.
    pub fn stop(self) {}
}

impl Builder {
    /// Starts the provider on 127.0.0.1.
    ///
    /// # Errors
    /// The port is taken, or the provider refuses a naming context or an entry to start with. In
    /// the second case the [`Refusal`] is the source of the error, and the message names the entry.
    pub fn start(mut self) -> io::Result<Provider> {
        if self.config.suffixes.is_empty() {
            self.config.suffixes.push("dc=example,dc=com".to_owned());
        }
        Provider::start(self.config)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.shared.faults.disarm();
        self.server.stop();
    }
}

/// The object classes for the entry of a naming context, by the type of its RDN.
fn suffix_classes(dn: &str) -> &'static [&'static str] {
    let values = dn::naming_values(dn).unwrap_or_default();
    let name = values.first().map_or("", |(name, _)| name);
    match name.to_ascii_lowercase().as_str() {
        "dc" => &["top", "domain"],
        "o" => &["top", "organization"],
        "ou" => &["top", "organizationalUnit"],
        _ => &["top", "extensibleObject"],
    }
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'=' | b',' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
